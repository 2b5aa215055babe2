/** The sink's table as the database has it. It is never made or changed: keys and types cannot be altered later, so they are the user's decision. */
import { StopError } from '../../core/errors.ts';
import type { CassandraSink } from '../../../topology/sinks.ts';
import { parseTableName, primaryKeyOf, quoted, quotedTable } from './statements.ts';

/** A row of `system_schema.columns`. */
export interface ColumnInfo {
  readonly column_name: string;
  readonly type: string;
  readonly kind: 'partition_key' | 'clustering' | 'regular' | 'static';
  /** Within the partition key or the clustering key. */
  readonly position: number;
}

/** Runs a query and gives its rows. Rejects with `RetryError` or `StopError`. */
export type Query = (cql: string, params: readonly string[]) => Promise<readonly unknown[]>;

const definitions = (sink: CassandraSink, names: readonly string[]): string => names.map((name) => `${quoted(name)} ${sink.columns[name]}`).join(', ');

/** The statement that makes the table as the sink needs it. */
export const createTable = (sink: CassandraSink): string => {
  const partition = `(${sink.partitionKey.map(quoted).join(', ')})`;
  const key = [partition, ...sink.clusteringKey.map(quoted)].join(', ');
  return `CREATE TABLE ${quotedTable(parseTableName(sink.table))} (${definitions(sink, Object.keys(sink.columns))}, PRIMARY KEY (${key}))`;
};

const keyOf = (columns: readonly ColumnInfo[], kind: ColumnInfo['kind']): string =>
  columns.filter((column) => column.kind === kind).toSorted((a, b) => a.position - b.position).map(({ column_name: name }) => name).join(', ');

/** What in an existing table contradicts the sink; columns that are only missing are not listed. */
export const tableDifferences = (sink: CassandraSink, columns: readonly ColumnInfo[]): string[] => {
  const differences: string[] = [];
  for (const [what, kind, wanted] of [['partition key', 'partition_key', sink.partitionKey], ['clustering key', 'clustering', sink.clusteringKey]] as const) {
    const there = keyOf(columns, kind);
    if (there !== wanted.join(', ')) differences.push(`the ${what} is (${there}) in the table and (${wanted.join(', ')}) in the sink`);
  }
  for (const { column_name: name, type, kind } of columns) {
    const declared = sink.columns[name];
    if (declared === undefined) continue;
    if (type !== declared) differences.push(`column ${name} is ${type} in the table and ${declared} in the sink`);
    else if (kind === 'static') differences.push(`column ${name} is static in the table: one record would set it for its whole partition`);
  }
  return differences;
};

/** Rejects with `StopError`, which has the CQL that is missing, when the table is not there or does not fit. */
export const checkTable = async (sink: CassandraSink, query: Query): Promise<void> => {
  const name = parseTableName(sink.table);
  const columns = (await query('SELECT column_name, type, kind, position FROM system_schema.columns WHERE keyspace_name = ? AND table_name = ?', [name.keyspace, name.table])) as readonly ColumnInfo[];
  if (columns.length === 0) {
    const keyspaces = await query('SELECT keyspace_name FROM system_schema.keyspaces WHERE keyspace_name = ?', [name.keyspace]);
    if (keyspaces.length === 0) throw new StopError(`Cassandra has no keyspace ${name.keyspace}`, { hint: `Create it with the replication you want, then the table: ${createTable(sink)}` });
    throw new StopError(`Cassandra has no table ${sink.table}`, { hint: `Create it: ${createTable(sink)}` });
  }
  const differences = tableDifferences(sink, columns);
  if (differences.length > 0) throw new StopError(`Cassandra table ${sink.table} does not fit the sink: ${differences.join('; ')}`, { hint: 'Name another table, or correct the sink' });
  const present = new Set(columns.map((column) => column.column_name));
  const missing = Object.keys(sink.columns).filter((column) => !present.has(column) && !primaryKeyOf(sink).includes(column));
  if (missing.length === 0) return;
  const add = `ALTER TABLE ${quotedTable(name)} ADD (${definitions(sink, missing)})`;
  throw new StopError(`Cassandra table ${sink.table} lacks ${missing.length === 1 ? 'column' : 'columns'} ${missing.join(', ')}`, { hint: `Add: ${add}` });
};
