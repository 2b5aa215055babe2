/**
 * Writes to Redis. Each batch runs as one atomic script behind a fence (the position that Redis itself has reached), so a
 * replay or a worker that lost its partition changes nothing: increments are as safe as absolute writes.
 */
import type { Meta } from '../meta.ts';
import type { RedisCommand, RedisFields, RedisIncrements, RedisSink, Setting } from '../sinks.ts';

/** A constant key, or one computed for each record. */
export type RedisKey<V, K> = string | ((value: V, meta: Meta<K>) => string);

export interface RedisCommonOptions<V, K> {
  readonly key: RedisKey<V, K>;
  /** The key expires so many seconds after its last write. Default: never. */
  readonly expireSeconds?: number;
  /** `redis://` or `rediss://`, as `secret(...)` when it carries a password. Default: `MILLRACE_REDIS_URL`. */
  readonly url?: Setting;
}

export interface RedisHashOptions<V, K> extends RedisCommonOptions<V, K> {
  /** Fields to set; null deletes a field, a field not named stays as it is. */
  readonly fields: (value: V, meta: Meta<K>) => RedisFields;
}

export interface RedisSortedSetOptions<V, K> extends RedisCommonOptions<V, K> {
  readonly member: (value: V, meta: Meta<K>) => string;
  /** The member's new score (not an increment); must not be NaN. */
  readonly score: (value: V, meta: Meta<K>) => number;
  /** Only so many members with the highest scores stay. Default: all. */
  readonly keep?: number;
}

export interface RedisIncrementOptions<V, K> extends RedisCommonOptions<V, K> {
  /** By how much fields of the hash grow: whole numbers within 64 bits. */
  readonly fields: (value: V, meta: Meta<K>) => RedisIncrements;
}

export interface RedisStreamOptions<V, K> extends RedisCommonOptions<V, K> {
  /** At least one field that is not null. */
  readonly fields: (value: V, meta: Meta<K>) => RedisFields;
  /** Exactly so many newest entries stay. */
  readonly maxLength: number;
}

const wholeAtLeast1 = (call: string, name: string, value: number | undefined): number | null => {
  if (value === undefined) return null;
  if (!Number.isSafeInteger(value) || value < 1) throw new RangeError(`${call}: ${name} must be a whole number of at least 1, not ${value}`);
  return value;
};

const keyFunction = <V, K>(key: RedisKey<V, K>): ((value: V, meta: Meta<K>) => string) => (typeof key === 'string' ? () => key : key);

const sink = <V, K>(url: Setting | undefined, type: RedisCommand['type'], command: (value: V, meta: Meta<K>) => RedisCommand): RedisSink<V, K> => ({ kind: 'redis', url: url ?? null, type, command });

/** Sets fields of a hash. */
const hash = <V, K>(options: RedisHashOptions<V, K>): RedisSink<V, K> => {
  const key = keyFunction(options.key);
  const expireSeconds = wholeAtLeast1('redis.hash', 'expireSeconds', options.expireSeconds);
  return sink<V, K>(options.url, 'hash', (value, meta) => ({ type: 'hash', key: key(value, meta), fields: options.fields(value, meta), expireSeconds }));
};

/** Sets a member's score in a sorted set and, with `keep`, drops the lowest. */
const sortedSet = <V, K>(options: RedisSortedSetOptions<V, K>): RedisSink<V, K> => {
  const key = keyFunction(options.key);
  const keep = wholeAtLeast1('redis.sortedSet', 'keep', options.keep);
  const expireSeconds = wholeAtLeast1('redis.sortedSet', 'expireSeconds', options.expireSeconds);
  return sink<V, K>(options.url, 'sortedSet', (value, meta) => ({
    type: 'sortedSet', key: key(value, meta), member: options.member(value, meta), score: options.score(value, meta), keep, expireSeconds,
  }));
};

/** Adds whole numbers to fields of a hash; all fields of a record or none. */
const increment = <V, K>(options: RedisIncrementOptions<V, K>): RedisSink<V, K> => {
  const key = keyFunction(options.key);
  const expireSeconds = wholeAtLeast1('redis.increment', 'expireSeconds', options.expireSeconds);
  return sink<V, K>(options.url, 'increment', (value, meta) => ({ type: 'increment', key: key(value, meta), fields: options.fields(value, meta), expireSeconds }));
};

/** Appends an entry to a stream, with an id of Redis's own. */
const stream = <V, K>(options: RedisStreamOptions<V, K>): RedisSink<V, K> => {
  const key = keyFunction(options.key);
  const maxLength = wholeAtLeast1('redis.stream', 'maxLength', options.maxLength)!;
  const expireSeconds = wholeAtLeast1('redis.stream', 'expireSeconds', options.expireSeconds);
  return sink<V, K>(options.url, 'stream', (value, meta) => ({ type: 'stream', key: key(value, meta), fields: options.fields(value, meta), maxLength, expireSeconds }));
};

export const redis = { hash, sortedSet, increment, stream } as const;
