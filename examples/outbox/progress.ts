import type { Client as Cassandra } from 'cassandra-driver';
import type { Redis } from 'ioredis';
import type { Client } from 'pg';
import type { SinkProgress } from '../../lib/cli/start/demo.ts';
import { names } from './names.ts';

const SCAN_COUNT = 1_000;

const countHashes = async (redis: Redis, firstEvent: number): Promise<number> => {
  const ids = new Set<number>();
  for await (const keys of redis.scanStream({ match: `${names.redisPrefix}*`, count: SCAN_COUNT }) as AsyncIterable<string[]>) {
    for (const key of keys) ids.add(Number(key.slice(names.redisPrefix.length)));
  }
  return [...ids].filter((id) => id >= firstEvent).length;
};

/** What the sinks have, and must have once everything has arrived. Hashes of earlier runs expire and are not counted. Null: a run without it. */
export const readProgress = async (client: Client, redis: Redis | null, cassandra: Cassandra | null, firstEvent: number): Promise<readonly SinkProgress[]> => {
  const { rows: [found] } = await client.query<{ readonly events: number; readonly recent: number }>(
    'SELECT count(*)::int AS events, (count(*) FILTER (WHERE id >= $1))::int AS recent FROM engagement_events', [firstEvent],
  );
  const quick = redis === null ? [] : [{ sink: 'Redis', expected: found!.recent, actual: await countHashes(redis, firstEvent) }];
  // Cassandra reads its whole table to count it, so it is asked last and only when the other is done.
  if (cassandra === null || quick.some(({ expected, actual }) => actual < expected)) return quick;
  const counted = await cassandra.execute(`SELECT count(*) AS rows FROM ${names.cassandraTable}`);
  return [...quick, { sink: 'Cassandra', expected: found!.events, actual: Number(counted.first().get('rows')) }];
};
