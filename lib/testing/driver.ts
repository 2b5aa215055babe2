import type { Change, ChangeSource, ChangeTransaction } from '../../topology/codecs.ts';
import type { StatefulNode, TableNode } from '../../topology/node.ts';
import type { Stream, Table } from '../../topology/stream.ts';
import type { Topology } from '../../topology/topology.ts';
import { systemClock } from '../core/clock.ts';
import { StopError } from '../core/errors.ts';
import { silentLogger } from '../core/logger.ts';
import type { TableAccess } from '../plan/compile.ts';
import { plan as planOf } from '../plan/plan.ts';
import type { OutputPlan, Plan, StagePlan } from '../plan/types.ts';
import { ownKey } from '../runtime/outputs.ts';
import { createSerde, decodeKey, encodeKey, internalDecoder, internalEncoder, lookupKey, NO_VALUE, type Serde } from '../serde/index.ts';
import { DrivenStage } from './driven-stage.ts';
import type { DrivenDeadLetter, DrivenRecord, SunkRecord, Waiting } from './topics.ts';

export interface DriveOptions {
  /** The clock at the start, ms since the epoch. Default 0. */
  readonly nowMs?: number;
}

export interface SendOptions {
  readonly key?: unknown;
  /** Event time, ms. Default: the driver's clock. */
  readonly timestamp?: number;
}

/** What Debezium says around a change; what is left out is as it is without it. */
export interface ChangeOptions {
  /** The record's key. Default: null. */
  readonly key?: unknown;
  readonly source?: Partial<ChangeSource>;
  readonly transaction?: ChangeTransaction;
}

/** Rows of a captured table, one call for each of Debezium's operations. */
export interface ChangeInput<Row> {
  insert(row: Row, options?: ChangeOptions): void;
  /** `before` is the old row, which Debezium sends under REPLICA IDENTITY FULL only. */
  update(row: Row, before?: Row | null, options?: ChangeOptions): void;
  /** `before` is the old row or, under another REPLICA IDENTITY, its key with nulls around it. */
  delete(before: Row | null, options?: ChangeOptions): void;
  /** A row as a snapshot reads it. */
  snapshot(row: Row, options?: ChangeOptions): void;
  truncate(options?: ChangeOptions): void;
}

export interface ValueInput<V> {
  send(value: V, options?: SendOptions): void;
}

export interface TableInput<Row, K> {
  put(row: Row): void;
  delete(key: K): void;
}

/**
 * A topology in memory, for tests: no broker, no threads, a clock that moves when told. Each input is processed to the end
 * before the call returns (inner streams that take their time: before `settled()` resolves). It runs the functions of the real runtime, and every value that passes a topic is encoded and
 * decoded with its codec; partitions, batches and failures of other systems are not part of it.
 */
export interface Driver {
  readonly plan: Plan;
  now(): number;
  advance(byMs: number): void;
  /** Resolves when all inner streams have ended; needed only behind `concatMap`, `mergeMap` and `rx` that take their time. Rejects with `StopError` when a `RetryError` does not pass. */
  settled(): Promise<void>;
  input<Row>(stream: Stream<Change<Row>, unknown>): ChangeInput<Row>;
  input<V>(stream: Stream<V, unknown>): ValueInput<V>;
  table<Row, K>(table: Table<Row, K>): TableInput<Row, K>;
  /** What reached an outside sink, in order. Throws on an unknown name. */
  sink(name: string): readonly SunkRecord[];
  /** What was written to a topic: `through`, a kafka sink, an internal topic. */
  topic(name: string): readonly DrivenRecord[];
  /** A store's entries; keys as text. Throws on an unknown name. */
  store(name: string): ReadonlyMap<string, unknown>;
  deadLetters(): readonly DrivenDeadLetter[];
  /** Reason -> records dropped, over all stages. */
  dropped(): Readonly<Record<string, number>>;
}

/** Throws `ConfigurationError` when the topology is unsound. */
export const drive = (topology: Topology, options: DriveOptions = {}): Driver => new MemoryDriver(planOf(topology), options.nowMs ?? 0);

class MemoryDriver implements Driver {
  readonly plan: Plan;
  #now: number;
  readonly #stages: readonly DrivenStage[];
  readonly #tables = new Map<TableNode, Map<unknown, unknown>>();
  readonly #topics = new Map<string, Waiting[]>();
  readonly #queue: { readonly topic: string; readonly record: Waiting }[] = [];
  /** Which stage is next for the first of the queue. */
  #at = 0;
  #working: Promise<void> | null = null;
  readonly #serde: Serde = createSerde({ registryUrl: null, clock: systemClock, log: silentLogger });
  readonly #codecs = new Map<OutputPlan | StatefulNode, (value: unknown) => unknown>();

  constructor(plan: Plan, nowMs: number) {
    this.plan = plan;
    this.#now = nowMs;
    for (const node of plan.tables) this.#tables.set(node, new Map());
    const host = {
      now: () => this.#now,
      table: (node: TableNode): TableAccess => ({ get: (key) => this.#tables.get(node)!.get(lookupKey(key)) }),
      state: (node: StatefulNode, value: unknown) => this.#passing(node, node.state, node.name)(value),
      write: (stage: StagePlan, index: number, key: unknown, value: unknown, timestamp: number) => this.#write(stage.outputs[index]!, key, value, timestamp),
    };
    this.#stages = plan.stages.map((stage) => new DrivenStage(stage, host));
  }

  now(): number {
    return this.#now;
  }

  advance(byMs: number): void {
    this.#now += byMs;
  }

  /** The value as it comes back from the topic. Throws `DeadLetterError` when it does not fit. */
  #passing(owner: OutputPlan | StatefulNode, codec: OutputPlan['codec'], topic: string): (value: unknown) => unknown {
    const known = this.#codecs.get(owner);
    if (known !== undefined) return known;
    const encoder = codec === 'internal' ? internalEncoder : this.#serde.valueEncoder(codec, topic);
    const decoder = codec === 'internal' ? internalDecoder : this.#serde.valueDecoder(codec);
    const pass = (value: unknown): unknown => {
      const bytes = encoder.encode(value);
      const back = decoder.decode(typeof bytes === 'string' ? Buffer.from(bytes) : bytes);
      return back === NO_VALUE ? null : back;
    };
    this.#codecs.set(owner, pass);
    return pass;
  }

  #write(output: OutputPlan, key: unknown, value: unknown, timestamp: number): () => void {
    const back = this.#passing(output, output.codec, output.topic)(value);
    const own = ownKey(key);
    const backKey = own === null ? null : decodeKey(encodeKey(own));
    return () => this.#append(output.topic, backKey, back, timestamp);
  }

  #append(topic: string, key: unknown, value: unknown, timestamp: number): void {
    const records = this.#topics.get(topic) ?? [];
    this.#topics.set(topic, records);
    const record = { key, value, timestamp, headers: [], offset: records.length };
    records.push(record);
    this.#queue.push({ topic, record });
  }

  #send(topic: string, key: unknown, value: unknown, timestamp: number): void {
    this.#append(topic, key, value, timestamp);
    if (this.#working === null) this.#work();
  }

  /** Processes what is queued; goes on later from where an inner stream has to be waited for. */
  #work(): void {
    for (let next = this.#queue[0]; next !== undefined; next = this.#queue[0]) {
      const { topic, record } = next;
      const stage = this.#stages[this.#at];
      if (stage === undefined) {
        this.#queue.shift();
        this.#at = 0;
        continue;
      }
      this.#at += 1;
      const entry = stage.plan.entries.find((e) => e.topic === topic);
      const later = entry === undefined ? undefined : stage.process(entry, record);
      if (later !== undefined) {
        this.#working = later.then(() => {
          this.#working = null;
          this.#work();
        });
        return;
      }
    }
  }

  async settled(): Promise<void> {
    while (this.#working !== null) await this.#working;
  }

  input<Row>(stream: Stream<Change<Row>, unknown>): ChangeInput<Row>;
  input<V>(stream: Stream<V, unknown>): ValueInput<V>;
  input(stream: Stream<unknown, unknown>): ChangeInput<unknown> | ValueInput<unknown> {
    const { node } = stream;
    if (node.kind !== 'source') throw new StopError('records are put in where the topology begins: at a stream(...)');
    const change = (op: Change<unknown>['op'], before: unknown, after: unknown, options: ChangeOptions = {}): void => {
      const [, schema = '', table = ''] = /([^.]*)\.([^.]*)$/.exec(node.topic) ?? [];
      const source = { tsUs: this.#now * 1_000, snapshot: op === 'r' ? 'true' : 'false', schema, table, txId: null, lsn: null, ...options.source };
      this.#send(node.topic, options.key ?? null, { op, before, after, source, transaction: options.transaction ?? null }, this.#now);
    };
    if (node.codec.kind !== 'debezium') {
      return { send: (value, options = {}) => this.#send(node.topic, options.key ?? null, value, options.timestamp ?? this.#now) };
    }
    return {
      insert: (row, options) => change('c', null, row, options),
      update: (row, before, options) => change('u', before ?? null, row, options),
      delete: (before, options) => change('d', before, null, options),
      snapshot: (row, options) => change('r', null, row, options),
      truncate: (options) => change('t', null, null, options),
    };
  }

  table<Row, K>(table: Table<Row, K>): TableInput<Row, K> {
    const rows = this.#tables.get(table.node);
    if (rows === undefined) throw new StopError(`no step joins the table ${table.node.topic}`);
    const { key } = table.node;
    return {
      put: (row) => {
        const columns = row as Readonly<Record<string, unknown>>;
        rows.set(lookupKey(typeof key === 'string' ? columns[key] : key.map((column) => columns[column])), row);
      },
      delete: (by) => void rows.delete(lookupKey(by)),
    };
  }

  sink(name: string): readonly SunkRecord[] {
    const stage = this.#stages.find((s) => s.plan.sink?.name === name);
    if (stage === undefined) throw new StopError(`no outside sink is called '${name}'`, { hint: `There are: ${this.#stages.flatMap((s) => s.plan.sink?.name ?? []).join(', ')}` });
    return stage.sunk;
  }

  topic(name: string): readonly DrivenRecord[] {
    return this.#topics.get(name) ?? [];
  }

  store(name: string): ReadonlyMap<string, unknown> {
    for (const stage of this.#stages) for (const store of stage.stores.values()) if (store.name === name) return new Map(store.range('', '\u{10ffff}'));
    throw new StopError(`no store is called '${name}'`);
  }

  deadLetters(): readonly DrivenDeadLetter[] {
    return this.#stages.flatMap((s) => s.deadLetters);
  }

  dropped(): Readonly<Record<string, number>> {
    const sum: Record<string, number> = {};
    for (const stage of this.#stages) for (const [reason, count] of Object.entries(stage.dropped)) sum[reason] = (sum[reason] ?? 0) + count;
    return sum;
  }
}
