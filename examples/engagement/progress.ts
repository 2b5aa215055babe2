import type { Redis } from 'ioredis';
import type { Client } from 'pg';
import type { SinkProgress } from '../../lib/cli/start/demo.ts';
import { readPartnerTotals } from './compare/read-partner.ts';
import { entriesAdded } from './compare/read-redis.ts';
import { countWarehouse } from './compare/read-warehouse.ts';
import { names } from './names.ts';

const EXPECTED = `
  WITH valid AS (
    SELECT event_type FROM engagement_events
    WHERE coalesce(duration_ms, 0) >= 0 AND event_type IN ('play', 'pause', 'finish', 'click')
      AND event_ts <= coalesce((raw_payload ->> 'sent_at')::timestamptz, now()) + interval '1 hour')
  SELECT count(*)::int AS events, (count(*) FILTER (WHERE event_type = 'finish'))::int AS finished FROM valid`;

const totalEvents = async (redis: Redis): Promise<number> => {
  let sum = 0;
  for await (const keys of redis.scanStream({ match: `${names.redis.totals}*`, count: 500 }) as AsyncIterable<string[]>) {
    for (const key of keys) sum += Number((await redis.hget(key, 'events')) ?? 0);
  }
  return sum;
};

const redisProgress = async (redis: Redis, events: number): Promise<readonly SinkProgress[]> => [
  { sink: 'Redis counters', expected: events, actual: Number((await redis.hget(names.redis.counters, 'events')) ?? 0) },
  { sink: 'Redis recent', expected: events, actual: await entriesAdded(redis) },
  { sink: 'Redis totals', expected: events, actual: await totalEvents(redis) },
];

/**
 * How many records each sink has, and must have once everything has arrived. Counts only: what they hold is compared later. `redis` is
 * null and `without` has names of systems where a run is without them.
 */
export const readProgress = async (
  client: Client, redis: Redis | null, environment: Readonly<Record<string, string>>, without: readonly string[] = [],
): Promise<readonly SinkProgress[]> => {
  const { rows } = await client.query<{ readonly events: number; readonly finished: number }>(EXPECTED);
  const { events, finished } = rows[0]!;
  const quick = redis === null ? [] : [...(await redisProgress(redis, events))];
  if (!without.includes('partner')) {
    const { value: partner } = await readPartnerTotals(environment).next();
    quick.push({ sink: 'partner', expected: finished, actual: Number(partner.accepted) + Number(partner.refused) });
  }
  // The warehouse is asked last and only when the others are done: a count is costly there.
  if (without.includes('bigquery') || quick.some(({ expected, actual }) => actual < expected)) return quick;
  return [...quick, { sink: 'BigQuery', expected: events, actual: await countWarehouse(environment) }];
};
