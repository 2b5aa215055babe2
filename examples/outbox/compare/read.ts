import type { Client as Cassandra } from 'cassandra-driver';
import type { Redis } from 'ioredis';
import type { Row } from '../../engagement/compare/fill.ts';
import { names } from '../names.ts';

const SCAN_COUNT = 1_000;
const FETCH_ROWS = 1_000;

/** The hash of every event, with the time it has left. */
export async function* readHashes(redis: Redis): AsyncGenerator<Row> {
  const seen = new Set<string>();
  for await (const keys of redis.scanStream({ match: `${names.redisPrefix}*`, count: SCAN_COUNT }) as AsyncIterable<string[]>) {
    const fresh = keys.filter((key) => !seen.has(key));
    const read = await Promise.all(fresh.map((key) => Promise.all([redis.hgetall(key), redis.pttl(key)])));
    const readAt = new Date().toISOString();
    for (const [i, key] of fresh.entries()) {
      seen.add(key);
      const [{ processed_at: processedAt, ...fields }, ttlMs] = read[i]!;
      yield { event_id: key.slice(names.redisPrefix.length), fields, processed_at: processedAt, ttl_ms: ttlMs, read_at: readAt };
    }
  }
}

const text = (value: unknown): unknown => (value instanceof Date ? value.toISOString() : value === null ? null : String(value));

const COLUMNS = [
  'content_id', 'event_day', 'event_id', 'user_id', 'event_type', 'event_time', 'event_time_str', 'duration_ms', 'device', 'content_title', 'content_type', 'length_seconds',
  'engagement_seconds', 'engagement_pct', 'processed_at',
];

/** Every row, its values as text. */
export async function* readRows(cassandra: Cassandra): AsyncGenerator<Row> {
  const found = await cassandra.execute(`SELECT ${COLUMNS.join(', ')}, writetime(processed_at) AS written_at_us FROM ${names.cassandraTable}`, [], { fetchSize: FETCH_ROWS });
  for await (const row of found) yield Object.fromEntries(row.keys().map((name) => [name, text(row.get(name))]));
}
