import type { InnerNode, Node, StatefulNode, TableNode } from '../../topology/node.ts';
import { pathOf } from '../../topology/node.ts';
import type { OutsideSink } from '../../topology/sinks.ts';
import type { Headers } from '../../topology/meta.ts';
import { systemClock } from '../core/clock.ts';
import { readConfig } from '../core/config.ts';
import { DeadLetterError, RetryError, StopError } from '../core/errors.ts';
import { compile, type CompiledStage, type StageHost, type StageMeta, type StateAccess, type TableAccess } from '../plan/compile.ts';
import type { EntryPlan, StagePlan } from '../plan/types.ts';
import { runInner, type WaitingInner } from '../runtime/inner.ts';
import { timeOf } from '../runtime/time.ts';
import { MemoryStore } from '../state/memory.ts';
import { frozen } from './frozen.ts';
import type { DrivenDeadLetter, SunkRecord, Waiting } from './topics.ts';

/** A test should not hang on an inner stream that never ends. */
const INNER_TIMEOUT_MS = 5_000;
/** The runtime's default. */
const INNER_VALUES = readConfig({}).innerValues;
/** Nor on a fault that does not pass. */
const MOST_ATTEMPTS = 20;

class DrivenMeta implements StageMeta {
  topic = '';
  readonly partition = 0;
  offset = 0;
  timestamp = 0;
  now = 0;
  key: unknown = null;
  headers: Headers = [];

  swapKey(key: unknown): unknown {
    const saved = this.key;
    this.key = key;
    return saved;
  }

  restoreKey(saved: unknown): void {
    this.key = saved;
  }
}

export interface DrivenHost {
  now(): number;
  table(node: TableNode): TableAccess;
  /** A state as it comes back from its changelog. */
  state(node: StatefulNode, value: unknown): unknown;
  /** Writes to a topic: encodes and decodes, so that what does not fit its codec fails as it would live. */
  write(stage: StagePlan, output: number, key: unknown, value: unknown, timestamp: number): () => void;
}

/** What a sink's callbacks make of a record. */
const render = (sink: OutsideSink, value: unknown, meta: StageMeta): unknown => {
  const call = (fn: unknown): unknown => (fn as (value: unknown, meta: StageMeta) => unknown)(value, meta);
  switch (sink.kind) {
    case 'redis': return call(sink.command);
    case 'bigquery': return { id: String(call(sink.id)), row: call(sink.row) };
    case 'cassandra': return { key: call(sink.key), set: call(sink.set) };
    case 'http': return { idempotencyKey: String(call(sink.idempotencyKey)), body: call(sink.body) };
  }
};

/** One stage in memory: the compiled functions of the real runtime over a store each, record by record. */
export class DrivenStage implements StageHost {
  readonly meta = new DrivenMeta();
  at: Node | null = null;
  readonly plan: StagePlan;
  readonly sunk: SunkRecord[] = [];
  readonly deadLetters: DrivenDeadLetter[] = [];
  readonly dropped: Record<string, number> = {};
  readonly stores: ReadonlyMap<StatefulNode, MemoryStore>;
  readonly #host: DrivenHost;
  readonly #compiled: CompiledStage;
  #effects: (() => void)[] = [];
  #waiting: WaitingInner[] = [];

  constructor(plan: StagePlan, host: DrivenHost) {
    this.plan = plan;
    this.#host = host;
    this.stores = new Map(plan.stores.map(({ node, name }) => [node, new MemoryStore(name)]));
    this.#compiled = compile(plan, this);
  }

  /**
   * Runs the stage on a record, to its end in the call unless it has inner streams that take their time. A `RetryError` begins
   * the record again, at once; one that does not pass throws `StopError`.
   */
  process(entry: EntryPlan, record: Waiting): void | Promise<void> {
    return this.#attempt(entry, record, 1);
  }

  #attempt(entry: EntryPlan, record: Waiting, attempt: number): void | Promise<void> {
    const { meta } = this;
    Object.assign(meta, { topic: entry.topic, key: record.key, offset: record.offset, timestamp: record.timestamp, headers: record.headers, now: this.#host.now() });
    this.at = null;
    this.#effects = [];
    this.#waiting = [];
    for (const store of this.stores.values()) store.begin();
    try {
      meta.timestamp = timeOf(entry)?.(record.value, record.timestamp) ?? record.timestamp;
      this.#compiled.get(entry.topic)!(record.value);
      if (this.#waiting.length > 0) return this.#later(entry, record, attempt);
      this.#finish();
    } catch (error) {
      return this.#failed(entry, record, attempt, error);
    }
  }

  #failed(entry: EntryPlan, record: Waiting, attempt: number, error: unknown): void | Promise<void> {
    for (const store of this.stores.values()) store.rollback();
    if (!(error instanceof RetryError)) {
      this.#deadLetter(entry, record, error);
    } else if (attempt < MOST_ATTEMPTS) {
      return this.#attempt(entry, record, attempt + 1);
    } else {
      throw new StopError(`a record fails each time with what should pass: ${error.message}`, { where: { stage: this.plan.name, topic: entry.topic, offset: record.offset }, cause: error });
    }
  }

  /** One record at a time, whatever the operator: the order of results is then the order of inputs, and tests are the same each time. */
  async #later(entry: EntryPlan, record: Waiting, attempt: number): Promise<void> {
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        this.at = next.node;
        const values = await next.values;
        const saved = this.meta.swapKey(next.key);
        for (const value of values) next.next(value);
        this.meta.restoreKey(saved);
      }
      this.#finish();
    } catch (error) {
      await this.#failed(entry, record, attempt, error);
    }
  }

  inner(node: InnerNode, value: unknown, next: (value: unknown) => void): void {
    const { key } = this.meta;
    const values = runInner(node, value, this.meta, { clock: systemClock, timeoutMs: INNER_TIMEOUT_MS, maxValues: INNER_VALUES, signal: new AbortController().signal });
    if (values instanceof Promise) {
      values.catch(() => {});
      this.#waiting.push({ node, values, key, next });
    } else {
      for (const emitted of values) next(emitted);
    }
  }

  #finish(): void {
    for (const effect of this.#effects) effect();
    for (const store of this.stores.values()) {
      store.seal();
      store.committed();
    }
  }

  #deadLetter(entry: EntryPlan, record: Waiting, thrown: unknown): void {
    this.deadLetters.push({
      stage: this.plan.name,
      topic: entry.topic,
      offset: record.offset,
      node: this.at === null ? null : pathOf(this.at),
      rule: thrown instanceof DeadLetterError ? (thrown.rule ?? null) : null,
      error: thrown instanceof Error ? thrown : new Error(String(thrown)),
      value: record.value,
    });
  }

  output(index: number, value: unknown): void {
    this.#effects.push(this.#host.write(this.plan, index, this.meta.key, value, this.meta.timestamp));
  }

  sink(value: unknown): void {
    const record = { key: this.meta.key, value, timestamp: this.meta.timestamp, write: render(this.plan.sink!.sink as OutsideSink, value, this.meta) };
    this.#effects.push(() => void this.sunk.push(record));
  }

  drop(reason: string): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  /** States pass their changelog's codec, as they do live when a task moves; and they are frozen, so that a step that changes one in place fails here and not then. */
  store(node: StatefulNode): StateAccess {
    const store = this.stores.get(node)!;
    return {
      get: (key) => store.get(key),
      put: (key, value) => store.put(key, frozen(this.#host.state(node, frozen(value)))),
      delete: (key) => store.delete(key),
    };
  }

  table(node: TableNode): TableAccess {
    return this.#host.table(node);
  }
}
