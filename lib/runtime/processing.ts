import type { Node, ScanNode, TableNode } from '../../topology/node.ts';
import { pathOf } from '../../topology/node.ts';
import { DeadLetterError } from '../core/errors.ts';
import type { FetchedBatch, OutputBatch, Position, TransactionalProducer } from '../kafka/port.ts';
import { partitionOf } from '../kafka/partitioner.ts';
import { compile, type CompiledStage, type StageHost, type StateAccess, type TableAccess } from '../plan/compile.ts';
import { keyText } from '../serde/key.ts';
import { NO_VALUE, type ValueEncoder } from '../serde/serde.ts';
import type { Store } from '../state/store.ts';
import { commit } from './checkpoint.ts';
import type { StageContext } from './context.ts';
import { appendDeadLetter, originalOf } from './dead-letter.ts';
import type { Engine, Entry } from './engine.ts';
import { RecordMeta } from './meta.ts';

interface Output {
  readonly topic: string;
  readonly partitions: number;
  readonly encoder: ValueEncoder<unknown>;
  /** Repartition topics keep equal keys together, null included; elsewhere a null key stays null. */
  readonly nullKey: 'null-bytes' | 'encoded';
}

export interface ProcessingOptions {
  readonly context: StageContext;
  readonly partition: number;
  readonly producer: TransactionalProducer;
  readonly stores: ReadonlyMap<ScanNode, { readonly store: Store; readonly changelog: string; readonly encoder: ValueEncoder<unknown> }>;
  /** Wakes the task's loop when a commit has ended. */
  readonly wake: () => void;
}

/** A key of somebody else's topic as it can stand on ours: int64 keys become text. */
const ownKey = (key: unknown): unknown => {
  if (typeof key === 'bigint') return String(key);
  return Array.isArray(key) ? key.map(ownKey) : key;
};

/** Runs a stage that writes to topics: outputs, state and offsets become visible in one transaction per commit. */
export class ProcessingEngine implements Engine, StageHost {
  readonly meta = new RecordMeta();
  at: Node | null = null;
  readonly #options: ProcessingOptions;
  readonly #context: StageContext;
  readonly #outputs: readonly Output[];
  readonly #compiled: CompiledStage;
  readonly #stores: readonly Store[];
  readonly #positions = new Map<string, number>();
  #changed = new Set<string>();
  #output: OutputBatch;
  #records = 0;
  #sinceMs: number | null = null;
  #requested = false;
  #committing: Promise<void> | null = null;
  #failure: unknown = null;

  constructor(options: ProcessingOptions) {
    this.#options = options;
    const { stage, partitions, serdes } = options.context;
    this.#context = options.context;
    this.#outputs = stage.outputs.map((output) => ({
      topic: output.topic,
      partitions: partitions.get(output.topic)!,
      encoder: serdes.encoder(output.codec, output.topic),
      nullKey: output.node.kind === 'keyBy' ? 'encoded' : 'null-bytes',
    }));
    this.#stores = [...options.stores.values()].map((s) => s.store);
    this.#output = options.producer.batch();
    this.#compiled = compile(stage, this);
  }

  record(entry: Entry, batch: FetchedBatch, i: number): void {
    const { clock, counters } = this.#context;
    this.meta.at(batch, i, entry.decodeKey, clock.now());
    this.at = null;
    this.#output.begin();
    for (let s = 0; s < this.#stores.length; s += 1) this.#stores[s]!.begin();
    try {
      const value = entry.values.decode(batch.value(i));
      if (value === NO_VALUE) {
        counters.drop('tombstone');
      } else {
        if (entry.timeOf !== null) this.meta.timestamp = entry.timeOf(value);
        this.#compiled.get(entry.topic)!(value);
      }
    } catch (error) {
      this.#deadLetter(batch, i, error);
    }
    counters.recordsIn += 1;
    this.#records += 1;
    this.#sinceMs ??= clock.monotonic();
  }

  #deadLetter(batch: FetchedBatch, i: number, error: unknown): void {
    const { stage, partitions, counters, clock, limited } = this.#context;
    this.#output.rollback();
    for (const store of this.#stores) store.rollback();
    const node = this.at === null ? null : pathOf(this.at);
    const original = originalOf(batch, i);
    appendDeadLetter(this.#output, original, { topic: stage.deadLetters, partitions: partitions.get(stage.deadLetters)!, stage: stage.name, node, error, now: clock.now() });
    counters.deadLetters += 1;
    limited.warn(`dead letter ${node}`, 'a record went to the dead letters', {
      stage: stage.name, node, topic: original.topic, partition: original.partition, offset: original.offset, error,
    });
  }

  output(index: number, value: unknown): void {
    const output = this.#outputs[index]!;
    const { meta } = this;
    const { config, counters } = this.#context;
    if (meta.timestamp > meta.now + config.timestampAheadMs) {
      throw new DeadLetterError(`the record's time ${new Date(meta.timestamp).toISOString()} is more than ${config.timestampAheadMs} ms ahead`);
    }
    const key = ownKey(meta.key);
    const bytes = key === null && output.nullKey === 'null-bytes' ? null : Buffer.from(keyText(key), 'utf8');
    const partition = bytes === null ? meta.partition % output.partitions : partitionOf(bytes, output.partitions);
    this.#output.append(output.topic, partition, bytes, output.encoder.encode(value), meta.timestamp);
    counters.recordsOut += 1;
  }

  sink(): void {
    throw new Error('this stage has no outside sink');
  }

  drop(reason: string): void {
    this.#context.counters.drop(reason);
  }

  store(node: ScanNode): StateAccess {
    return this.#options.stores.get(node)!.store;
  }

  table(node: TableNode): TableAccess {
    return this.#context.tables.get(node)!;
  }

  progressed(topic: string, nextOffset: number): void {
    this.#positions.set(topic, nextOffset);
    this.#changed.add(topic);
    this.#sinceMs ??= this.#context.clock.monotonic();
  }

  /** Commits that carry no record wait longer: they only move offsets over markers. */
  #intervalMs(): number {
    const { config } = this.#context;
    return this.#records > 0 ? config.commitIntervalMs : Math.max(config.commitIntervalMs, config.sinkCommitIntervalMs);
  }

  dueInMs(): number | null {
    return this.#sinceMs === null ? null : this.#sinceMs + this.#intervalMs() - this.#context.clock.monotonic();
  }

  #isDue(): boolean {
    const { config } = this.#context;
    if (this.#changed.size === 0) return false;
    return this.#requested || this.#records >= config.commitRecords || this.#output.byteLength >= config.commitBytes || (this.dueInMs() ?? 1) <= 0;
  }

  async settle(): Promise<void> {
    this.#throwFailure();
    if (!this.#isDue()) return;
    // One commit at a time, in order; records go on being processed while it runs.
    if (this.#committing !== null) await this.#committing;
    this.#throwFailure();
    this.#begin();
  }

  #throwFailure(): void {
    if (this.#failure !== null) throw this.#failure;
  }

  #begin(): void {
    const { context, producer, partition, stores } = this.#options;
    const { clock, counters, stage } = context;
    for (const { store, changelog, encoder } of stores.values()) {
      for (const [key, value] of store.seal()) {
        this.#output.append(changelog, partition, key, value === undefined ? null : encoder.encode(value), clock.now());
      }
    }
    const positions: Position[] = [...this.#changed].map((topic) => ({ topic, partition, offset: this.#positions.get(topic)! }));
    const checkpoint = { producer, group: stage.group, output: this.#output, positions, stores: this.#stores };
    this.#output = producer.batch();
    this.#changed = new Set();
    this.#records = 0;
    this.#sinceMs = null;
    this.#requested = false;
    const startedMs = clock.monotonic();
    this.#committing = commit(checkpoint).then(
      () => {
        counters.commits += 1;
        counters.commitMs += clock.monotonic() - startedMs;
      },
      (error: unknown) => {
        this.#failure = error;
      },
    ).finally(() => {
      this.#committing = null;
      this.#options.wake();
    });
  }

  requestCommit(): void {
    this.#requested = true;
  }

  stopSoon(): void {
    this.#requested = true;
  }

  async drain(): Promise<void> {
    this.#requested = true;
    await this.settle();
    if (this.#committing !== null) await this.#committing;
    this.#throwFailure();
  }

  position(): string {
    return [...this.#positions].map(([topic, offset]) => `${topic}:${offset}`).join(' ');
  }

  async discard(): Promise<void> {
    for (const store of this.#stores) store.close();
    await this.#options.producer.close();
  }
}
