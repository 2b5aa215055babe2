import type { Node, SinkNode, StatefulNode, TableNode } from '../../topology/node.ts';
import { pathOf } from '../../topology/node.ts';
import { StopError } from '../core/errors.ts';
import type { FetchedBatch, OutputBatch, Position, TaskProducer } from '../kafka/port.ts';
import { compile, type CompiledStage, type StageHost, type StateAccess, type TableAccess } from '../plan/compile.ts';
import { NO_VALUE } from '../serde/serde.ts';
import type { Breaker } from '../sinks/breaker.ts';
import type { SinkWriter } from '../sinks/contract.ts';
import { commit } from './checkpoint.ts';
import type { StageContext } from './context.ts';
import { appendDeadLetter, originalOf } from './dead-letter.ts';
import { Delivery } from './delivery.ts';
import type { Engine, Entry } from './engine.ts';
import { Keeping } from './keeping.ts';
import { RecordMeta } from './meta.ts';
import { PendingRecord } from './pending-record.ts';
import { UnreadableError, valueOf } from './reading.ts';

interface Letter {
  readonly batch: FetchedBatch;
  readonly index: number;
  readonly node: string | null;
  readonly error: unknown;
}

export interface SinkingOptions {
  readonly context: StageContext;
  readonly partition: number;
  readonly producer: TaskProducer;
  readonly writer: SinkWriter;
  readonly breaker: Breaker;
  readonly sink: SinkNode;
  /** What the group has committed; the task may start below it, where the sink has lost writes. */
  readonly committed: readonly Position[];
  /** Aborts a write under way when the task is closed. */
  readonly signal: AbortSignal;
}

/**
 * Runs a stage that ends in an outside sink: records are written in batches, and offsets are committed behind what the
 * sink has taken, together with the dead letters of what it refused. While the sink is down the task waits here, its
 * queue fills and nothing more is fetched for it; its group and the other branches notice nothing.
 */
export class SinkingEngine implements Engine, StageHost {
  readonly meta = new RecordMeta();
  /** Inner streams run in the stage before: its results are on the topic that this one reads. */
  readonly concurrency = null;
  at: Node | null = null;
  readonly #options: SinkingOptions;
  readonly #context: StageContext;
  readonly #compiled: CompiledStage;
  readonly #processed = new Map<string, number>();
  readonly #committed = new Map<string, number>();
  readonly #delivery: Delivery;
  readonly #keeping: Keeping;
  #batch: FetchedBatch | null = null;
  #index = 0;
  /** Dead letters that wait until the offset behind them is committed. */
  #letters: Letter[] = [];
  #oldestMs = 0;
  #committedMs: number;
  #commits = 0;
  /** Records taken, in all, and how many of them the last commit left behind it. */
  #records = 0;
  #doneRecords = 0;
  #requested = false;
  #stopping = false;

  constructor(options: SinkingOptions) {
    this.#options = options;
    this.#context = options.context;
    const { context, writer, breaker, signal } = options;
    this.#delivery = new Delivery({
      context, writer, breaker, signal,
      onRefused: ({ batch, index }, error) => this.#deadLetter(batch, index, options.sink, error),
      beforeWait: () => this.#commitWhenDue(),
    });
    this.#keeping = new Keeping({ context, writer, breaker, signal, done: () => this.#done() });
    this.#committedMs = options.context.clock.monotonic();
    for (const { topic, offset } of options.committed) this.#committed.set(topic, offset);
    this.#compiled = compile(options.context.stage, this);
  }

  record(entry: Entry, batch: FetchedBatch, i: number): void {
    const { clock, counters } = this.#context;
    this.meta.at(batch, i, entry.decodeKey, clock.now());
    this.at = null;
    this.#batch = batch;
    this.#index = i;
    const before = this.#delivery.length;
    if (before === 0) this.#oldestMs = clock.monotonic();
    try {
      const value = valueOf(entry.values, batch, i);
      if (value === NO_VALUE) {
        counters.drop('tombstone');
      } else {
        if (entry.timeOf !== null) this.meta.timestamp = entry.timeOf(value, this.meta.timestamp);
        this.#compiled.get(entry.topic)!(value);
      }
    } catch (error) {
      this.#delivery.truncate(before);
      if (error instanceof StopError || error instanceof UnreadableError) throw error;
      this.#deadLetter(batch, i, this.at, error);
    }
    counters.recordsIn += 1;
    this.#records += 1;
  }

  #deadLetter(batch: FetchedBatch, index: number, at: Node | null, error: unknown): void {
    const { stage, counters, limited, events } = this.#context;
    // Below the committed offset the dead letter is on its topic already.
    if (batch.offset(index) < (this.#committed.get(batch.topic) ?? 0)) return;
    const node = at === null ? null : pathOf(at);
    this.#letters.push({ batch, index, node, error });
    counters.deadLetters += 1;
    events.emit({ type: 'deadLetter', stage: stage.name, node, topic: batch.topic, partition: batch.partition, offset: batch.offset(index), error });
    limited.warn(`dead letter ${node}`, 'a record goes to the dead letters', {
      stage: stage.name, node, topic: batch.topic, partition: batch.partition, offset: batch.offset(index), error,
    });
  }

  sink(value: unknown): void {
    this.#delivery.push(new PendingRecord(value, this.meta, this.#batch!, this.#index));
  }

  inner(): void {
    throw new Error('a sink stage runs no inner streams');
  }

  output(): void {
    throw new Error('a sink stage writes to no topic');
  }

  drop(reason: string): void {
    this.#context.counters.drop(reason);
  }

  store(_node: StatefulNode): StateAccess {
    throw new Error('a sink stage has no state');
  }

  table(node: TableNode): TableAccess {
    return this.#context.tables.get(node)!;
  }

  progressed(topic: string, nextOffset: number): void {
    this.#processed.set(topic, nextOffset);
  }

  dueInMs(): number | null {
    const now = this.#context.clock.monotonic();
    const write = this.#delivery.length === 0 ? null : this.#oldestMs + this.#options.sink.batch.waitMs - now;
    const offsets = this.#positions().length === 0 ? null : this.#committedMs + this.#context.config.sinkCommitIntervalMs - now;
    const due = [write, offsets, this.#keeping.dueInMs()].filter((ms) => ms !== null);
    return due.length === 0 ? null : Math.min(...due);
  }

  async settle(): Promise<void> {
    const { batch } = this.#options.sink;
    while (!this.#stopping && this.#delivery.length >= batch.records) {
      await this.#write(batch.records);
      await this.#commitWhenDue();
    }
    if (!this.#stopping && this.#delivery.length > 0 && this.#context.clock.monotonic() >= this.#oldestMs + batch.waitMs) await this.#write(this.#delivery.length);
    await this.#commitWhenDue();
    if (!this.#stopping) await this.#keeping.attend();
  }

  /** Between writes too: a slow sink's task may have many of them to do. */
  async #commitWhenDue(): Promise<void> {
    if (this.#requested || this.#context.clock.monotonic() >= this.#committedMs + this.#context.config.sinkCommitIntervalMs) await this.#commit();
  }

  async #write(count: number): Promise<void> {
    await this.#delivery.write(count);
    this.#oldestMs = this.#context.clock.monotonic();
  }

  /** Behind what the sink has decided on: the first waiting record of a topic holds its offset back. */
  #decided(): Position[] {
    const first = this.#delivery.firstOffsets();
    return [...this.#processed].map(([topic, offset]) => ({ topic, partition: this.#options.partition, offset: first.get(topic) ?? offset }));
  }

  /** What is to be committed. */
  #positions(): Position[] {
    return this.#decided().filter(({ topic, offset }) => offset > (this.#committed.get(topic) ?? -1));
  }

  /** Decided on and committed: a task that has started below the committed offset may not have come so far yet. */
  #done(): Position[] {
    return this.#decided().map((position) => ({ ...position, offset: Math.min(position.offset, this.#committed.get(position.topic) ?? 0) }));
  }

  async #commit(): Promise<void> {
    const { context, producer } = this.#options;
    const positions = this.#positions();
    this.#requested = false;
    const startedMs = context.clock.monotonic();
    this.#committedMs = startedMs;
    if (positions.length === 0) return;
    const output = this.#lettersBefore(positions);
    await commit({ producer, stage: context.stage, output, positions, state: null, sealedMs: context.clock.now(), crash: context.crash });
    if (context.crash !== null) await context.crash('before-forget');
    for (const { topic, offset } of positions) this.#committed.set(topic, offset);
    this.#commits += 1;
    const ms = context.clock.monotonic() - startedMs;
    context.counters.committed(ms);
    const records = this.#records - this.#delivery.length - this.#doneRecords;
    this.#doneRecords += records;
    context.events.emit({ type: 'committed', stage: context.stage.name, partition: this.#options.partition, records, ms });
    if (context.crash !== null) await context.crash('after-forget');
  }

  /** A dead letter and the offset behind it are committed in one transaction, so that neither comes twice. */
  #lettersBefore(positions: readonly Position[]): OutputBatch {
    const { stage, partitions, maxBytes, clock } = this.#context;
    const output = this.#options.producer.batch();
    const later: Letter[] = [];
    for (const letter of this.#letters) {
      const { batch, index, node, error } = letter;
      const position = positions.find((p) => p.topic === batch.topic);
      if (position === undefined || batch.offset(index) >= position.offset) later.push(letter);
      else appendDeadLetter(output, originalOf(batch, index), { topic: stage.deadLetters, partitions: partitions.get(stage.deadLetters)!, maxBytes: maxBytes.get(stage.deadLetters) ?? Infinity, stage: stage.name, node, error, now: clock.now() });
    }
    this.#letters = later;
    return output;
  }

  requestCommit(): void {
    this.#requested = true;
  }

  stopSoon(): void {
    this.#stopping = true;
    this.#delivery.stop();
  }

  async drain(): Promise<void> {
    this.stopSoon();
    if (this.#delivery.length > 0) await this.#write(this.#delivery.length);
    await this.#commit();
  }

  hasCommitted(): boolean {
    return this.#commits > 0;
  }

  unsettled(): number {
    return this.#delivery.length + this.#letters.length;
  }

  oldestMs(): number | null {
    const first = [this.#delivery.first, this.#letters[0]].flatMap((waiting) => (waiting === undefined ? [] : [waiting.batch.timestamp(waiting.index)]));
    return first.length === 0 ? null : Math.min(...first);
  }

  async discard(): Promise<void> {
    this.#delivery.truncate(0);
    await Promise.allSettled([this.#options.writer.close(), this.#options.producer.close()]);
  }
}
