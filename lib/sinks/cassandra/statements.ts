/** The two statements of a sink, and a record as the values of one of them. */
import { DeadLetterError } from '../../core/errors.ts';
import type { CassandraRow, CassandraSink } from '../../../topology/sinks.ts';
import type { SinkRecord } from '../contract.ts';
import { encodeValue, int64 } from './values.ts';

export interface TableName {
  readonly keyspace: string;
  readonly table: string;
}

/** One row to write or delete. */
export interface Write {
  readonly index: number;
  /** Equal for rows of one partition. */
  readonly partition: string;
  readonly query: string;
  readonly params: readonly unknown[];
  readonly bytes: number;
}

/** A mutation takes half a segment of the commit log, 16 MB unless told otherwise, with everything around the row. */
const MAX_ROW_BYTES = 15_000_000;
const US_PER_MS = 1_000n;

export const parseTableName = (name: string): TableName => {
  const [keyspace, table] = name.split('.') as [string, string];
  return { keyspace, table };
};

export const quoted = (name: string): string => `"${name}"`;
export const quotedTable = ({ keyspace, table }: TableName): string => `${quoted(keyspace)}.${quoted(table)}`;

export const primaryKeyOf = (sink: CassandraSink): readonly string[] => [...sink.partitionKey, ...sink.clusteringKey];

/** What is made of a sink's records. */
export class Statements {
  readonly #sink: CassandraSink;
  readonly #keyColumns: readonly string[];
  readonly #otherColumns: readonly string[];
  readonly insert: string;
  readonly delete: string;

  constructor(sink: CassandraSink) {
    this.#sink = sink;
    this.#keyColumns = primaryKeyOf(sink);
    this.#otherColumns = Object.keys(sink.columns).filter((name) => !this.#keyColumns.includes(name));
    const table = quotedTable(parseTableName(sink.table));
    const all = [...this.#keyColumns, ...this.#otherColumns];
    const expiry = sink.expireSeconds === null ? '' : ` AND TTL ${sink.expireSeconds}`;
    this.insert = `INSERT INTO ${table} (${all.map(quoted).join(', ')}) VALUES (${all.map(() => '?').join(', ')}) USING TIMESTAMP ?${expiry}`;
    this.delete = `DELETE FROM ${table} USING TIMESTAMP ? WHERE ${this.#keyColumns.map((name) => `${quoted(name)} = ?`).join(' AND ')}`;
  }

  /** Throws what the sink's callbacks throw, and `DeadLetterError` for values that their columns cannot take. */
  write(record: SinkRecord, index: number): Write {
    const { key, set } = this.#sink;
    const keyRow = key(record.value as never, record as never);
    const row = set(record.value as never, record as never);
    const keyParams = this.#encode(keyRow, this.#keyColumns, 'key');
    const at = this.#writtenAt(record);
    const partition = JSON.stringify(this.#sink.partitionKey.map((name) => String(keyRow[name])));
    if (row === null) return { index, partition, query: this.delete, params: [at, ...keyParams.params], bytes: keyParams.bytes };
    const others = this.#encode(row, this.#otherColumns, 'set');
    const bytes = keyParams.bytes + others.bytes;
    if (bytes > MAX_ROW_BYTES) throw new DeadLetterError(`The row has ${bytes} bytes; Cassandra takes at most about ${MAX_ROW_BYTES}`);
    return { index, partition, query: this.insert, params: [...keyParams.params, ...others.params, at], bytes };
  }

  #encode(row: CassandraRow, names: readonly string[], callback: 'key' | 'set'): { readonly params: unknown[]; readonly bytes: number } {
    const params: unknown[] = [];
    let bytes = 0;
    for (const name of names) {
      const value = row[name];
      if (value === null && callback === 'set') {
        params.push(null);
        continue;
      }
      const encoded = encodeValue(name, this.#sink.columns[name]!, value);
      params.push(encoded.value);
      bytes += encoded.bytes + name.length;
    }
    for (const name of Object.keys(row)) if (!names.includes(name)) throw new DeadLetterError(`The sink's ${callback} has ${name}, which is none of its columns`);
    return { params, bytes };
  }

  #writtenAt(record: SinkRecord): unknown {
    const { writtenAtUs } = this.#sink;
    const at = writtenAtUs === null ? BigInt(Math.trunc(record.timestamp)) * US_PER_MS : writtenAtUs(record.value as never, record as never);
    return int64("of the write's timestamp", at);
  }
}
