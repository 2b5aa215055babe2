/** Takes the engagement example's totals out of Redis, which a backfill can fill again, and puts them back as they were. */
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { names } from '../../../examples/engagement/names.ts';
import type { Stack } from '../../../lib/stack/index.ts';

/** Of one content, all as text. */
export type Totals = Readonly<Record<string, string>>;

/**
 * What Redis must hold of each content, from the rows in PostgreSQL alone. A backfill joins the contents as they are now; null fields are no fields.
 * What breaks a rule does so then as now: no event is from a future nearer than two hours.
 */
const EXPECTED = `
  SELECT c.id::text AS content_id, count(*) AS events, count(*) FILTER (WHERE e.event_type = 'play') AS plays, count(*) FILTER (WHERE e.event_type = 'pause') AS pauses,
         count(*) FILTER (WHERE e.event_type = 'finish') AS finishes, count(*) FILTER (WHERE e.event_type = 'click') AS clicks,
         coalesce(sum(e.duration_ms) FILTER (WHERE c.length_seconds > 0), 0) AS engagement_ms, c.title AS content_title, max(e.id) AS last_event_id
  FROM engagement_events e JOIN content c ON c.id = e.content_id
  WHERE coalesce(e.duration_ms, 0) >= 0 AND e.event_type IN ('play', 'pause', 'finish', 'click') AND e.event_ts <= (e.raw_payload ->> 'sent_at')::timestamptz + interval '1 hour'
  GROUP BY c.id`;

export class LostTotals {
  readonly #redis: Redis;
  readonly #database: Client;
  readonly #dumps = new Map<string, Buffer>();

  constructor(stack: Stack) {
    this.#redis = new Redis(stack.endpoints.redisUrl!);
    this.#database = new Client({ connectionString: stack.environment.MILLRACE_PG_URL });
  }

  async expected(): Promise<ReadonlyMap<string, Totals>> {
    await this.#database.connect();
    const { rows } = await this.#database.query<Record<string, string>>(EXPECTED);
    return new Map(rows.map((row) => [row.content_id!, row]));
  }

  async lose(): Promise<void> {
    for (const key of await this.#keys()) this.#dumps.set(key, await this.#redis.dumpBuffer(key));
    await this.#redis.unlink(...this.#dumps.keys());
  }

  async totals(): Promise<ReadonlyMap<string, Totals>> {
    const keys = (await this.#keys()).filter((key) => key.startsWith(names.redis.totals));
    return new Map(await Promise.all(keys.map(async (key) => [key.slice(names.redis.totals.length), await this.#redis.hgetall(key)] as const)));
  }

  async top(): Promise<ReadonlyMap<string, string>> {
    const contents = await this.#redis.zrevrange(names.redis.top, 0, -1);
    return new Map(await Promise.all(contents.map(async (content) => [content, String(await this.#redis.zscore(names.redis.top, content))] as const)));
  }

  /** Nothing when nothing was lost. */
  async restore(): Promise<void> {
    if (this.#dumps.size === 0) return;
    await this.#redis.unlink(...await this.#keys());
    for (const [key, dump] of this.#dumps) await this.#redis.restore(key, 0, dump, 'REPLACE');
    this.#dumps.clear();
  }

  async close(): Promise<void> {
    await this.restore();
    this.#redis.disconnect();
    await this.#database.end();
  }

  async #keys(): Promise<string[]> {
    return [...await this.#redis.keys(`${names.redis.totals}*`), names.redis.top];
  }
}
