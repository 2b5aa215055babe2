import type { DatabaseFacts, FactNames, TableFacts, Unidentified } from './database.ts';
import { LOSSES, wideColumns } from './losses.ts';

/** What a database still needs before its tables are captured. */
export interface Need {
  /** required: the connector, or the application's own writes, would fail; advised: it works, with a loss that is named. */
  readonly level: 'required' | 'advised';
  /** The setting of the connector that it is about. */
  readonly key: string;
  readonly text: string;
  /** Statements that help, for somebody with the rights. */
  readonly sql?: string;
}

export interface Capture extends FactNames {
  /** plugin.name */
  readonly plugin: string;
  /** `schema.table` of those that are to be captured. */
  readonly tables: readonly string[];
  /** The connector's, resolved as far as this process can. */
  readonly config: Readonly<Record<string, string>>;
}

/** The oldest PostgreSQL that Debezium 3 supports. */
const OLDEST_VERSION = 130_000;
const TABLES_KEY = 'table.include.list';
const SIGNALS_KEY = 'signal.data.collection';
const PLUGIN = 'pgoutput';
const SOURCE_CHANNEL = 'source';
const SIGNAL_COLUMNS = ['id', 'type', 'data'] as const;
const SUGGESTED_SIGNALS = 'public.debezium_signal';
/** More names are counted only. */
const SHOWN_NAMES = 10;

export const quoted = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

export const fullName = ({ schema, name }: Pick<TableFacts, 'schema' | 'name'>): string => `${schema}.${name}`;

/** `schema.table` for SQL. A table's name may have a dot in it. */
const quotedName = (table: string): string => {
  const dot = table.indexOf('.');
  return `${quoted(table.slice(0, dot))}.${quoted(table.slice(dot + 1))}`;
};

/** The capture that a configuration describes, with Debezium's own defaults where it is silent. */
export const captureOf = (config: Readonly<Record<string, string>>, tables: readonly string[]): Capture => {
  const channels = (config['signal.enabled.channels'] ?? SOURCE_CHANNEL).split(',').map((channel) => channel.trim());
  const signals = config[SIGNALS_KEY];
  return {
    slot: config['slot.name'] ?? 'debezium',
    plugin: config['plugin.name'] ?? 'decoderbufs',
    publication: config['publication.name'] ?? 'dbz_publication',
    publicationMode: config['publication.autocreate.mode'] ?? 'all_tables',
    signals: signals === undefined || !channels.includes(SOURCE_CHANNEL) ? undefined : signals.includes('.') ? signals : `public.${signals}`,
    tables, config,
  };
};

const serverNeeds = ({ server, slot }: DatabaseFacts, capture: Capture): Need[] => {
  const needs: Need[] = [];
  const need = (key: string, text: string, sql?: string): void => void needs.push({ level: 'required', key, text, ...(sql === undefined ? {} : { sql }) });
  if (server.version < OLDEST_VERSION) need('database.hostname', `PostgreSQL ${Math.trunc(server.version / 10_000)} is too old: Debezium needs 13 or newer`);
  if (server.walLevel !== 'logical') need('database.hostname', `wal_level is ${server.walLevel}, not logical; the server has to be restarted for it`, "ALTER SYSTEM SET wal_level = 'logical';");
  if (!server.replication) need('database.user', 'its user has no replication privilege', `ALTER ROLE ${quoted(server.user)} REPLICATION;`);
  if (slot === undefined && server.slots >= server.maxSlots) {
    need('slot.name', `all ${server.maxSlots} replication slots are taken (max_replication_slots); the server has to be restarted for more`, `ALTER SYSTEM SET max_replication_slots = ${server.maxSlots + 4};`);
  }
  if (slot === undefined && server.senders >= server.maxSenders) {
    need('slot.name', `all ${server.maxSenders} connections for replication are taken (max_wal_senders); the server has to be restarted for more`, `ALTER SYSTEM SET max_wal_senders = ${server.maxSenders + 4};`);
  }
  if (slot !== undefined && slot.plugin !== capture.plugin) need('slot.name', `there is a replication slot ${capture.slot} with the plugin ${slot.plugin ?? 'none (it is physical)'}, not ${capture.plugin}`);
  else if (slot !== undefined && slot.database !== server.database) need('slot.name', `there is a replication slot ${capture.slot} of another database, ${slot.database}`);
  return needs;
};

/** Tables of the database that the publication has to have, the one for signals among them, though it may not be there yet. */
const publishedNames = ({ tables }: DatabaseFacts, { signals }: Capture): string[] => [...tables.map(fullName), ...(signals === undefined ? [] : [signals])];

const publicationSql = (facts: DatabaseFacts, capture: Capture): string => {
  const root = facts.tables.some(({ kind }) => kind === 'p') ? ' WITH (publish_via_partition_root = true)' : '';
  return `CREATE PUBLICATION ${quoted(capture.publication)} FOR TABLE ${publishedNames(facts, capture).map(quotedName).join(', ')}${root};`;
};

/** Whether the connector's user may make the publication, or give it these tables. */
export const mayPublish = ({ server, tables, signals }: DatabaseFacts): boolean => server.createsPublications && [...tables, ...(signals === undefined ? [] : [signals])].every(({ owned }) => owned);

const OWNER_MAKES = ", and its user may not make that so: it takes the tables' owner with CREATE on the database";
const SUPERUSER_MAKES = ', and only a superuser may make one of all tables, as all_tables (the default of publication.autocreate.mode) does: make it, or set filtered';

const publicationNeeds = (facts: DatabaseFacts, capture: Capture): Need[] => {
  const { publication, server } = facts;
  const { publication: name, publicationMode: mode } = capture;
  const wanted = publishedNames(facts, capture);
  const missing = publication === undefined ? wanted : publication.allTables ? [] : wanted.filter((table) => !publication.tables.includes(table));
  if (missing.length === 0) return [];
  const key = 'publication.name';
  if (mode === 'filtered' && mayPublish(facts)) return [];
  const owner = mode === 'filtered' ? OWNER_MAKES : '';
  if (publication !== undefined) {
    return [{ level: 'required', key, text: `the publication ${name} does not publish ${missing.join(', ')}${owner}`, sql: `ALTER PUBLICATION ${quoted(name)} ADD TABLE ${missing.map(quotedName).join(', ')};` }];
  }
  if (mode === 'all_tables' && server.superuser) return [];
  return [{ level: 'required', key, text: `there is no publication ${name}${mode === 'all_tables' ? SUPERUSER_MAKES : owner}`, sql: publicationSql(facts, capture) }];
};

const REFUSES = "once it is published, PostgreSQL refuses the application's own updates and deletes of it";

const whyUnidentified = (table: TableFacts, { replicaIdentity }: Unidentified): string => {
  if (replicaIdentity === 'n') return 'has REPLICA IDENTITY NOTHING';
  if (replicaIdentity === 'i') return 'has a replica identity whose index is gone';
  return table.primaryKey.length > 0 ? 'has a deferrable primary key' : 'has no primary key';
};

const identityNeeds = (table: TableFacts): Need[] =>
  table.unidentified.map((unidentified) => {
    const usable = table.primaryKey.length > 0 && !table.deferrable;
    const own = unidentified.name === quotedName(fullName(table));
    return {
      level: 'required', key: TABLES_KEY,
      text: `${own ? fullName(table) : `the partition ${unidentified.name} of ${fullName(table)}`} ${whyUnidentified(table, unidentified)}: ${REFUSES}. Give it ${table.primaryKey.length === 0 ? 'a key, or a replica identity' : 'a replica identity'}`,
      sql: `ALTER TABLE ${unidentified.name} REPLICA IDENTITY ${usable ? 'DEFAULT' : 'FULL'};`,
    };
  });

const otherNeeds = ({ others, publication }: DatabaseFacts, { publication: name }: Capture): Need[] => {
  if (others.length === 0) return [];
  const more = others.length > SHOWN_NAMES ? ` and ${others.length - SHOWN_NAMES} more` : '';
  return [{
    level: 'required', key: 'publication.autocreate.mode',
    text: `${publication === undefined ? 'all_tables publishes' : `the publication ${name} has`} every table of the database, so that PostgreSQL refuses updates and deletes of those without a replica identity, captured or not: ${others.slice(0, SHOWN_NAMES).join(', ')}${more}. Set filtered, with a publication of its own`,
  }];
};

const tableNeeds = (table: TableFacts, { config, plugin }: Capture, user: string): Need[] => {
  const name = fullName(table);
  const needs: Need[] = [];
  const advise = (text: string, sql?: string): void => void needs.push({ level: 'advised', key: TABLES_KEY, text, ...(sql === undefined ? {} : { sql }) });
  const full = `ALTER TABLE ${quotedName(name)} REPLICA IDENTITY FULL;`;
  if (!table.selectable) {
    needs.push({ level: 'required', key: TABLES_KEY, text: `its user may not read ${name}`, sql: `GRANT USAGE ON SCHEMA ${quoted(table.schema)} TO ${quoted(user)}; GRANT SELECT ON ${quotedName(name)} TO ${quoted(user)};` });
  }
  if (plugin === PLUGIN) needs.push(...identityNeeds(table));
  if (!hasKey(table)) advise(`${name} has no key: its records have none either, so table() cannot read them, and they are spread over the partitions in any order`);
  const { told, silent } = wideColumns(table);
  if (table.replicaIdentity !== 'f') {
    const whole = 'ask for the whole row';
    if (told.length > 0) advise(`${name} has columns whose large values PostgreSQL does not send again when they do not change (${told.join(', ')}): a stream refuses such an update, and a table that reads only what compaction left of the topic has null. For them ${whole}`, full);
    if (silent.length > 0) advise(`${name} has columns whose large values (2 kB and more) Debezium takes for null when they do not change, so that no stream and no table can tell (${silent.join(', ')}): ${whole}`, full);
  }
  for (const { applies, text } of LOSSES) {
    const columns = table.columns.filter((column) => applies(column, config)).map((column) => column.name);
    if (columns.length > 0) advise(`${text(name)}: ${columns.join(', ')}`);
  }
  return needs;
};

/** Whether its records have a key. */
export const hasKey = ({ primaryKey, uniqueIndex }: Pick<TableFacts, 'primaryKey' | 'uniqueIndex'>): boolean => primaryKey.length > 0 || uniqueIndex;

const signalNeeds = ({ signals: table, server, publication }: DatabaseFacts, { signals: name, publication: published, publicationMode }: Capture): Need[] => {
  const made = name ?? SUGGESTED_SIGNALS;
  const grant = `GRANT SELECT, INSERT ON ${quotedName(made)} TO ${quoted(server.user)};`;
  const create = `CREATE TABLE IF NOT EXISTS ${quotedName(made)} (id text PRIMARY KEY, type text NOT NULL, data text); ${grant}`;
  if (name === undefined) {
    const add = publicationMode === 'filtered' || publication?.allTables === true ? '' : ` ALTER PUBLICATION ${quoted(published)} ADD TABLE ${quotedName(made)};`;
    const text = 'it takes no signals, without which `millrace snapshot` cannot have a table read again, and `millrace resync --apply` does nothing: set it to a table made for them (--signals of scaffold)';
    return [{ level: 'advised', key: SIGNALS_KEY, text, sql: `${create}${add}` }];
  }
  const need = (text: string, sql?: string): Need[] => [{ level: 'required', key: SIGNALS_KEY, text, ...(sql === undefined ? {} : { sql }) }];
  if (table === undefined) return need(`there is no table ${name} for signals`, create);
  const missing = SIGNAL_COLUMNS.filter((column) => !table.columns.some((own) => own.name === column));
  if (missing.length > 0) return need(`the table ${name} for signals has no column ${missing.join(', ')}`);
  return table.selectable && table.insertable ? [] : need(`its user may not read and write ${name}, which a signal takes`, `GRANT USAGE ON SCHEMA ${quoted(table.schema)} TO ${quoted(server.user)}; ${grant}`);
};

/** Everything that is missing, required before advised. Empty when the connector can start and loses nothing. */
export const needsOf = (facts: DatabaseFacts, capture: Capture): readonly Need[] => {
  const found = new Set(facts.tables.map(fullName));
  const absent = capture.tables
    .filter((name) => !found.has(name) && name !== capture.signals)
    .map((name): Need => ({ level: 'required', key: TABLES_KEY, text: `there is no table ${name} in the database ${facts.server.database}` }));
  const published = capture.plugin === PLUGIN ? [...publicationNeeds(facts, capture), ...otherNeeds(facts, capture)] : [];
  const all = [...absent, ...serverNeeds(facts, capture), ...signalNeeds(facts, capture), ...published, ...facts.tables.flatMap((table) => tableNeeds(table, capture, facts.server.user))];
  return [...all.filter(({ level }) => level === 'required'), ...all.filter(({ level }) => level === 'advised')];
};
