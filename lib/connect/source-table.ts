/** What PostgreSQL says of a table that is captured. */
import pg from 'pg';
import { ConfigurationError, messageOf, StopError } from '../core/errors.ts';
import { scrub } from '../core/logger.ts';
import { fullName, type TableName } from './capture.ts';

const CONNECT_TIMEOUT_MS = 10_000;
const STATEMENT_TIMEOUT_MS = 60_000;
const INSUFFICIENT_PRIVILEGE = '42501';

export interface KeyColumn {
  readonly name: string;
  /** As PostgreSQL shows it. */
  readonly type: string;
  /** For a cast of text, which must not cut it off. */
  readonly cast: string;
  /** Whether the key's value in Kafka, as text, is the column's value as text. */
  readonly plain: boolean;
}

const refused = (error: unknown): StopError => new StopError(`PostgreSQL cannot be asked: ${scrub(messageOf(error) || String((error as { code?: unknown }).code))}`, { cause: error });

/** Opens a connection for the time of `task`. Throws `StopError` when PostgreSQL does not let us in. */
export const withPostgres = async <T>(connectionString: string, task: (client: pg.Client) => Promise<T>): Promise<T> => {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: CONNECT_TIMEOUT_MS, statement_timeout: STATEMENT_TIMEOUT_MS, application_name: 'millrace' });
  // What goes wrong with the connection shows where it is used.
  client.on('error', () => undefined);
  try {
    await client.connect();
  } catch (error) {
    throw refused(error);
  }
  try {
    return await task(client);
  } catch (error) {
    if (error instanceof pg.DatabaseError) throw error.code === INSUFFICIENT_PRIVILEGE ? new ConfigurationError([`PostgreSQL: ${error.message}`], { cause: error }) : refused(error);
    throw error;
  } finally {
    await client.end();
  }
};

/** `"schema"."table"` for SQL. */
export const quoted = ({ schema, table }: TableName): string => `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;

const KEY_COLUMNS = `
  SELECT a.attname AS name, format_type(a.atttypid, a.atttypmod) AS type, format('%I.%I', s.nspname, t.typname) AS cast,
    t.typtype = 'e' OR s.nspname = 'pg_catalog' AND t.typname = ANY ('{int2,int4,int8,text,varchar,bpchar,uuid,bool}') AS plain
  FROM pg_index i CROSS JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k (attnum, n) JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  JOIN pg_type t ON t.oid = a.atttypid JOIN pg_namespace s ON s.oid = t.typnamespace
  WHERE i.indrelid = $1::oid AND i.indisprimary AND k.n <= i.indnkeyatts ORDER BY k.n`;

/** Columns of the table's primary key in its order. Throws `ConfigurationError` when there is no such table, no key, or no right to read it. */
export const keyColumns = async (client: pg.Client, name: TableName): Promise<readonly KeyColumn[]> => {
  const { rows: [table] } = await client.query<{ readonly oid: string | null; readonly readable: boolean | null; readonly role: string }>(
    "SELECT to_regclass($1)::oid AS oid, has_table_privilege(to_regclass($1), 'SELECT') AS readable, current_user AS role", [quoted(name)],
  );
  if (table?.oid == null) throw new ConfigurationError([`PostgreSQL has no table ${fullName(name)}`]);
  if (table.readable !== true) throw new ConfigurationError([`user ${table.role} may not read ${fullName(name)}`], { hint: `GRANT SELECT ON ${quoted(name)} TO ${table.role}` });
  const { rows } = await client.query<KeyColumn>(KEY_COLUMNS, [table.oid]);
  if (rows.length === 0) throw new ConfigurationError([`${fullName(name)} has no primary key: its rows cannot be told apart`]);
  return rows;
};

/** Which of the keys, each as text by column, no row of the table has: their places in the list. */
export const absentKeys = async (client: pg.Client, name: TableName, columns: readonly KeyColumn[], keys: readonly (readonly string[])[]): Promise<ReadonlySet<number>> => {
  const names = columns.map((_, i) => `c${i}`);
  const same = columns.map((column, i) => `t.${pg.escapeIdentifier(column.name)} = k.c${i}::${column.cast}`).join(' AND ');
  const { rows } = await client.query<{ readonly n: number }>(
    `SELECT k.n::int AS n FROM unnest(${columns.map((_, i) => `$${i + 1}::text[]`).join(', ')}) WITH ORDINALITY AS k (${names.join(', ')}, n) WHERE NOT EXISTS (SELECT FROM ${quoted(name)} t WHERE ${same})`,
    columns.map((_, i) => keys.map((key) => key[i])),
  );
  return new Set(rows.map(({ n }) => n - 1));
};

/** A condition in SQL that holds for the rows with these keys. */
export const whereKeys = (columns: readonly KeyColumn[], keys: readonly (readonly string[])[]): string => {
  const row = (parts: readonly string[]): string => `(${parts.join(', ')})`;
  const values = keys.map((key) => row(key.map((text, i) => `${pg.escapeLiteral(text)}::${columns[i]!.cast}`)));
  return `${row(columns.map((column) => pg.escapeIdentifier(column.name)))} IN (${values.join(', ')})`;
};
