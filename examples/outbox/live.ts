import { setTimeout as sleep } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { Latencies } from '../../lib/cli/start/latency.ts';
import { names } from './names.ts';

const POLL_MS = 10;
/** Of a load too fast to watch each event, some are. */
const MOST_WATCHED = 20;

/** Measures how long a commit in PostgreSQL takes to show up in Redis: it asks again and again for the hashes of some events. */
export class ArrivalWatch {
  readonly latencies = new Latencies();
  readonly #redis: Redis;
  readonly #committed = new Map<number, number>();
  readonly #running: Promise<void>;
  #closed = false;

  constructor(redis: Redis) {
    this.#redis = redis;
    this.#running = this.#watch();
  }

  committed(ids: readonly number[], atMs: number): void {
    const last = ids.at(-1);
    if (last !== undefined && this.#committed.size < MOST_WATCHED) this.#committed.set(last, atMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #watch(): Promise<void> {
    while (!this.#closed) {
      await sleep(POLL_MS);
      const waiting = [...this.#committed];
      if (waiting.length === 0) continue;
      // While Redis is away nothing arrives that could be seen.
      const found = await Promise.all(waiting.map(([id]) => this.#redis.exists(`${names.redisPrefix}${id}`))).catch(() => []);
      const atMs = Date.now();
      waiting.forEach(([id, committedAtMs], i) => {
        if (found[i] !== 1) return;
        this.#committed.delete(id);
        this.latencies.add(Math.max(0, atMs - committedAtMs), atMs);
      });
    }
  }
}
