/** A cluster in memory with workers of this process on it. */
import type { Topology } from '../../topology/topology.ts';
import { systemClock } from '../../lib/core/clock.ts';
import type { RetryError } from '../../lib/core/errors.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { MemoryBroker, memoryPort } from '../../lib/kafka/memory/index.ts';
import { run, type RunHandle, type RunOptions } from '../../lib/runtime/run.ts';
import type { WorkerEvent } from '../../lib/runtime/events.ts';
import { ALL_WRITTEN, type SinkDriver, type SinkRecord, type WriteResult } from '../../lib/sinks/contract.ts';

/** Polls until the condition holds. */
export const until = async (holds: () => boolean, what: () => string = () => 'a condition', timeoutMs = 5_000): Promise<void> => {
  const deadline = performance.now() + timeoutMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`in vain: ${what()}`);
    await systemClock.sleep(5);
  }
};

export class Cluster {
  readonly broker = new MemoryBroker({ clock: systemClock, groupDelayMs: 0, markerMs: () => 0 });
  readonly #handles: RunHandle[] = [];

  topic(topic: string, partitions = 1): string {
    this.broker.createTopics([{ topic, partitions, replicationFactor: 1, config: {} }]);
    return topic;
  }

  /** Values as JSON, under the key given. */
  send(topic: string, values: readonly unknown[], key = 'k', partition = 0): void {
    this.broker.append({ topic, partition }, values.map((value) => ({ key: Buffer.from(key), value: Buffer.from(JSON.stringify(value)), timestamp: systemClock.now(), headers: [] })));
  }

  /** Committed values of a topic's partition. */
  values(topic: string, partition = 0): unknown[] {
    if (this.broker.describeTopics([topic]).length === 0) return [];
    const { lastStable, entries } = this.broker.log({ topic, partition });
    const isCommitted = ({ offset, transaction }: (typeof entries)[number]): boolean => offset < lastStable && transaction?.outcome !== 'aborted';
    return entries.flatMap((entry) => (entry.record !== null && isCommitted(entry) ? [JSON.parse(String(entry.record.value)) as unknown] : []));
  }

  committed(group: string, topic: string, partition = 0): number | undefined {
    return this.broker.group(group).offsetOf({ topic, partition });
  }

  start(topology: Topology, options: Partial<RunOptions> = {}): RunHandle {
    const handle = run(topology, {
      environment: {}, port: memoryPort({ broker: this.broker }), log: silentLogger, ...options,
      settings: { commitIntervalMs: 10, sinkCommitIntervalMs: 20, fetchMaxWaitMs: 10, retryBaseMs: 1, retryMaxMs: 10, heartbeatIntervalMs: 20, ...options.settings },
    });
    handle.done.catch(() => undefined);
    this.#handles.push(handle);
    return handle;
  }

  async close(): Promise<void> {
    await Promise.all(this.#handles.map((handle) => handle.stop()));
  }
}

/** All events of a worker, as they come. */
export const eventsOf = (handle: RunHandle): WorkerEvent[] => {
  const events: WorkerEvent[] = [];
  handle.events$.subscribe((event) => events.push(event));
  return events;
};

/** An outside system that the test takes down; counts who is at it at once. */
export class Outside {
  readonly written: SinkRecord[] = [];
  readonly sizes: number[] = [];
  attempts = 0;
  now = 0;
  mostAtOnce = 0;
  failure: RetryError | null = null;
  /** How long an attempt takes. */
  takesMs = 0;

  readonly driver: SinkDriver = {
    open: () => Promise.resolve(),
    writer: ({ partitions }) => Promise.resolve({ positions: () => Promise.resolve(partitions.map(() => null)), write: (batch: readonly SinkRecord[]) => this.write(batch), close: () => Promise.resolve() }),
    health: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };

  async write(batch: readonly SinkRecord[]): Promise<WriteResult> {
    this.attempts += 1;
    this.now += 1;
    this.mostAtOnce = Math.max(this.mostAtOnce, this.now);
    this.sizes.push(batch.length);
    try {
      await systemClock.sleep(this.takesMs);
      if (this.failure !== null) throw this.failure;
      this.written.push(...batch);
      return ALL_WRITTEN;
    } finally {
      this.now -= 1;
    }
  }
}
