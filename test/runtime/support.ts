/** A clock that moves when told, a producer that remembers, and a task of one stage over them: the engine without Kafka. */
import type { SourceNode } from '../../topology/node.ts';
import type { Topology } from '../../topology/topology.ts';
import { systemClock, type Clock, type Timer } from '../../lib/core/clock.ts';
import { readConfig, type Config } from '../../lib/core/config.ts';
import { RateLimitedLog, silentLogger } from '../../lib/core/logger.ts';
import { StageCounters } from '../../lib/core/metrics.ts';
import type { FetchedBatch, KafkaAdmin, KafkaPort, OutputBatch, Position, Sent, TransactionalProducer } from '../../lib/kafka/port.ts';
import { plan } from '../../lib/plan/plan.ts';
import type { StagePlan } from '../../lib/plan/types.ts';
import type { StageContext } from '../../lib/runtime/context.ts';
import { ProcessingEngine } from '../../lib/runtime/processing.ts';
import { WorkerEvents } from '../../lib/runtime/events.ts';
import { StoreViews } from '../../lib/runtime/store-views.ts';
import { serdesOf } from '../../lib/runtime/serdes.ts';
import { Task, type TaskEntry } from '../../lib/runtime/task.ts';
import { Wake } from '../../lib/runtime/wake.ts';
import { createSerde } from '../../lib/serde/index.ts';
import type { MemoryStore } from '../../lib/state/memory.ts';
import { memoryHome, MemoryTask } from '../../lib/state/memory-home.ts';
import { sleepOn } from '../../lib/testing/virtual-clock.ts';

/** Lets everything that promises have to do be done. */
export const settled = async (): Promise<void> => {
  for (let i = 0; i < 5; i += 1) await systemClock.turn();
};

export class ManualClock implements Clock {
  #nowMs = 0;
  #timers: { readonly atMs: number; readonly task: () => void }[] = [];
  /** What `random` gives. */
  chance = 0.5;

  now(): number {
    return this.#nowMs;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  after(delayMs: number, task: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, task };
    this.#timers.push(timer);
    return { cancel: () => { this.#timers = this.#timers.filter((t) => t !== timer); } };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  turn(): Promise<void> {
    return systemClock.turn();
  }

  random(): number {
    return this.chance;
  }

  /** Lets time pass: timers go off in order, and what they start is done before the next. */
  async advance(byMs: number): Promise<void> {
    const endMs = this.#nowMs + byMs;
    for (;;) {
      await settled();
      const next = this.#timers.filter((t) => t.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0];
      if (next === undefined) break;
      this.#timers = this.#timers.filter((t) => t !== next);
      this.#nowMs = Math.max(this.#nowMs, next.atMs);
      next.task();
    }
    this.#nowMs = endMs;
  }
}

export interface Written {
  readonly topic: string;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

class FakeOutput implements OutputBatch {
  readonly written: Written[] = [];
  byteLength = 0;
  #begun = 0;

  get count(): number {
    return this.written.length;
  }

  append(...[topic, , key, value, , headers]: Parameters<OutputBatch['append']>): void {
    const names = (headers ?? []).map(([name, content]) => [name, String(content)]);
    this.written.push({ topic, key: key === null ? null : String(key), value: value === null ? null : String(value), headers: Object.fromEntries(names) as Record<string, string> });
    this.byteLength += 1;
  }

  begin(): void {
    this.#begun = this.written.length;
  }

  rollback(): void {
    this.written.length = this.#begun;
  }
}

/** What a transaction has made visible. */
export interface Transaction {
  readonly written: readonly Written[];
  readonly positions: readonly Position[];
}

/** Remembers what was committed; its next commits wait while `held`. */
export class FakeProducer implements TransactionalProducer {
  readonly transactionalId = 'fake';
  readonly transactions: Transaction[] = [];
  closed = false;
  #written: readonly Written[] = [];
  #positions: readonly Position[] = [];

  init(): Promise<{ producerId: number; epoch: number }> {
    return Promise.resolve({ producerId: 1, epoch: 0 });
  }

  batch(): OutputBatch {
    return new FakeOutput();
  }

  send(batch: OutputBatch): Promise<readonly Sent[]> {
    this.#written = [...(batch as FakeOutput).written];
    return Promise.resolve([]);
  }

  sendOffsets(_group: string, positions: readonly Position[]): Promise<void> {
    this.#positions = positions;
    return Promise.resolve();
  }

  commit(): Promise<void> {
    this.transactions.push({ written: this.#written, positions: this.#positions });
    this.#written = [];
    return Promise.resolve();
  }

  abort(): Promise<void> {
    return Promise.resolve();
  }

  close(): Promise<void> {
    this.closed = true;
    return Promise.resolve();
  }

  /** Everything committed to a topic, in order. */
  topic(topic: string): (string | null)[] {
    return this.transactions.flatMap(({ written }) => written).filter((w) => w.topic === topic).map(({ value }) => value);
  }

  /** The position committed last. */
  position(): number | undefined {
    return this.transactions.at(-1)?.positions[0]?.offset;
  }
}

/** JSON values as a fetch brings them; every key is 'k'. */
export const batchOf = (topic: string, values: readonly unknown[], from = 0): FetchedBatch => ({
  topic, partition: 0, count: values.length, nextOffset: from + values.length, highWatermark: from + values.length, lastStableOffset: from + values.length, byteLength: values.length,
  offset: (i) => from + i, timestamp: (i) => from + i, key: () => Buffer.from('k'), value: (i) => Buffer.from(JSON.stringify(values[i])), headers: () => [],
});

export const contextFor = (stage: StagePlan, app: string, clock: Clock, settings: Partial<Config> = {}): StageContext => ({
  app, stage, clock,
  port: null as unknown as KafkaPort,
  admin: null as unknown as KafkaAdmin,
  serdes: serdesOf(createSerde({ registryUrl: null, clock, log: silentLogger })),
  config: readConfig({}, settings),
  log: silentLogger,
  limited: new RateLimitedLog(silentLogger, clock),
  crash: null,
  counters: new StageCounters(stage.name, stage.sink?.name ?? null),
  tables: new Map(),
  outside: null,
  home: memoryHome(),
  events: new WorkerEvents((error) => { throw error; }),
  views: new StoreViews(stage.stores.map(({ name }) => name), (error) => { throw error; }),
  partitions: new Map([...stage.outputs.map((o) => o.topic), stage.deadLetters].map((topic) => [topic, 1])),
  maxBytes: new Map(),
});

/** The one task of a topology's first stage, over a producer and a clock of ours. */
export class EngineUnderTest {
  readonly clock = new ManualClock();
  readonly producer = new FakeProducer();
  readonly closing = new AbortController();
  readonly context: StageContext;
  readonly engine: ProcessingEngine;
  readonly entry: TaskEntry;
  readonly stores: readonly MemoryStore[];
  readonly #wake = new Wake(this.clock);
  #next = 0;

  constructor(topology: Topology, settings: Partial<Config> = {}) {
    const stage = plan(topology).stages[0]!;
    this.context = contextFor(stage, topology.name, this.clock, settings);
    const { serdes } = this.context;
    const state = new MemoryTask({ stage: stage.name, partition: 0, owner: { producerId: 1, epoch: 0 }, stores: stage.stores.map(({ node, name, changelog }) => ({ name, changelog, decoder: serdes.decoder(node.state) })) });
    this.stores = state.stores;
    const stores = stage.stores.map(({ node, changelog }, i) => [node, { store: state.stores[i]!, changelog, encoder: serdes.encoder(node.state, changelog), maxBytes: Infinity }] as const);
    this.engine = new ProcessingEngine({
      context: this.context, partition: 0, producer: this.producer, stores: new Map(stores), state, checksStates: false, wake: () => this.#wake.signal(), signal: this.closing.signal,
    });
    const entry = stage.entries[0]!;
    const keys = { prepare: () => undefined, decode: (bytes: Buffer | null) => String(bytes) };
    this.entry = { topic: (entry.nodes[0] as SourceNode).topic, partition: 0, values: this.context.serdes.entryValues(entry), keys, decodeKey: (bytes) => keys.decode(bytes), timeOf: null, start: 0 };
  }

  /** Hands the engine one record, beside those that are under way. */
  record(value: unknown): void | Promise<void> {
    this.#next += 1;
    return this.engine.record(this.entry, batchOf(this.entry.topic, [value], this.#next - 1), 0);
  }

  /** Commits what has ended. */
  async commit(): Promise<void> {
    this.engine.progressed(this.entry.topic, this.#next);
    await this.engine.drain();
  }

  /** A task that has these records in its queue, and the end of its run. */
  task(values: readonly unknown[]): { readonly task: Task; readonly run: Promise<unknown> } {
    const task = new Task({ context: this.context, partition: 0, entries: [this.entry], engine: this.engine, wake: this.#wake, signal: this.closing.signal, onRoom: () => {} });
    task.offer(batchOf(this.entry.topic, values), 0);
    return { task, run: task.run().then(() => null, async (error: unknown) => { await task.discard(); return error; }) };
  }
}
