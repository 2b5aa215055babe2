import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { TopEntry } from '../../lib/cli/start/demo.ts';
import { Latencies } from '../../lib/cli/start/latency.ts';
import { names } from './names.ts';

const BLOCK_MS = 1_000;
const RECONNECT_MS = 500;
const READ_COUNT = 1_000;
const TOP_ENTRIES = 10;
/** Commits older than this many events are forgotten: their results have been trimmed from the stream. */
const MOST_WAITING = 100_000;

/**
 * Measures how long a commit in PostgreSQL takes to show up in Redis: it reads the stream of recent events as they arrive and
 * knows from the generator when each was committed.
 */
export class ArrivalWatch {
  readonly latencies = new Latencies();
  readonly #redis: Redis;
  readonly #committed = new Map<number, number>();
  /** Results that were seen before the generator heard of its own commit. */
  readonly #early = new Map<number, number>();
  readonly #running: Promise<void>;
  #closed = false;

  constructor(url: string) {
    this.#redis = new Redis(url);
    this.#redis.on('error', () => undefined);
    this.#running = this.#watch();
  }

  committed(ids: readonly number[], atMs: number): void {
    for (const id of ids) {
      const seenAtMs = this.#early.get(id);
      if (seenAtMs === undefined) this.#committed.set(id, atMs);
      else {
        this.#early.delete(id);
        this.latencies.add(Math.max(0, seenAtMs - atMs), seenAtMs);
      }
    }
    for (const id of this.#committed.keys()) {
      if (this.#committed.size <= MOST_WAITING) break;
      this.#committed.delete(id);
    }
    // Everything committed by now is known; what is left was not written by this generator.
    this.#early.clear();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#redis.disconnect();
    await this.#running;
  }

  async #watch(): Promise<void> {
    let after: string | undefined;
    while (!this.#closed) {
      try {
        after ??= (await this.#redis.xrevrange(names.redis.recent, '+', '-', 'COUNT', 1))[0]?.[0] ?? '0-0';
        const answer = await this.#redis.xread('COUNT', READ_COUNT, 'BLOCK', BLOCK_MS, 'STREAMS', names.redis.recent, after);
        const atMs = Date.now();
        for (const [id, fields] of answer?.[0]?.[1] ?? []) {
          after = id;
          this.#arrived(Number(fields[fields.indexOf('event_id') + 1]), atMs);
        }
      } catch {
        if (!this.#closed) await sleep(RECONNECT_MS);
      }
    }
  }

  #arrived(eventId: number, atMs: number): void {
    const committedAtMs = this.#committed.get(eventId);
    if (committedAtMs === undefined) {
      if (this.#early.size < MOST_WAITING) this.#early.set(eventId, atMs);
      return;
    }
    this.#committed.delete(eventId);
    this.latencies.add(atMs - committedAtMs, atMs);
  }
}

const duration = (ms: number): string => {
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60).toLocaleString('en-US')} h ${minutes % 60} min`;
};

/** The contents with the most engagement. */
export const readTopEntries = async (redis: Redis): Promise<readonly TopEntry[]> => {
  const flat = await redis.zrevrange(names.redis.top, 0, TOP_ENTRIES - 1, 'WITHSCORES');
  const ids = flat.filter((_, i) => i % 2 === 0);
  const titles = await Promise.all(ids.map((id) => redis.hget(`${names.redis.totals}${id}`, 'content_title')));
  return ids.map((id, i) => ({ title: titles[i] ?? id, value: duration(Number(flat[2 * i + 1])), amount: Number(flat[2 * i + 1]) }));
};
