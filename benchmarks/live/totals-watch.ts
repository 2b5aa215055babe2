/** Sees the totals of each content as any reader of Redis sees them. */
import { Redis } from 'ioredis';
import { names } from '../../examples/engagement/names.ts';

export interface Reading {
  /** The content's events so far, as read from its hash. */
  readonly count: number;
  /** When the answer had come, ms since the epoch. */
  readonly atMs: number;
}

/** Redis tells which hash changed (keyspace notifications); the hash is then read by another connection, over and over while it changes. */
export class TotalsWatch {
  readonly readings = new Map<string, Reading[]>();
  /** Events by content when the watch began. */
  readonly base = new Map<string, number>();
  readonly #listener: Redis;
  readonly #reader: Redis;
  /** Contents whose hash is being read; true when it has changed meanwhile. */
  readonly #reading = new Map<string, boolean>();

  private constructor(url: string) {
    this.#listener = new Redis(url);
    this.#reader = new Redis(url);
    for (const redis of [this.#listener, this.#reader]) redis.on('error', () => undefined);
  }

  /** To be opened while nothing changes. */
  static async open(url: string): Promise<TotalsWatch> {
    const watch = new TotalsWatch(url);
    await watch.#begin();
    return watch;
  }

  async #begin(): Promise<void> {
    await this.#reader.config('SET', 'notify-keyspace-events', 'Kh');
    for await (const keys of this.#reader.scanStream({ match: `${names.redis.totals}*`, count: 500 }) as AsyncIterable<string[]>) {
      for (const key of keys) this.base.set(key.slice(names.redis.totals.length), Number((await this.#reader.hget(key, 'events')) ?? 0));
    }
    const prefix = `__keyspace@0__:${names.redis.totals}`;
    this.#listener.on('pmessage', (_pattern: string, channel: string) => this.#changed(channel.slice(prefix.length)));
    await this.#listener.psubscribe(`${prefix}*`);
  }

  #changed(content: string): void {
    const reads = this.#reading.has(content);
    this.#reading.set(content, reads);
    if (!reads) void this.#read(content);
  }

  async #read(content: string): Promise<void> {
    try {
      do {
        this.#reading.set(content, false);
        const count = Number((await this.#reader.hget(`${names.redis.totals}${content}`, 'events')) ?? 0);
        const readings = this.readings.get(content) ?? [];
        if (count > (readings.at(-1)?.count ?? 0)) readings.push({ count, atMs: Date.now() });
        this.readings.set(content, readings);
      } while (this.#reading.get(content) === true);
    } catch {
      // The connection was closed, or is made anew: the next change reads again.
    }
    this.#reading.delete(content);
  }

  async close(): Promise<void> {
    await this.#reader.config('SET', 'notify-keyspace-events', '').catch(() => undefined);
    this.#listener.disconnect();
    this.#reader.disconnect();
  }
}
