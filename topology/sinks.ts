/**
 * Descriptions of sinks: values without I/O. The drivers that run them are in `lib/sinks`. What makes a write repeatable
 * is part of each description's type, so that leaving it out does not compile.
 */
import type { Codec } from './codecs.ts';
import type { Headers, Meta } from './meta.ts';
import type { TopicOptions } from './topics.ts';

/** A value taken from the environment when the worker starts. A `secret` is never printed. */
export interface Setting {
  readonly kind: 'env' | 'secret';
  readonly name: string;
  readonly fallback: string | null;
}

/** The environment variable `name`, or `fallback`. Missing without a fallback: a configuration error at start. */
export const env = (name: string, fallback?: string): Setting => ({ kind: 'env', name, fallback: fallback ?? null });

/** Like `env`, for what must never reach a log, an error or a page. */
export const secret = (name: string): Setting => ({ kind: 'secret', name, fallback: null });

declare const accepts: unique symbol;
type Fn<R> = (value: never, meta: Meta<never>) => R;

interface Accepts<V, K> {
  readonly [accepts]?: (value: V, key: K) => void;
}

/** Numbers stand as JavaScript prints them, booleans as `true` and `false`, bytes as they are. */
export type RedisValue = string | number | bigint | boolean | Uint8Array;
/** In a hash null deletes the field; in a stream's entry it leaves the field out. */
export type RedisFields = Readonly<Record<string, RedisValue | null>>;
/** Whole numbers, by which fields grow. */
export type RedisIncrements = Readonly<Record<string, number | bigint>>;

/** One write to Redis. Runs inside the batch's atomic script, behind the fence. */
export type RedisCommand =
  | { readonly type: 'hash'; readonly key: string; readonly fields: RedisFields; readonly expireSeconds: number | null }
  | { readonly type: 'sortedSet'; readonly key: string; readonly member: string; readonly score: number; readonly keep: number | null; readonly expireSeconds: number | null }
  | { readonly type: 'increment'; readonly key: string; readonly fields: RedisIncrements; readonly expireSeconds: number | null }
  | { readonly type: 'stream'; readonly key: string; readonly fields: RedisFields; readonly maxLength: number; readonly expireSeconds: number | null };

export interface RedisSink<V = never, K = never> extends Accepts<V, K> {
  readonly kind: 'redis';
  /** May carry user and password. Null: the worker's `MILLRACE_REDIS_URL`. */
  readonly url: Setting | null;
  /** Which command it is, for every record. */
  readonly type: RedisCommand['type'];
  readonly command: Fn<RedisCommand>;
}

export type BigQueryType = 'STRING' | 'INT64' | 'FLOAT64' | 'NUMERIC' | 'BIGNUMERIC' | 'BOOL' | 'TIMESTAMP' | 'DATE' | 'DATETIME' | 'TIME' | 'JSON' | 'BYTES';
export type BigQueryRow = Readonly<Record<string, string | number | bigint | boolean | null>>;

export interface BigQuerySink<V = never, K = never> extends Accepts<V, K> {
  readonly kind: 'bigquery';
  /** `dataset.table` or `project.dataset.table`. */
  readonly table: string;
  readonly columns: Readonly<Record<string, BigQueryType>>;
  readonly partitionBy: { readonly column: string; readonly unit: 'HOUR' | 'DAY' | 'MONTH' } | null;
  readonly clusterBy: readonly string[];
  readonly row: Fn<BigQueryRow>;
  readonly id: Fn<string | number | bigint>;
}

/** Counters are left out: a repeated increment counts twice. */
export type CassandraType =
  | 'ascii' | 'text' | 'tinyint' | 'smallint' | 'int' | 'bigint' | 'varint' | 'decimal' | 'float' | 'double' | 'boolean' | 'timestamp' | 'date' | 'time' | 'uuid' | 'timeuuid'
  | 'inet' | 'blob';
export type CassandraRow = Readonly<Record<string, string | number | bigint | boolean | Uint8Array | null>>;
export type CassandraConsistency = 'ONE' | 'LOCAL_ONE' | 'QUORUM' | 'LOCAL_QUORUM' | 'EACH_QUORUM' | 'ALL';

export interface CassandraSink<V = never, K = never> extends Accepts<V, K> {
  readonly kind: 'cassandra';
  /** `keyspace.table`. */
  readonly table: string;
  readonly columns: Readonly<Record<string, CassandraType>>;
  readonly partitionKey: readonly string[];
  readonly clusteringKey: readonly string[];
  readonly key: Fn<CassandraRow>;
  /** Null deletes the row. */
  readonly set: Fn<CassandraRow | null>;
  /** Null: the record's timestamp. */
  readonly writtenAtUs: Fn<number | bigint> | null;
  readonly expireSeconds: number | null;
  readonly consistency: CassandraConsistency;
  /** Requests under way at once per task. */
  readonly concurrency: number;
  readonly timeoutMs: number;
  readonly contactPoints: Setting;
  readonly localDataCenter: Setting;
  /** Null, as the password: no login. */
  readonly user: Setting | null;
  readonly password: Setting | null;
}

export interface HttpSink<V = never, K = never> extends Accepts<V, K> {
  readonly kind: 'http';
  readonly url: string | Setting;
  readonly method: 'POST' | 'PUT' | 'PATCH';
  readonly token: Setting | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Fn<unknown>;
  readonly idempotencyKey: Fn<string | number | bigint>;
  /** Requests with equal values go one after the other; null: by the record's key. */
  readonly orderBy: Fn<string | number | bigint> | null;
  /** Requests under way at once per task. */
  readonly concurrency: number;
  readonly timeoutMs: number;
}

export interface KafkaSink<V = never, K = never> extends Accepts<V, K> {
  readonly kind: 'kafka';
  readonly topic: string;
  readonly codec: Codec<unknown>;
  readonly headers: Fn<Headers> | null;
  readonly options: TopicOptions;
}

/** A sink outside Kafka: a stage of its own. */
export type OutsideSink<V = never, K = never> = RedisSink<V, K> | BigQuerySink<V, K> | HttpSink<V, K> | CassandraSink<V, K>;
export type Sink<V = never, K = never> = OutsideSink<V, K> | KafkaSink<V, K>;
