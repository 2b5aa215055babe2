/** Live traffic at a rate, and how long each record takes to the output topic. */
import { setTimeout as sleep } from 'node:timers/promises';
import { partitionOf } from '../../lib/kafka/partitioner.ts';
import type { KafkaPort, TransactionalProducer } from '../../lib/kafka/port.ts';
import { percentile } from '../figures.ts';
import { INPUT, OUTPUT, PARTITIONS, type Order } from './topology.ts';

const TICK_MS = 50;
const LIMITS = { maxWaitMs: 100, maxBytes: 4_000_000, maxBytesPerPartition: 1_000_000 };
const USERS = 10_000;

export const orderOf = (id: number, sentMs: number): Order => ({ id, user: `user-${(id * 7_919) % USERS}`, amount: id % 100, sentMs, note: 'a note of the size that notes have, so that a record is not only numbers' });

export const sendOrders = async (producer: TransactionalProducer, orders: readonly Order[]): Promise<void> => {
  const batch = producer.batch();
  for (const order of orders) {
    const key = Buffer.from(order.user);
    batch.append(INPUT, partitionOf(key, PARTITIONS), key, JSON.stringify(order), order.sentMs);
  }
  await producer.send(batch);
  await producer.commit();
};

export interface Latency {
  readonly records: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Sends on until it is closed; `latency` is that of the records that have arrived since it was asked last. */
export class Traffic {
  readonly #port: KafkaPort;
  readonly #rate: number;
  readonly #stop = new AbortController();
  #next: number;
  #latencies: number[] = [];
  #running: Promise<unknown> = Promise.resolve();
  #failure: unknown = null;

  constructor(port: KafkaPort, rate: number, firstId: number) {
    this.#port = port;
    this.#rate = rate;
    this.#next = firstId;
  }

  start(): void {
    const failed = (error: unknown): void => {
      if (!this.#stop.signal.aborted) this.#failure = error;
    };
    this.#running = Promise.all([this.#send().catch(failed), this.#read(this.#next).catch(failed)]);
  }

  async #send(): Promise<void> {
    const producer = this.#port.producer('bench-backfill-traffic', { transactionTimeoutMs: 60_000 });
    await producer.init();
    const begunMs = performance.now();
    const firstId = this.#next;
    while (!this.#stop.signal.aborted) {
      const due = firstId + Math.floor((performance.now() - begunMs) * this.#rate / 1_000);
      const sentMs = Date.now();
      if (due > this.#next) await sendOrders(producer, Array.from({ length: due - this.#next }, (_, i) => orderOf(this.#next + i, sentMs)));
      this.#next = due;
      await sleep(TICK_MS);
    }
    await producer.close();
  }

  async #read(firstId: number): Promise<void> {
    const reader = this.#port.reader();
    let positions = await reader.endOffsets(Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: OUTPUT, partition })), 'read_committed');
    while (!this.#stop.signal.aborted) {
      for (const batch of await reader.fetch(positions, LIMITS)) {
        const now = Date.now();
        for (let i = 0; i < batch.count; i += 1) {
          const { id, sentMs } = JSON.parse(String(batch.value(i))) as Order;
          if (id >= firstId) this.#latencies.push(now - sentMs);
        }
        positions = positions.map((p) => (p.partition === batch.partition ? { ...p, offset: batch.nextOffset } : p));
      }
    }
    await reader.close();
  }

  latency(): Latency {
    if (this.#failure !== null) throw this.#failure;
    const taken = this.#latencies;
    this.#latencies = [];
    return { records: taken.length, p50Ms: percentile(taken, 0.5), p99Ms: percentile(taken, 0.99) };
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }
}
