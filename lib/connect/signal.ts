/** Incremental snapshots: a row in the connector's signal table asks Debezium to read a table again, chunk by chunk, while changes go on. */
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { ConfigurationError } from '../core/errors.ts';
import { findCapture, fullName, parseTableName, requireRunning, type Capture, type TableName } from './capture.ts';
import { clientOf, type ConnectOptions } from './client.ts';
import { keyColumns, quoted, withPostgres } from './source-table.ts';

export interface SnapshotOptions extends ConnectOptions {
  /** With a user who may read the table and insert into the signal table. */
  readonly postgresUrl: string;
  /** `table` (of schema public) or `schema.table`. */
  readonly table: string;
  /** Which connector, where several capture the table. */
  readonly connector?: string;
  /** A condition in SQL over the table's columns; without it the whole table. */
  readonly where?: string;
}

export interface RequestedSnapshot {
  /** Of the row in the signal table; Debezium logs it. */
  readonly signal: string;
  readonly connector: string;
  readonly table: string;
  readonly topic: string;
  readonly where: string | null;
  /** PostgreSQL's estimate of the rows that will be read. */
  readonly estimatedRows: number;
}

const HOW_TO = 'docs/OPERATIONS.md says how a connector takes signals';
const DEFAULT_PUBLICATION = 'dbz_publication';

/** The connector's signal table. Throws `ConfigurationError` when it has none. */
const signalTableOf = ({ connector, config }: Capture): TableName => {
  const table = config['signal.data.collection'];
  const channels = (config['signal.enabled.channels'] ?? 'source').split(',').map((channel) => channel.trim());
  if (table === undefined) throw new ConfigurationError([`connector ${connector} takes no signals: signal.data.collection is not set`], { hint: HOW_TO });
  if (!channels.includes('source')) throw new ConfigurationError([`connector ${connector} takes no signals from its table: signal.enabled.channels is ${channels.join(',')}`], { hint: HOW_TO });
  return parseTableName(table);
};

const SIGNAL_TABLE = `
  SELECT t.oid IS NOT NULL AS there, current_user AS role, has_table_privilege(t.oid, 'INSERT') AS insertable,
    ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = t.oid AND attnum > 0 AND NOT attisdropped) AS columns,
    EXISTS (SELECT FROM pg_publication WHERE pubname = $2) AS publication,
    EXISTS (SELECT FROM pg_publication_tables WHERE pubname = $2 AND schemaname = $3 AND tablename = $4) AS published
  FROM (SELECT to_regclass($1)::oid AS oid) AS t`;

interface SignalTable {
  readonly there: boolean;
  readonly role: string;
  readonly insertable: boolean | null;
  readonly columns: readonly string[];
  readonly publication: boolean;
  readonly published: boolean;
}

/** Throws `ConfigurationError` when a row in the signal table could not be written, or would never reach the connector. */
const checkSignalTable = async (client: pg.Client, { config }: Capture, name: TableName): Promise<void> => {
  const publication = config['publication.name'] ?? DEFAULT_PUBLICATION;
  const { rows: [found] } = await client.query<SignalTable>(SIGNAL_TABLE, [quoted(name), publication, name.schema, name.table]);
  const { there, role, insertable, columns, publication: known, published } = found!;
  if (!there) throw new ConfigurationError([`PostgreSQL has no signal table ${fullName(name)}`], { hint: HOW_TO });
  const missing = ['id', 'type', 'data'].filter((column) => !columns.includes(column));
  if (missing.length > 0) throw new ConfigurationError([`signal table ${fullName(name)} has no column ${missing.join(', ')}`], { hint: HOW_TO });
  if (insertable !== true) throw new ConfigurationError([`user ${role} may not insert into the signal table ${fullName(name)}`], { hint: `GRANT INSERT ON ${quoted(name)} TO ${role}` });
  if (known && !published) {
    throw new ConfigurationError([`signal table ${fullName(name)} is not in publication ${publication}: the connector would not see the signal`], { hint: `ALTER PUBLICATION ${publication} ADD TABLE ${quoted(name)}` });
  }
};

/** Throws `ConfigurationError` when the connector would take no signal: it has no table for them, or one that does not do. Writes nothing. */
export const requireSignals = async (client: pg.Client, capture: Capture): Promise<void> => checkSignalTable(client, capture, signalTableOf(capture));

const SYNTAX_OR_DATA = /^(22|42)/;
const INSUFFICIENT_PRIVILEGE = '42501';

/** Debezium adds conditions of its own; and a comment in it ends with its line. */
const enclosed = (where: string): string => `(\n${where}\n)`;

/** PostgreSQL plans the snapshot's question without running it; what it says against the condition is the user's error. */
const estimateRows = async (client: pg.Client, table: TableName, where: string | undefined): Promise<number> => {
  // By name, so that it is one statement.
  const text = `EXPLAIN (FORMAT JSON) SELECT FROM ${quoted(table)}${where === undefined ? '' : ` WHERE ${enclosed(where)}`}`;
  try {
    const { rows } = await client.query<{ readonly 'QUERY PLAN': readonly [{ readonly Plan: { readonly 'Plan Rows': number } }] }>({ name: 'millrace-estimate', text });
    return rows[0]!['QUERY PLAN'][0].Plan['Plan Rows'];
  } catch (error) {
    if (where === undefined || !(error instanceof pg.DatabaseError) || !SYNTAX_OR_DATA.test(error.code ?? '') || error.code === INSUFFICIENT_PRIVILEGE) throw error;
    throw new ConfigurationError([`--where: ${error.message}`], { cause: error });
  }
};

/** A name as a regular expression, which Debezium takes it for. */
const literal = (text: string): string => text.replaceAll(/[\\^$.|?*+()[\]{}]/g, '\\$&');

/**
 * Asks the connector of a table to read it again: its rows come to the table's topic as `op: 'r'` with `source.snapshot: 'incremental'`, in
 * chunks between the changes that go on; a row that changes meanwhile comes as that change. It returns as soon as the signal is committed.
 *
 * Throws `ConfigurationError` for a table, condition, privilege or connector that cannot do; `StopError` when the connector does not run or
 * PostgreSQL cannot be reached; `RetryError` when Connect cannot.
 */
export const requestSnapshot = async (options: SnapshotOptions): Promise<RequestedSnapshot> => {
  const { where } = options;
  const client = clientOf(options);
  const capture = await findCapture(client, parseTableName(options.table), options.connector);
  const signals = signalTableOf(capture);
  await requireRunning(client, capture.connector);
  const table = fullName(capture);
  return withPostgres(options.postgresUrl, async (postgres) => {
    await keyColumns(postgres, capture);
    await checkSignalTable(postgres, capture, signals);
    const estimatedRows = await estimateRows(postgres, capture, where);
    const signal = randomUUID();
    const data = {
      type: 'incremental',
      'data-collections': [literal(table)],
      ...(where === undefined ? {} : { 'additional-conditions': [{ 'data-collection': literal(table), filter: enclosed(where) }] }),
    };
    await postgres.query(`INSERT INTO ${quoted(signals)} (id, type, data) VALUES ($1, 'execute-snapshot', $2)`, [signal, JSON.stringify(data)]);
    return { signal, connector: capture.connector, table, topic: capture.topic, where: where ?? null, estimatedRows };
  });
};
