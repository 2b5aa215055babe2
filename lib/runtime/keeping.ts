import { RetryError } from '../core/errors.ts';
import type { Position } from '../kafka/port.ts';
import { attemptThrough, type Breaker } from '../sinks/breaker.ts';
import type { SinkWriter } from '../sinks/contract.ts';
import type { StageContext } from './context.ts';

export interface KeepingOptions {
  readonly context: Pick<StageContext, 'stage' | 'admin' | 'clock' | 'config' | 'limited'>;
  readonly writer: SinkWriter;
  readonly breaker: Breaker;
  /** Aborted when the task is closed. */
  readonly signal: AbortSignal;
  /** What the sink has decided on and the group has committed. */
  readonly done: () => readonly Position[];
}

/**
 * Looks after what the sink was given: asks now and then whether it still has it, also while nothing is written, and
 * deletes from the stage's own input topic what can no longer be needed again. That is what the sink had a purge interval ago and has
 * still: a sink that crashes loses its last writes, not those.
 */
export class Keeping {
  readonly #options: KeepingOptions;
  readonly #inputs: ReadonlySet<string>;
  #attendedMs: number;
  #markedMs: number;
  #mark: readonly Position[] = [];

  constructor(options: KeepingOptions) {
    this.#options = options;
    const { clock, stage } = options.context;
    this.#inputs = new Set(stage.entries.filter(({ nodes }) => nodes.some(({ kind }) => kind === 'sink')).map(({ topic }) => topic));
    this.#attendedMs = clock.monotonic();
    this.#markedMs = this.#attendedMs;
  }

  /** Null: there is nothing to look after. */
  dueInMs(): number | null {
    const { context, writer } = this.#options;
    if (writer.verify === undefined && this.#inputs.size === 0) return null;
    return this.#attendedMs + context.config.sinkCheckIntervalMs - context.clock.monotonic();
  }

  /** Does what is due. Rejects with `RejoinError` when the sink has lost writes, or knows a newer owner. */
  async attend(): Promise<void> {
    const { clock, limited, stage } = this.#options.context;
    if ((this.dueInMs() ?? 1) > 0) return;
    this.#attendedMs = clock.monotonic();
    try {
      await this.#verify();
      await this.#purge();
    } catch (error) {
      if (!(error instanceof RetryError)) throw error;
      limited.warn(`keeping ${stage.name}`, 'looking after what the sink was given failed and is tried again', { stage: stage.name, error });
    }
  }

  async #verify(): Promise<void> {
    const { writer, breaker, signal } = this.#options;
    if (writer.verify !== undefined) await attemptThrough(breaker, () => writer.verify!(signal));
  }

  async #purge(): Promise<void> {
    const { context: { admin, clock, config }, done } = this.#options;
    if (this.#inputs.size === 0 || clock.monotonic() < this.#markedMs + config.purgeIntervalMs) return;
    await admin.deleteRecordsBefore(this.#mark);
    this.#mark = done().filter(({ topic }) => this.#inputs.has(topic));
    this.#markedMs = clock.monotonic();
  }
}
