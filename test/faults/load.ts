/** A steady stream of events, and a table that they join. */
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Producer } from 'kafkajs';
import type { Lab } from '../integration/support/lab.ts';
import type { Event, Item } from './topology.ts';

const CATEGORIES = ['books', 'games', 'music', 'tools', 'toys'];
const ITEMS = 40;
const USERS = 60;
const BATCH_EVERY_MS = 100;
const RETRY_MS = 300;

export const items: readonly Item[] = Array.from({ length: ITEMS }, (_, n) => ({ id: `item-${n}`, category: CATEGORIES[n % CATEGORIES.length]!, price: 100 + n }));

export const eventOf = (id: number, filling = ''): Event => ({ id, user: `user-${(id * 31) % USERS}`, item: `item-${(id * 17) % ITEMS}`, amount: (id % 9) + 1, filling });

export interface LoadOptions {
  readonly topic: string;
  readonly perSecond: number;
  readonly fillingBytes: number;
}

/** Sends until it is stopped. A batch whose answer was lost is sent again: what stands in the topic is what counts. */
export class Load {
  /** Events that the broker has confirmed; their ids go from 0 to this. */
  sent = 0;
  /** Batches that were sent again. */
  repeats = 0;
  readonly #lab: Lab;
  readonly #options: LoadOptions;
  #running = true;
  #producer: Producer | null = null;
  readonly #done: Promise<void>;

  constructor(lab: Lab, options: LoadOptions) {
    this.#lab = lab;
    this.#options = options;
    this.#done = this.#run();
  }

  /** The batch under way is still confirmed, unless the broker is away. */
  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
  }

  async #run(): Promise<void> {
    const { perSecond, fillingBytes } = this.#options;
    const size = Math.max(1, Math.round((perSecond * BATCH_EVERY_MS) / 1_000));
    const filling = 'x'.repeat(fillingBytes);
    for (let dueMs = performance.now(); this.#running; dueMs = Math.max(dueMs + BATCH_EVERY_MS, performance.now())) {
      await delay(Math.max(0, dueMs - performance.now()));
      if (await this.#send(Array.from({ length: size }, (_, i) => eventOf(this.sent + i, filling)))) this.sent += size;
    }
    await this.#producer?.disconnect();
  }

  /** @returns whether they are confirmed; not so only when the load was stopped while the broker was away */
  async #send(events: readonly Event[]): Promise<boolean> {
    const messages = events.map((event) => ({ key: String(event.id), value: JSON.stringify(event) }));
    do {
      try {
        this.#producer ??= await this.#connected();
        await this.#producer.send({ topic: this.#options.topic, messages, acks: -1 });
        return true;
      } catch {
        // A fresh producer: one that has met a dead broker may stay away for good.
        await this.#producer?.disconnect().catch(() => undefined);
        this.#producer = null;
        this.repeats += 1;
        await delay(RETRY_MS);
      }
    } while (this.#running);
    return false;
  }

  async #connected(): Promise<Producer> {
    const producer = this.#lab.kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner, retry: { retries: 2 } });
    await producer.connect();
    return producer;
  }
}
