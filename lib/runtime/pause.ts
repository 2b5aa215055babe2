import { messageOf, RetryError } from '../core/errors.ts';
import type { StageContext } from './context.ts';
import type { UnreadableError } from './reading.ts';
import { pauseMs } from './retry.ts';
import type { Wake } from './wake.ts';

export interface PauseOptions {
  readonly context: StageContext;
  readonly partition: number;
  readonly wake: Wake;
  /** Told what ends the task. */
  readonly fail: (error: unknown) => void;
}

interface Held {
  readonly error: UnreadableError;
  /** Asks for the schema anew; undefined when there is nothing to wait for. */
  readonly ask: () => Promise<unknown> | undefined;
  readonly attempt: number;
  readonly resumed: () => void;
  untilMs: number;
  state: 'waits' | 'asks' | 'tries';
}

/**
 * Keeps a task, open, in front of a record whose schema cannot be read. Now and then the schema is asked for anew and the record tried again, so that the task
 * goes on by itself once it can; what came before the record is committed meanwhile.
 */
export class Pause {
  readonly #options: PauseOptions;
  #held: Held | null = null;

  constructor(options: PauseOptions) {
    this.#options = options;
  }

  begin(error: UnreadableError, ask: Held['ask']): void {
    const { context, partition } = this.#options;
    const { clock, config, counters, events, limited, log, stage } = context;
    const before = this.#held;
    const attempt = before === null ? 0 : before.attempt + 1;
    this.#held = { error, ask, attempt, resumed: before?.resumed ?? counters.pausing(messageOf(error)), untilMs: clock.monotonic() + pauseMs(clock, config, attempt, error), state: 'waits' };
    const fields = { stage: stage.name, ...error.where, error: messageOf(error) };
    if (before !== null) return limited.warn(`paused ${stage.name} ${partition}`, 'a task is still paused', fields);
    log.error('a task is paused: it cannot read the schema of its next record', fields);
    events.emit({ type: 'paused', stage: stage.name, partition, error });
  }

  /** Whether nothing may be taken now. Asks for the schema when it is time. */
  waits(): boolean {
    const held = this.#held;
    if (held === null || held.state === 'tries') return false;
    if (held.state === 'waits' && this.#options.context.clock.monotonic() >= held.untilMs) this.#ask(held);
    return true;
  }

  #ask(held: Held): void {
    const { context, wake, fail } = this.#options;
    held.state = 'asks';
    Promise.resolve(held.ask()).then(
      () => {
        held.state = 'tries';
      },
      (error: unknown) => {
        if (!(error instanceof RetryError)) return fail(error);
        held.untilMs = context.clock.monotonic() + pauseMs(context.clock, context.config, held.attempt, error);
        held.state = 'waits';
      },
    ).finally(() => wake.signal());
  }

  /** Milliseconds until `waits` has something to do again, or null. */
  dueInMs(): number | null {
    return this.#held?.state === 'waits' ? this.#held.untilMs - this.#options.context.clock.monotonic() : null;
  }

  /** The record was read, or the task is closed. */
  end(): void {
    const held = this.#held;
    if (held === null) return;
    this.#held = null;
    held.resumed();
    const { context, partition } = this.#options;
    context.log.info('a task is no longer paused', { stage: context.stage.name, partition });
  }
}
