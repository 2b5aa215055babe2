import { pathOf, type InnerNode, type Node, type StatefulNode, type TableNode } from '../../topology/node.ts';
import { RejoinError } from '../core/errors.ts';
import type { FetchedBatch, OutputBatch, TaskProducer } from '../kafka/port.ts';
import { compile, type CompiledStage, type StageHost, type StateAccess, type TableAccess } from '../plan/compile.ts';
import { NO_VALUE } from '../serde/serde.ts';
import type { TaskState } from '../state/home.ts';
import type { Store } from '../state/store.ts';
import { checkedState, sealStores, type TaskStore } from './checked-state.ts';
import { commit } from './checkpoint.ts';
import type { StageContext } from './context.ts';
import { appendDeadLetter, originalOf } from './dead-letter.ts';
import type { Engine, Entry } from './engine.ts';
import { endsTask, runInner, type InnerRun, type WaitingInner } from './inner.ts';
import { RecordMeta } from './meta.ts';
import { HeldOutput, StageOutputs } from './outputs.ts';
import { valueOf } from './reading.ts';
import { Uncommitted } from './uncommitted.ts';

export interface ProcessingOptions {
  readonly context: StageContext;
  readonly partition: number;
  readonly producer: TaskProducer;
  readonly stores: ReadonlyMap<StatefulNode, TaskStore>;
  /** All of these stores; null when there are none. */
  readonly state: TaskState | null;
  /** Whether states are encoded when they are written already. */
  readonly checksStates: boolean;
  /** Wakes the task's loop when a commit has ended. */
  readonly wake: () => void;
  /** Aborted when the task is closed at once. */
  readonly signal: AbortSignal;
}

/** Runs a stage that writes to topics: outputs, state and offsets become visible in one transaction per commit. */
export class ProcessingEngine implements Engine, StageHost {
  readonly meta = new RecordMeta();
  at: Node | null = null;
  readonly #options: ProcessingOptions;
  readonly #context: StageContext;
  readonly #outputs: StageOutputs;
  readonly #compiled: CompiledStage;
  readonly #stores: readonly Store[];
  readonly #uncommitted: Uncommitted;
  #output: OutputBatch;
  #committing: Promise<void> | null = null;
  #committed = false;
  #failure: unknown = null;
  readonly concurrency: number | null;
  /** Inner streams that the record under way has begun and that did not end in the call. */
  #waiting: WaitingInner[] = [];
  /** Outputs of the record under way, where records overlap; else they are appended at once. */
  #held: HeldOutput | null = null;
  /** How many outputs the record under way has. */
  #puts = 0;
  readonly #discarded = new AbortController();
  /** Ends the inner streams that are under way, when the task is closed at once and when it has failed. */
  readonly #closed: AbortSignal;

  constructor(options: ProcessingOptions) {
    this.#options = options;
    const { stage } = options.context;
    this.#context = options.context;
    this.#outputs = new StageOutputs(options.context);
    this.#uncommitted = new Uncommitted(options.context.clock, options.context.config);
    this.#stores = [...options.stores.values()].map((s) => s.store);
    this.#output = options.producer.batch();
    this.#closed = AbortSignal.any([options.signal, this.#discarded.signal]);
    const inner = [...stage.nodes].flatMap((node) => (node.kind === 'inner' ? [node.concurrency] : []));
    this.concurrency = inner.length === 0 ? null : Math.min(...inner);
    this.#compiled = compile(stage, this);
    options.context.views.attach(this.#stores);
  }

  record(entry: Entry, batch: FetchedBatch, i: number): void | Promise<void> {
    const { clock, counters } = this.#context;
    this.meta.at(batch, i, entry.decodeKey, clock.now());
    this.at = null;
    this.#begin();
    if (this.concurrency !== null && this.concurrency > 1) this.#held = new HeldOutput();
    this.#puts = 0;
    try {
      const value = valueOf(entry.values, batch, i);
      this.#uncommitted.begin(this.meta.timestamp);
      if (value === NO_VALUE) {
        counters.drop('tombstone');
      } else {
        if (entry.timeOf !== null) this.meta.timestamp = entry.timeOf(value, this.meta.timestamp);
        this.#compiled.get(entry.topic)!(value);
      }
      if (this.#waiting.length > 0) return this.#later({ entry, batch, index: i, timestamp: this.meta.timestamp, now: this.meta.now, waiting: this.#taken(), held: this.#held });
      this.#held?.releaseTo(this.#output);
    } catch (error) {
      this.#taken();
      if (endsTask(error)) throw error;
      this.#deadLetter(batch, i, error);
    }
    this.#finished();
  }

  #begin(): void {
    this.#output.begin();
    for (let s = 0; s < this.#stores.length; s += 1) this.#stores[s]!.begin();
  }

  #finished(): void {
    this.#held = null;
    this.#context.counters.recordsIn += 1;
    this.#context.counters.recordsOut += this.#puts;
    this.#uncommitted.finished();
  }

  #taken(): readonly WaitingInner[] {
    const taken = this.#waiting;
    this.#waiting = [];
    return taken;
  }

  /** Waits for a record's inner streams and runs the steps behind them, until none is left. What the record puts out appears at once or not at all. */
  async #later(run: InnerRun): Promise<void> {
    let resumed = run.held === null;
    try {
      for (let { waiting } = run; waiting.length > 0; waiting = this.#taken()) {
        resumed = run.held === null;
        const emitted: (readonly unknown[])[] = [];
        for (const inner of waiting) emitted.push(await this.#valuesOf(inner));
        this.#resume(run);
        resumed = true;
        waiting.forEach((inner, n) => {
          const saved = this.meta.swapKey(inner.key);
          for (const value of emitted[n]!) inner.next(value);
          this.meta.restoreKey(saved);
        });
      }
      this.#held?.releaseTo(this.#output);
    } catch (error) {
      this.#taken();
      if (endsTask(error)) throw error;
      // Between its turns other records have begun theirs: what they put out is not this record's to take back.
      if (!resumed) this.#begin();
      this.#deadLetter(run.batch, run.index, error);
    }
    this.#finished();
  }

  async #valuesOf(inner: WaitingInner): Promise<readonly unknown[]> {
    try {
      return await inner.values;
    } catch (error) {
      this.at = inner.node;
      throw error;
    }
  }

  /** Takes up a record again, after others may have used the task's meta. */
  #resume(run: InnerRun): void {
    this.meta.at(run.batch, run.index, run.entry.decodeKey, run.now);
    this.meta.timestamp = run.timestamp;
    if (run.held === null) return;
    this.#held = run.held;
    this.#puts = run.held.count;
    this.#begin();
  }

  inner(node: InnerNode, value: unknown, next: (value: unknown) => void): void {
    const { clock, config } = this.#context;
    const { key } = this.meta;
    const inner = runInner(node, value, this.meta, { clock, timeoutMs: config.innerTimeoutMs, maxValues: config.innerValues, signal: this.#closed });
    // Where records overlap, state is written when all inner streams of the record have ended: what is written before could not be taken back.
    const values = this.#held !== null && this.#stores.length > 0 ? Promise.resolve(inner) : inner;
    if (values instanceof Promise) {
      // Awaited in order; one that fails while another is awaited is no unhandled rejection.
      values.catch(() => {});
      this.#waiting.push({ node, values, key, next });
    } else {
      for (const emitted of values) next(emitted);
    }
  }

  #deadLetter(batch: FetchedBatch, i: number, error: unknown): void {
    const { stage, partitions, maxBytes, counters, clock, limited, events } = this.#context;
    this.#output.rollback();
    for (const store of this.#stores) store.rollback();
    this.#puts = 0;
    const node = this.at === null ? null : pathOf(this.at);
    const original = originalOf(batch, i);
    appendDeadLetter(this.#output, original, { topic: stage.deadLetters, partitions: partitions.get(stage.deadLetters)!, maxBytes: maxBytes.get(stage.deadLetters) ?? Infinity, stage: stage.name, node, error, now: clock.now() });
    counters.deadLetters += 1;
    events.emit({ type: 'deadLetter', stage: stage.name, node, topic: original.topic, partition: original.partition, offset: original.offset, error });
    limited.warn(`dead letter ${node}`, 'a record went to the dead letters', {
      stage: stage.name, node, topic: original.topic, partition: original.partition, offset: original.offset, error,
    });
  }

  output(index: number, value: unknown): void {
    this.#outputs.write(index, value, this.meta, this.#held ?? this.#output);
    this.#puts += 1;
  }

  sink(): void {
    throw new Error('this stage has no outside sink');
  }

  drop(reason: string): void {
    this.#context.counters.drop(reason);
  }

  store(node: StatefulNode): StateAccess {
    const store = this.#options.stores.get(node)!;
    return this.#options.checksStates ? checkedState(store) : store.store;
  }

  table(node: TableNode): TableAccess {
    return this.#context.tables.get(node)!;
  }

  progressed(topic: string, nextOffset: number): void {
    this.#uncommitted.progressed(topic, nextOffset);
  }

  dueInMs(): number | null {
    return this.#uncommitted.dueInMs();
  }

  async settle(): Promise<void> {
    this.#throwFailure();
    if (!this.#uncommitted.isDue(this.#output.byteLength)) return;
    // One commit at a time, in order; records go on being processed while it runs.
    if (this.#committing !== null) await this.#committing;
    this.#throwFailure();
    this.#startCommit();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #startCommit(): void {
    const { context, producer, partition, stores, state } = this.#options;
    const { clock, counters, stage, events, views, crash } = context;
    const sealedMs = clock.now();
    const sealed = sealStores(stores.values(), this.#output, partition, sealedMs);
    const { records } = this.#uncommitted;
    const checkpoint = { producer, stage, output: this.#output, positions: this.#uncommitted.take(partition), state, sealedMs, crash };
    this.#output = producer.batch();
    const startedMs = clock.monotonic();
    this.#committing = commit(checkpoint).then(
      async () => {
        if (crash !== null) await crash('before-forget');
        this.#committed = true;
        const ms = clock.monotonic() - startedMs;
        counters.committed(ms);
        events.emit({ type: 'committed', stage: stage.name, partition, records, ms });
        for (const [store, writes] of sealed) views.committed(store, writes);
        if (crash !== null) await crash('after-forget');
      },
      (error: unknown) => {
        this.#failure = error;
      },
    ).finally(() => {
      this.#committing = null;
      this.#uncommitted.ended();
      this.#options.wake();
    });
  }

  requestCommit(): void {
    this.#uncommitted.request();
  }

  stopSoon(): void {
    this.#uncommitted.request();
  }

  async drain(): Promise<void> {
    this.#uncommitted.request();
    await this.settle();
    if (this.#committing !== null) await this.#committing;
    this.#throwFailure();
  }

  hasCommitted(): boolean {
    return this.#committed;
  }

  unsettled(): number {
    return this.#uncommitted.unsettled;
  }

  oldestMs(): number | null {
    return this.#uncommitted.oldestMs;
  }

  async discard(): Promise<void> {
    this.#discarded.abort(new RejoinError('the task is closed'));
    this.#context.views.detach(this.#stores);
    await this.#options.state?.close();
    await this.#options.producer.close();
  }
}
