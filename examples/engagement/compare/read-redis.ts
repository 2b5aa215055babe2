import type { Redis } from 'ioredis';
import { names } from '../names.ts';
import type { Row } from './fill.ts';

const SCAN_COUNT = 500;

const pairs = (flat: readonly string[]): Row => {
  const row: Record<string, unknown> = {};
  for (let i = 0; i < flat.length; i += 2) row[flat[i]!] = flat[i + 1];
  return row;
};

export async function* readTotals(redis: Redis): AsyncGenerator<Row> {
  const seen = new Set<string>();
  for await (const keys of redis.scanStream({ match: `${names.redis.totals}*`, count: SCAN_COUNT }) as AsyncIterable<string[]>) {
    for (const key of keys) {
      if (seen.has(key)) continue;
      seen.add(key);
      yield await redis.hgetall(key);
    }
  }
}

/** How many entries the stream of recent events has ever had, which Redis counts itself. */
export const entriesAdded = async (redis: Redis): Promise<number> => {
  if ((await redis.exists(names.redis.recent)) === 0) return 0;
  const info = (await redis.call('XINFO', 'STREAM', names.redis.recent)) as readonly unknown[];
  return Number(info[info.indexOf('entries-added') + 1]);
};

export async function* readTop(redis: Redis): AsyncGenerator<Row> {
  const flat = await redis.zrange(names.redis.top, '0', '-1', 'WITHSCORES');
  for (let i = 0; i < flat.length; i += 2) yield { content_id: flat[i], engagement_ms: flat[i + 1] };
}

export async function* readCounters(redis: Redis): AsyncGenerator<Row> {
  for (const [name, value] of Object.entries(await redis.hgetall(names.redis.counters))) yield { name, value };
}

export async function* readRecent(redis: Redis): AsyncGenerator<Row> {
  for (const [, fields] of await redis.xrange(names.redis.recent, '-', '+')) yield pairs(fields);
}

export async function* readRecentAdded(redis: Redis): AsyncGenerator<Row> {
  yield { added: await entriesAdded(redis) };
}
