/** Follows the outputs as a read_committed consumer sees them: what came from which task, by which process, and when. */
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { kafkaPort } from '../../lib/kafka/kafkajs/index.ts';
import type { FetchedBatch, KafkaPort, Position } from '../../lib/kafka/port.ts';
import type { Written } from './topology.ts';

export type OutputName = 'copy' | 'totals';

/** A task that writes to one of the outputs. */
export interface Place {
  readonly output: OutputName;
  readonly task: number;
}

export interface Arrival {
  /** performance.now() when it was read. */
  readonly ms: number;
  readonly pid: number;
  /** From its event's timestamp to now. */
  readonly latencyMs: number;
}

export interface WatchOptions {
  readonly brokers: readonly string[];
  readonly app: string;
  readonly partitions: number;
}

const LIMITS = { maxWaitMs: 200, maxBytes: 4_000_000, maxBytesPerPartition: 1_000_000 };
const REQUEST_TIMEOUT_MS = 5_000;
const PAUSE_MS = 200;

export class Watch {
  readonly #port: KafkaPort;
  readonly #positions: Position[];
  readonly #arrivals = new Map<string, Arrival[]>();
  readonly #counts: Record<OutputName, number> = { copy: 0, totals: 0 };
  readonly #app: string;
  #running = true;
  readonly #done: Promise<void>;

  constructor({ brokers, app, partitions }: WatchOptions) {
    this.#app = app;
    this.#port = kafkaPort({ brokers, clientId: `${app}-watch`, requestTimeoutMs: REQUEST_TIMEOUT_MS, clock: systemClock, log: silentLogger });
    this.#positions = ['copy', 'totals'].flatMap((output) => Array.from({ length: partitions }, (_, partition) => ({ topic: `${app}.${output}`, partition, offset: 0 })));
    this.#done = this.#run();
  }

  /** Committed records so far. */
  count(output: OutputName): number {
    return this.#counts[output];
  }

  arrivals({ output, task }: Place): readonly Arrival[] {
    return this.#arrivals.get(`${output} ${task}`) ?? [];
  }

  /** All arrivals of an output between two times, in no order. */
  between(output: OutputName, fromMs: number, toMs: number): readonly Arrival[] {
    return [...this.#arrivals].filter(([place]) => place.startsWith(`${output} `)).flatMap(([, arrivals]) => arrivals.filter(({ ms }) => ms >= fromMs && ms < toMs));
  }

  /** The first record that this task committed after a time and that none of these processes wrote. */
  firstAfter(place: Place, ms: number, notBy: ReadonlySet<number>): Arrival | undefined {
    const arrivals = this.arrivals(place);
    let first: Arrival | undefined;
    // From the end: the time asked for is mostly a short while ago.
    for (let i = arrivals.length - 1; i >= 0 && arrivals[i]!.ms > ms; i -= 1) if (!notBy.has(arrivals[i]!.pid)) first = arrivals[i];
    return first;
  }

  async close(): Promise<void> {
    this.#running = false;
    await this.#done;
    await this.#port.close();
  }

  async #run(): Promise<void> {
    const reader = this.#port.reader();
    while (this.#running) {
      try {
        for (const batch of await reader.fetch(this.#positions, LIMITS)) this.#take(batch);
      } catch {
        // The broker is away, or has not yet made the topics known.
        await delay(PAUSE_MS);
      }
    }
  }

  #take(batch: FetchedBatch): void {
    const index = this.#positions.findIndex(({ topic, partition }) => topic === batch.topic && partition === batch.partition);
    this.#positions[index] = { ...this.#positions[index]!, offset: batch.nextOffset };
    const output = batch.topic.slice(this.#app.length + 1) as OutputName;
    const [ms, now] = [performance.now(), Date.now()];
    this.#counts[output] += batch.count;
    for (let i = 0; i < batch.count; i += 1) {
      const { task, pid } = JSON.parse(batch.value(i)!.toString()) as Written;
      const place = `${output} ${task}`;
      let arrivals = this.#arrivals.get(place);
      if (arrivals === undefined) this.#arrivals.set(place, arrivals = []);
      arrivals.push({ ms, pid, latencyMs: now - batch.timestamp(i) });
    }
  }
}
