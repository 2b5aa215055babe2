import { ConfigurationError, messageOf, RetryError } from '../core/errors.ts';
import { readFacts, tableNames, withDatabase, type DatabaseAddress, type DatabaseFacts } from './database.ts';
import { nearest } from './near.ts';
import { captureOf, needsOf, type Need } from './requirements.ts';
import { chooseConfig, REGISTRY_VARIABLE, slotName, type Layout } from './scaffold-config.ts';
import { Secrets } from './secrets.ts';

export interface ScaffoldOptions {
  /** `postgres://user:password@host:port/database`; `sslmode` may stand in its query. Without a password PGPASSWORD is used. */
  readonly url: string;
  /** `schema.table` of each, in the order in which their rows are to be read at first: those that are joined come first. */
  readonly tables: readonly string[];
  /** Those of `tables` that are only streamed. Default: none; all with a key have compacted topics. */
  readonly streams?: readonly string[];
  /** `schema.table` of the table in which signals are written, for `millrace snapshot` and `millrace resync`. Default: none. */
  readonly signals?: string;
  /** Default: the database's name. */
  readonly name?: string;
  /** Default: the connector's name. */
  readonly topicPrefix?: string;
  /** Of each topic. Default 4. */
  readonly partitions?: number;
  /** In front of the names of the variables for host, port, user, password and database. Default MILLRACE_PG. */
  readonly variablePrefix?: string;
}

/** A variable that Connect has to have. The password's value is never here. */
export interface ScaffoldVariable {
  readonly name: string;
  readonly value?: string;
}

export interface Scaffold {
  readonly connector: { readonly name: string; readonly config: Readonly<Record<string, string>> };
  /** Why it is as it is, where the database made the difference. */
  readonly reasons: readonly string[];
  readonly needs: readonly Need[];
  readonly variables: readonly ScaffoldVariable[];
}

const DEFAULT_PORT = 5432;
const DEFAULT_PARTITIONS = 4;
/** Whatever the mode, the publication is of some tables. */
const PUBLICATION_MODE = 'filtered';
export const DEFAULT_VARIABLE_PREFIX = 'MILLRACE_PG';

const addressOf = (text: string): DatabaseAddress => {
  const usage = 'the database is given as postgres://user:password@host:port/database';
  if (!URL.canParse(text)) throw new ConfigurationError([usage]);
  const url = new URL(text);
  const database = decodeURIComponent(url.pathname.slice(1));
  if (!/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '' || url.username === '' || database === '') throw new ConfigurationError([usage]);
  const sslMode = url.searchParams.get('sslmode');
  return {
    host: url.hostname.replace(/^\[(.*)\]$/, '$1'),
    port: Number(url.port === '' ? DEFAULT_PORT : url.port),
    user: decodeURIComponent(url.username),
    password: url.password === '' ? undefined : decodeURIComponent(url.password),
    database,
    ...(sslMode === null ? {} : { sslMode }),
  };
};

/** Classes of SQLSTATE in which PostgreSQL says that what it was given is wrong: the user, the password, the database. */
const REFUSED = /^(28|3D)/;

const explained = (error: unknown, { host, port, password }: DatabaseAddress): unknown => {
  if (error instanceof ConfigurationError || !(error instanceof Error)) return error;
  const secrets = new Secrets();
  if (password !== undefined) secrets.add('password', password);
  const message = secrets.cut(messageOf(error) || String('code' in error ? error.code : error.name));
  if ('code' in error && REFUSED.test(String(error.code))) return new ConfigurationError([`PostgreSQL at ${host}:${port} refuses: ${message}`]);
  return new RetryError(`PostgreSQL at ${host}:${port}: ${message}`);
};

const checkSignals = (signals: string | undefined, tables: readonly string[]): void => {
  if (signals === undefined) return;
  if (!/^[^.]+\.[^.]+$/.test(signals)) throw new ConfigurationError([`'${signals}' is no table for signals: it is SCHEMA.TABLE`]);
  if (tables.includes(signals)) throw new ConfigurationError([`${signals} is for signals, and cannot be among the tables too`]);
};

const checkTables = (wanted: readonly string[], streams: readonly string[], existing: readonly string[]): void => {
  const problems: string[] = [];
  if (wanted.length === 0) problems.push('no table is named');
  for (const name of new Set([...wanted, ...streams])) {
    if (!wanted.includes(name)) problems.push(`${name} is streamed, but is not among the tables`);
    if (existing.includes(name)) continue;
    const near = name.includes('.') ? nearest(name, existing) : existing.find((other) => other.endsWith(`.${name}`));
    problems.push(`there is no table ${name}${near === undefined ? '' : `; did you mean ${near}?`}`);
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
};

const slotNeeds = ({ slot, server }: DatabaseFacts, name: string): Need[] => {
  const needs: Need[] = [];
  if (slot !== undefined) {
    const read = slot.active ? ', and somebody reads it' : '';
    needs.push({ level: 'required', key: 'slot.name', text: `there is a replication slot ${name} already${read}: choose another --name, or drop it if no connector uses it` });
  }
  if (server.maxSlotKeepMb < 0) {
    needs.push({ level: 'advised', key: 'slot.name', text: 'max_slot_wal_keep_size is -1: while the connector stands still, the WAL that is kept for it grows until the disk is full. With a bound, a connector that is away for too long has to begin anew' });
  }
  return needs;
};

/**
 * A connector for the tables of a database, and what that database still needs, found by connecting to it. Writes nothing.
 * @throws ConfigurationError for a table that does not exist, or when PostgreSQL refuses user, password or database
 * @throws RetryError when PostgreSQL does not answer
 */
export const scaffoldConnector = async (options: ScaffoldOptions): Promise<Scaffold> => {
  const address = addressOf(options.url);
  const name = options.name ?? address.database;
  const variablePrefix = options.variablePrefix ?? DEFAULT_VARIABLE_PREFIX;
  const streams = options.streams ?? [];
  const layout: Layout = {
    name, streams, variablePrefix,
    topicPrefix: options.topicPrefix ?? name.replaceAll(/[^A-Za-z0-9._-]/g, '_'),
    partitions: options.partitions ?? DEFAULT_PARTITIONS,
    sslMode: address.sslMode,
    signals: options.signals,
  };
  checkSignals(options.signals, options.tables);
  const slot = slotName(name);
  try {
    return await withDatabase(address, async (client) => {
      checkTables(options.tables, streams, await tableNames(client));
      // What is joined is read before what is streamed, so that a first snapshot has its rows.
      const tables = [...new Set([...options.tables.filter((table) => !streams.includes(table)), ...options.tables])];
      const facts = await readFacts(client, tables, { slot, publication: slot, publicationMode: PUBLICATION_MODE, signals: options.signals });
      const { config, reasons } = chooseConfig(facts, layout);
      const values = { HOST: address.host, PORT: String(address.port), USER: address.user, PASSWORD: undefined, DATABASE: address.database };
      const variables = Object.entries(values).map(([part, value]): ScaffoldVariable => ({ name: `${variablePrefix}_${part}`, ...(value === undefined ? {} : { value }) }));
      const needs = [...needsOf(facts, captureOf(config, tables)), ...slotNeeds(facts, slot)];
      return { connector: { name, config }, reasons, needs, variables: [...variables, { name: REGISTRY_VARIABLE }] };
    });
  } catch (error) {
    throw explained(error, address);
  }
};
