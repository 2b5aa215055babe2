import type { DatabaseFacts, TableFacts } from './database.ts';

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

export interface Capture {
  readonly slot: string;
  readonly publication: string;
  /** publication.autocreate.mode */
  readonly publicationMode: string;
  /** `schema.table` of those that are to be captured. */
  readonly tables: readonly string[];
}

/** The oldest PostgreSQL that Debezium 3 supports. */
const OLDEST_VERSION = 130_000;

export const quoted = (name: string): string => (/^[a-z_][a-z0-9_]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`);

export const fullName = ({ schema, name }: Pick<TableFacts, 'schema' | 'name'>): string => `${schema}.${name}`;

const quotedName = ({ schema, name }: TableFacts): string => `${quoted(schema)}.${quoted(name)}`;

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
  if (slot !== undefined && slot.plugin !== 'pgoutput') need('slot.name', `there is a replication slot ${capture.slot} with the plugin ${slot.plugin ?? 'none (it is physical)'}, not pgoutput`);
  else if (slot !== undefined && slot.database !== server.database) need('slot.name', `there is a replication slot ${capture.slot} of another database, ${slot.database}`);
  return needs;
};

const publicationSql = (capture: Capture, tables: readonly TableFacts[]): string => {
  const root = tables.some(({ kind }) => kind === 'p') ? ' WITH (publish_via_partition_root = true)' : '';
  return `CREATE PUBLICATION ${quoted(capture.publication)} FOR TABLE ${tables.map(quotedName).join(', ')}${root};`;
};

/** Whether the connector's user may make the publication, or give it these tables. */
export const mayPublish = ({ server, tables }: DatabaseFacts): boolean => server.createsPublications && tables.every(({ owned }) => owned);

const publicationNeeds = (facts: DatabaseFacts, capture: Capture): Need[] => {
  const { publication, tables } = facts;
  const key = 'publication.name';
  const name = capture.publication;
  const missing = publication === undefined ? tables : publication.allTables ? [] : tables.filter((table) => !publication.tables.includes(fullName(table)));
  if (missing.length === 0 || tables.length === 0) return [];
  const makes = capture.publicationMode !== 'disabled' && capture.publicationMode !== 'no_tables';
  if (makes && mayPublish(facts)) return [];
  const why = makes ? ", and its user may not make that so: it takes the tables' owner with CREATE on the database" : '';
  if (publication === undefined) return [{ level: 'required', key, text: `there is no publication ${name}${why}`, sql: publicationSql(capture, tables) }];
  return [{
    level: 'required', key,
    text: `the publication ${name} does not publish ${missing.map(fullName).join(', ')}${why}`,
    sql: `ALTER PUBLICATION ${quoted(name)} ADD TABLE ${missing.map(quotedName).join(', ')};`,
  }];
};

const tableNeeds = (table: TableFacts, user: string): Need[] => {
  const name = fullName(table);
  const needs: Need[] = [];
  const key = 'table.include.list';
  const full = `ALTER TABLE ${quotedName(table)} REPLICA IDENTITY FULL;`;
  if (!table.selectable) {
    needs.push({ level: 'required', key, text: `its user may not read ${name}`, sql: `GRANT USAGE ON SCHEMA ${quoted(table.schema)} TO ${quoted(user)}; GRANT SELECT ON ${quotedName(table)} TO ${quoted(user)};` });
  }
  if (table.primaryKey.length === 0 && table.replicaIdentity !== 'f' && table.replicaIdentity !== 'i') {
    needs.push({
      level: 'required', key,
      text: `${name} has no primary key: once it is published, PostgreSQL refuses the application's own updates and deletes of it. Give it one, or a replica identity`,
      sql: full,
    });
  }
  if (table.primaryKey.length === 0 && !table.uniqueIndex) {
    needs.push({ level: 'advised', key, text: `${name} has no key: its records have none either, so table() cannot read them, and they are spread over the partitions in any order` });
  }
  const wide = table.columns.filter((column) => column.wide && !table.primaryKey.includes(column.name)).map((column) => column.name);
  if (wide.length > 0 && table.replicaIdentity !== 'f') {
    needs.push({
      level: 'advised', key,
      text: `${name} has columns whose large values PostgreSQL does not send again when they do not change (${wide.join(', ')}), and what it was is lost once the topic is compacted. For table(), ask for the whole row`,
      sql: full,
    });
  }
  const numbers = table.columns.filter(({ type }) => type === 'numeric[]').map((column) => column.name);
  if (numbers.length > 0) needs.push({ level: 'advised', key, text: `an array of ${name} with a NaN in it arrives as null: ${numbers.join(', ')}` });
  const dates = table.columns.filter(({ type }) => type === 'date' || type === 'date[]').map((column) => column.name);
  if (dates.length > 0) needs.push({ level: 'advised', key, text: `infinity and years BC in a date of ${name} arrive as other dates: ${dates.join(', ')}` });
  const generated = table.columns.filter((column) => column.generated).map((column) => column.name);
  if (generated.length > 0) needs.push({ level: 'advised', key, text: `generated columns of ${name} are not sent: ${generated.join(', ')}` });
  return needs;
};

/** Everything that is missing, required before advised. Empty when the connector can start. */
export const needsOf = (facts: DatabaseFacts, capture: Capture): readonly Need[] => {
  const found = new Set(facts.tables.map(fullName));
  const absent = capture.tables
    .filter((name) => !found.has(name))
    .map((name): Need => ({ level: 'required', key: 'table.include.list', text: `there is no table ${name} in the database ${facts.server.database}` }));
  const all = [...absent, ...serverNeeds(facts, capture), ...publicationNeeds(facts, capture), ...facts.tables.flatMap((table) => tableNeeds(table, facts.server.user))];
  return [...all.filter(({ level }) => level === 'required'), ...all.filter(({ level }) => level === 'advised')];
};
