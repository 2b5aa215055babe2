import { RetryError, type DeadLetterError } from '../core/errors.ts';
import type { Breaker, Pass } from '../sinks/breaker.ts';
import type { Effort, SinkWriter, WriteResult } from '../sinks/contract.ts';
import type { StageContext } from './context.ts';
import { countWrite, timedWrite } from './figures.ts';
import type { PendingRecord } from './pending-record.ts';
import { pauseMs } from './retry.ts';
import { Wake } from './wake.ts';

export interface DeliveryOptions {
  readonly context: Pick<StageContext, 'stage' | 'clock' | 'config' | 'counters' | 'limited' | 'crash'>;
  readonly writer: SinkWriter;
  readonly breaker: Breaker;
  /** Aborts a write under way when the task is closed. */
  readonly signal: AbortSignal;
  readonly onRefused: (record: PendingRecord, error: DeadLetterError) => void;
  /** Called before a wait for the breaker: what has been decided need not wait with the rest. */
  readonly beforeWait: () => Promise<void>;
}

/** Whether the sink has decided on a record: taken it, or refused it itself. */
const hasDecided = ({ refused, retry }: WriteResult, records: number): boolean => retry.length + refused.filter(({ by }) => by === 'writer').length < records;

/** The records of a task on their way to its outside sink: written in order, whole offsets, until the sink has decided on each. */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #pause: Wake;
  #pending: PendingRecord[] = [];
  #stopping = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#pause = new Wake(options.context.clock);
  }

  /** Records that the sink has not decided on. */
  get length(): number {
    return this.#pending.length;
  }

  /** The first of them. */
  get first(): PendingRecord | undefined {
    return this.#pending[0];
  }

  push(record: PendingRecord): void {
    this.#pending.push(record);
  }

  /** Takes back the records behind the first `length`. */
  truncate(length: number): void {
    this.#pending.length = length;
  }

  /** Topic -> lowest offset that waits. */
  firstOffsets(): ReadonlyMap<string, number> {
    const first = new Map<string, number>();
    for (const record of this.#pending) {
      const known = first.get(record.topic);
      if (known === undefined || record.offset < known) first.set(record.topic, record.offset);
    }
    return first;
  }

  /** No more waiting: a write under way ends after this attempt. */
  stop(): void {
    this.#stopping = true;
    this.#pause.signal();
  }

  /**
   * Writes the first records, at least `count` of them and whole offsets. While the sink's breaker is open nothing is tried and
   * this waits; a half-open breaker is given one offset's records. Returns early, with the rest pending, when stopped.
   */
  async write(count: number): Promise<void> {
    const { context } = this.#options;
    let left = this.#whole(count);
    for (let attempt = 0; left > 0; attempt += 1) {
      const pass = await this.#pass();
      if (pass === null) return;
      const todo = this.#pending.slice(0, pass.probe ? this.#whole(1) : left);
      const result = await this.#attempt(todo, pass);
      const { retry } = result;
      this.#pending = [...retry.map(({ index }) => todo[index]!), ...this.#pending.slice(todo.length)];
      left -= todo.length - retry.length;
      if (hasDecided(result, todo.length)) attempt = 0;
      if (retry.length === 0) continue;
      context.counters.retries += 1;
      const { error } = retry[0]!;
      context.limited.warn(`sink ${context.stage.name}`, 'a write to the sink failed and is tried again', { sink: context.stage.name, attempt: attempt + 1, records: retry.length, error });
      if (this.#stopping) return;
      if (this.#options.breaker.state === 'closed') await this.#pause.wait(pauseMs(context.clock, context.config, attempt, error));
    }
  }

  /** As many of the first records as are whole offsets, at least `count`. */
  #whole(count: number): number {
    let end = count;
    while (end < this.#pending.length && this.#pending[end]!.offset === this.#pending[end - 1]!.offset && this.#pending[end]!.topic === this.#pending[end - 1]!.topic) end += 1;
    return end;
  }

  /** Waits for leave to make an attempt; null when stopped. */
  async #pass(): Promise<Pass | null> {
    const { breaker, beforeWait } = this.#options;
    for (;;) {
      const pass = breaker.enter();
      if (pass !== null) return pass;
      if (this.#stopping) return null;
      await beforeWait();
      const waiting = breaker.changes$.subscribe(() => this.#pause.signal());
      await this.#pause.wait(breaker.waitMs()).finally(() => waiting.unsubscribe());
    }
  }

  async #attempt(todo: readonly PendingRecord[], pass: Pass): Promise<WriteResult> {
    const { context, breaker, signal, onRefused } = this.#options;
    if (context.crash !== null) await context.crash('before-write');
    const result = await this.#written(todo, pass.probe ? 'probe' : 'full').catch((error: unknown) => {
      breaker.abandoned(pass);
      throw error;
    });
    if (context.crash !== null) await context.crash('after-write');
    for (const { index, error } of result.refused) onRefused(todo[index]!, error);
    countWrite(context.counters, todo, result, context.clock.now());
    const [failure] = result.retry;
    if (hasDecided(result, todo.length)) breaker.succeeded(pass);
    else if (signal.aborted || failure === undefined) breaker.abandoned(pass);
    else breaker.failed(pass, failure.error);
    return result;
  }

  async #written(todo: readonly PendingRecord[], effort: Effort): Promise<WriteResult> {
    const { context, writer, signal } = this.#options;
    try {
      return await timedWrite(context, () => writer.write(todo, signal, effort));
    } catch (error) {
      if (!(error instanceof RetryError)) throw error;
      return { refused: [], retry: todo.map((_, index) => ({ index, error })) };
    }
  }
}
