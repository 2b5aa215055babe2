import type { Meta } from '../meta.ts';
import { env, type CassandraConsistency, type CassandraSink, type CassandraType, type Setting } from '../sinks.ts';

export type CassandraColumns = Readonly<Record<string, CassandraType>>;

/**
 * What a column takes. `bigint`, `varint`: a number only up to 2^53; `decimal`: exact decimal text, or a number; `timestamp`: whole ms
 * since the epoch (Cassandra keeps no more digits); `date`: `2024-01-31`; `time`: `03:04:05.123456789`; `uuid`, `timeuuid`: hex with dashes.
 */
export interface CassandraValues {
  readonly ascii: string;
  readonly text: string;
  readonly tinyint: number;
  readonly smallint: number;
  readonly int: number;
  readonly bigint: number | bigint;
  readonly varint: number | bigint;
  readonly decimal: string | number | bigint;
  readonly float: number;
  readonly double: number;
  readonly boolean: boolean;
  readonly timestamp: number;
  readonly date: string;
  readonly time: string;
  readonly uuid: string;
  readonly timeuuid: string;
  readonly inet: string;
  readonly blob: Uint8Array;
}

type ValuesOf<C extends CassandraColumns, P extends PropertyKey> = { readonly [Column in keyof C & P]: CassandraValues[C[Column]] };
type Nullable<T> = { readonly [P in keyof T]: T[P] | null };
/** A property that is none of the columns wanted here. */
type Foreign<R, P extends PropertyKey> = { readonly [Name in Exclude<keyof R, P>]: never };

export interface CassandraOptions<
  V, K, C extends CassandraColumns, P extends readonly (keyof C & string)[], Q extends readonly (keyof C & string)[],
  I extends ValuesOf<C, P[number] | Q[number]>, S extends Nullable<ValuesOf<C, Exclude<keyof C, P[number] | Q[number]>>>,
> {
  /** `keyspace.table`. It must exist: the worker checks it before the first write, and stops with the CQL that is missing. */
  readonly table: string;
  /** Name and type of every column that is written. The table may have more, which stay as they are. */
  readonly columns: C;
  /** As the table has it. Records of one partition are written together. */
  readonly partitionKey: P;
  /** The rest of the table's primary key. Default: none. */
  readonly clusteringKey?: Q;
  /** Exactly the primary key: with the write's timestamp it is what makes a repeated write harmless. */
  readonly key: (value: V, meta: Meta<K>) => I & Foreign<I, P[number] | Q[number]>;
  /** Exactly the other columns; null in a column deletes its value, null for all deletes the row. */
  readonly set: (value: V, meta: Meta<K>) => (S & Foreign<S, Exclude<keyof C, P[number] | Q[number]>>) | null;
  /**
   * Timestamp of the write, microseconds since the epoch: of two writes to a row the one with the higher timestamp holds, whichever comes
   * last. Must be the same whenever the record is read. Default: the record's timestamp (event time).
   */
  readonly writtenAtUs?: (value: V, meta: Meta<K>) => number | bigint;
  /** What is written expires so many seconds after it was. Default: never, or as the table says. */
  readonly expireSeconds?: number;
  /** Default: LOCAL_QUORUM. */
  readonly consistency?: CassandraConsistency;
  /** Requests under way at once per task, 1 to 256. Default: 16. */
  readonly concurrency?: number;
  /** Longest time of one request, ms. Default: 10,000. */
  readonly timeoutMs?: number;
  /** `host:port` of some nodes, separated by commas; the port may be left out (9042). Default: `MILLRACE_CASSANDRA_CONTACT_POINTS`, else `127.0.0.1:9042`. */
  readonly contactPoints?: Setting;
  /** The data center whose nodes are written to. Default: `MILLRACE_CASSANDRA_LOCAL_DATA_CENTER`, else `datacenter1`. */
  readonly localDataCenter?: Setting;
  /** With `password`. Default: no login. */
  readonly user?: Setting;
  readonly password?: Setting;
}

/** Upserts a row per record by its primary key, with the record's own timestamp: a replay or an older owner changes nothing. */
export const cassandra = <
  V, K, const C extends CassandraColumns, const P extends readonly (keyof C & string)[], I extends ValuesOf<C, P[number] | Q[number]>,
  S extends Nullable<ValuesOf<C, Exclude<keyof C, P[number] | Q[number]>>>, const Q extends readonly (keyof C & string)[] = readonly [],
>(options: CassandraOptions<V, K, C, P, Q, I, S>): CassandraSink<V, K> => ({
  kind: 'cassandra',
  table: options.table,
  columns: options.columns,
  partitionKey: options.partitionKey,
  clusteringKey: options.clusteringKey ?? [],
  key: options.key,
  set: options.set,
  writtenAtUs: options.writtenAtUs ?? null,
  expireSeconds: options.expireSeconds ?? null,
  consistency: options.consistency ?? 'LOCAL_QUORUM',
  concurrency: options.concurrency ?? 16,
  timeoutMs: options.timeoutMs ?? 10_000,
  contactPoints: options.contactPoints ?? env('MILLRACE_CASSANDRA_CONTACT_POINTS', '127.0.0.1:9042'),
  localDataCenter: options.localDataCenter ?? env('MILLRACE_CASSANDRA_LOCAL_DATA_CENTER', 'datacenter1'),
  user: options.user ?? null,
  password: options.password ?? null,
});
