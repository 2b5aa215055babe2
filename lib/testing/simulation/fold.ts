import type { InnerNode, Node, SinkNode, StatefulNode, TableNode } from '../../../topology/node.ts';
import { systemClock } from '../../core/clock.ts';
import { readConfig } from '../../core/config.ts';
import type { LogEntry } from '../../kafka/memory/index.ts';
import type { FetchedBatch, RecordHeaders } from '../../kafka/port.ts';
import { compile, type CompiledStage, type StageHost, type StateAccess, type TableAccess } from '../../plan/compile.ts';
import type { EntryPlan, StagePlan } from '../../plan/types.ts';
import { endsTask, runInner, type WaitingInner } from '../../runtime/inner.ts';
import { RecordMeta } from '../../runtime/meta.ts';
import { StageOutputs } from '../../runtime/outputs.ts';
import type { Serdes } from '../../runtime/serdes.ts';
import { timeOf } from '../../runtime/time.ts';
import { NO_VALUE, type KeyDecoder, type ValueDecoder, type ValueEncoder } from '../../serde/index.ts';

/** A record that a task should have written. */
export interface ExpectedRecord {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: number;
  readonly headers: RecordHeaders;
}

/** A value that a task should have given to its outside sink. */
export interface ExpectedWrite {
  readonly value: unknown;
  readonly key: unknown;
  readonly timestamp: number;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly headers: RecordHeaders;
  readonly now: number;
  /** Which of the record's writes it is. */
  readonly sequence: number;
  /** What the sink should make of it. */
  readonly text: string;
}

/** What one input record should have led to. */
export interface Effects {
  readonly outputs: readonly ExpectedRecord[];
  readonly writes: readonly ExpectedWrite[];
  /** Store and key text -> state, null when it was deleted. */
  readonly states: ReadonlyMap<StatefulNode, ReadonlyMap<string, unknown>>;
  readonly isDeadLetter: boolean;
}

interface FoldStore {
  readonly encoder: ValueEncoder<unknown>;
  readonly states: Map<string, unknown>;
}

export type Lookup = (node: TableNode, key: unknown) => unknown;

/** What a sink should make of a record. Throws when it should refuse it. */
export type Render = (sink: SinkNode, write: Omit<ExpectedWrite, 'text'>) => string;

export interface FoldOptions {
  readonly stage: StagePlan;
  readonly serdes: Serdes;
  readonly partitions: ReadonlyMap<string, number>;
  readonly lookup: Lookup;
  readonly render: Render;
}

interface FoldEntry {
  readonly plan: EntryPlan;
  readonly values: ValueDecoder<unknown>;
  readonly keys: KeyDecoder;
  readonly timeOf: ((value: unknown, recordTime: number) => number) | null;
}

/** Of an inner stream while the run is checked: it is no part of the run, and lives in the machine's own time. */
const INNER_TIMEOUT_MS = 10_000;
const INNER_VALUES = readConfig({}).innerValues;
const NEVER = new AbortController().signal;
/** Records that may overtake each other, when a topology allows more. */
const MOST_CONCURRENT = 64;

/** One log entry as a batch: what the record's meta reads from. */
const batchOf = (topic: string, partition: number, entry: LogEntry): FetchedBatch => {
  const { record, offset } = entry;
  const { key, value, timestamp, headers } = record!;
  return {
    topic, partition, count: 1, nextOffset: offset + 1, highWatermark: offset + 1, lastStableOffset: offset + 1, byteLength: 0,
    offset: () => offset, timestamp: () => timestamp, key: () => key, value: () => value, headers: () => headers,
  };
};

const bytesOf = (content: Buffer | string | null): Buffer | null => (typeof content === 'string' ? Buffer.from(content, 'utf8') : content);

/**
 * What a stage makes of its input, record by record and without transactions, stores or failures: its functions over maps. A
 * record's effects are looked at first and applied only when they are what happened.
 */
export class StageFold implements StageHost {
  readonly meta = new RecordMeta();
  at: Node | null = null;
  readonly #compiled: CompiledStage;
  readonly #outputs: StageOutputs;
  readonly #entries: ReadonlyMap<string, FoldEntry>;
  readonly #stores = new Map<StatefulNode, FoldStore>();
  readonly #lookup: Lookup;
  readonly #render: Render;
  readonly #sink: SinkNode | null;
  #out: ExpectedRecord[] = [];
  #writes: ExpectedWrite[] = [];
  #changed = new Map<StatefulNode, Map<string, unknown>>();
  #batch: FetchedBatch | null = null;
  #waiting: WaitingInner[] = [];
  /** Records of a task that may be under way at once. */
  readonly concurrency: number;

  constructor({ stage, serdes, partitions, lookup, render }: FoldOptions) {
    this.#lookup = lookup;
    this.#render = render;
    this.#sink = stage.sink;
    this.#outputs = new StageOutputs({ stage, serdes, partitions, maxBytes: new Map(), config: readConfig({}) });
    this.#entries = new Map(stage.entries.map((plan) => [plan.topic, { plan, values: serdes.entryValues(plan), keys: serdes.entryKeys(plan), timeOf: timeOf(plan) }]));
    for (const { node, changelog } of stage.stores) this.#stores.set(node, { encoder: serdes.encoder(node.state, changelog), states: new Map() });
    const inner = [...stage.nodes].flatMap((node) => (node.kind === 'inner' ? [node.concurrency] : []));
    this.concurrency = inner.length === 0 ? 1 : Math.min(...inner, MOST_CONCURRENT);
    this.#compiled = compile(stage, this);
  }

  /** What the record leads to in the present state, which stays as it is. One call at a time. */
  async effects(topic: string, partition: number, entry: LogEntry): Promise<Effects> {
    const from = this.#entries.get(topic)!;
    const batch = batchOf(topic, partition, entry);
    this.#batch = batch;
    // Nothing that is checked may depend on when a record was processed.
    this.meta.at(batch, 0, (bytes) => from.keys.decode(bytes), entry.record!.timestamp);
    this.at = null;
    this.#out = [];
    this.#writes = [];
    this.#changed = new Map();
    this.#waiting = [];
    let isDeadLetter = false;
    try {
      const value = from.values.decode(entry.record!.value);
      if (value !== NO_VALUE) {
        if (from.timeOf !== null) this.meta.timestamp = from.timeOf(value, this.meta.timestamp);
        this.#compiled.get(topic)!(value);
        if (this.#waiting.length > 0) await this.#inners();
      }
    } catch (error) {
      if (endsTask(error)) throw error;
      isDeadLetter = true;
    }
    if (isDeadLetter) return { outputs: [], writes: [], states: new Map(), isDeadLetter };
    return { outputs: this.#out, writes: this.#writes, states: this.#changed, isDeadLetter };
  }

  apply({ states }: Effects): void {
    for (const [node, changed] of states) for (const [key, value] of changed) this.#stores.get(node)!.states.set(key, value);
  }

  states(node: StatefulNode): ReadonlyMap<string, unknown> {
    return this.#stores.get(node)!.states;
  }

  output(index: number, value: unknown): void {
    this.#outputs.write(index, value, this.meta, {
      append: (topic, partition, key, bytes, timestamp, headers = []) => void this.#out.push({ topic, partition, key: bytesOf(key), value: bytesOf(bytes), timestamp, headers }),
    });
  }

  sink(value: unknown): void {
    const { key, timestamp, topic, partition, offset, now } = this.meta;
    const write = { value, key, timestamp, topic, partition, offset, now, headers: this.#batch!.headers(0), sequence: this.#writes.length };
    this.#writes.push({ ...write, text: this.#render(this.#sink!, write) });
  }

  drop(): void {
    // What is dropped leads to nothing.
  }

  /** Inner streams that did not end in the call, in the order in which they began, as the runtime waits for them. */
  async #inners(): Promise<void> {
    while (this.#waiting.length > 0) {
      const waiting = this.#waiting;
      this.#waiting = [];
      const emitted: (readonly unknown[])[] = [];
      for (const { values } of waiting) emitted.push(await values);
      waiting.forEach(({ key, next }, n) => {
        const saved = this.meta.swapKey(key);
        for (const value of emitted[n]!) next(value);
        this.meta.restoreKey(saved);
      });
    }
  }

  inner(node: InnerNode, value: unknown, next: (value: unknown) => void): void {
    const inner = runInner(node, value, this.meta, { clock: systemClock, timeoutMs: INNER_TIMEOUT_MS, maxValues: INNER_VALUES, signal: NEVER });
    const values = this.concurrency > 1 && this.#stores.size > 0 ? Promise.resolve(inner) : inner;
    if (values instanceof Promise) {
      values.catch(() => {});
      this.#waiting.push({ node, values, key: this.meta.key, next });
    } else {
      for (const emitted of values) next(emitted);
    }
  }

  store(node: StatefulNode): StateAccess {
    const { encoder } = this.#stores.get(node)!;
    const set = (key: string, value: unknown): void => {
      // A state that does not fit its codec is the dead letter of the record that made it.
      if (value !== null) encoder.encode(value);
      const changed = this.#changed.get(node) ?? new Map<string, unknown>();
      this.#changed.set(node, changed);
      changed.set(key, value);
    };
    return {
      get: (key) => {
        const changed = this.#changed.get(node);
        const state = changed?.has(key) === true ? changed.get(key) : this.#stores.get(node)!.states.get(key);
        return state ?? undefined;
      },
      put: set,
      delete: (key) => set(key, null),
    };
  }

  table(node: TableNode): TableAccess {
    return { get: (key) => this.#lookup(node, key) };
  }
}
