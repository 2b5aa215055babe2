/**
 * The circuit breaker of an outside sink, one per sink and worker: all tasks of the sink ask it before each attempt. Closed,
 * everybody may write. After so many failed attempts in a row it opens, and nobody does for a while that grows and is jittered;
 * then it is half-open, and exactly one attempt is let through: success closes it, failure opens it for longer. What never reached the sink is neither.
 *
 * A refused connection counts as one failure, like any other: a server that restarts behind a load balancer refuses one too, and five
 * attempts with their backoff take about a second. It knows no timers: who waits asks how long, and hears of changes.
 */
import { Subject, type Observable } from 'rxjs';
import type { Clock } from '../core/clock.ts';
import { RetryError } from '../core/errors.ts';
import type { BreakerState } from '../core/metrics.ts';

export interface BreakerOptions {
  readonly clock: Clock;
  /** Failed attempts in a row, over all tasks, that open it. */
  readonly failures: number;
  /** How long it stays open the first time; doubles, and is jittered down to a half. */
  readonly openMs: number;
  readonly openMaxMs: number;
}

export interface BreakerChange {
  readonly state: BreakerState;
  /** How long no attempt is made; null unless open. */
  readonly openMs: number | null;
  /** What opened it. */
  readonly error: RetryError | null;
}

/** Leave to make one attempt. Whoever has it says what became of it, once. */
export interface Pass {
  /** The one attempt of a half-open breaker. */
  readonly probe: boolean;
}

export class Breaker {
  readonly #options: BreakerOptions;
  readonly #changes = new Subject<BreakerChange>();
  readonly changes$: Observable<BreakerChange> = this.#changes.asObservable();
  #state: BreakerState = 'closed';
  #failures = 0;
  /** How often it has opened since it was closed last. */
  #openings = 0;
  #untilMs = 0;
  #probe: Pass | null = null;
  /** Of everybody who begins an attempt while it is closed; another one each time it opens. */
  #pass: Pass = { probe: false };

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Null: no attempt now. */
  enter(): Pass | null {
    if (this.#state === 'closed') return this.#pass;
    if (this.#state === 'half-open' || this.#options.clock.monotonic() < this.#untilMs) return null;
    this.#probe = { probe: true };
    this.#change('half-open');
    return this.#probe;
  }

  /** How long to wait before asking again; null: until the next change. */
  waitMs(): number | null {
    if (this.#state === 'half-open') return null;
    return this.#state === 'closed' ? 0 : Math.max(0, this.#untilMs - this.#options.clock.monotonic());
  }

  /** The sink has decided on a record at least. */
  succeeded(pass: Pass): void {
    if (this.#counts(pass)) this.#failures = 0;
    if (pass !== this.#probe) return;
    this.#probe = null;
    this.#openings = 0;
    this.#change('closed');
  }

  failed(pass: Pass, error: RetryError): void {
    if (this.#counts(pass)) this.#failures += 1;
    if (pass === this.#probe || this.#failures >= this.#options.failures) this.#open(error);
  }

  /** Nothing was learnt: nothing reached the sink, the task was closed meanwhile, or another fault came first. The next who asks may try. */
  abandoned(pass: Pass): void {
    if (pass !== this.#probe) return;
    this.#probe = null;
    this.#untilMs = this.#options.clock.monotonic();
    this.#change('open');
  }

  /** Attempts that began before it opened say nothing about the time after, not even once it is closed again. */
  #counts(pass: Pass): boolean {
    return pass === this.#probe || (this.#state === 'closed' && pass === this.#pass);
  }

  #open(error: RetryError): void {
    const { clock, openMs, openMaxMs } = this.#options;
    const longestMs = Math.min(openMaxMs, openMs * 2 ** Math.min(this.#openings, 30));
    const forMs = Math.max(error.retryAfterMs ?? 0, longestMs * (0.5 + 0.5 * clock.random()));
    this.#probe = null;
    this.#pass = { probe: false };
    this.#failures = 0;
    this.#openings += 1;
    this.#untilMs = clock.monotonic() + forMs;
    this.#change('open', forMs, error);
  }

  #change(state: BreakerState, openMs: number | null = null, error: RetryError | null = null): void {
    this.#state = state;
    this.#changes.next({ state, openMs, error });
  }
}

/** One attempt on a sink, when its breaker lets it through; else rejects with a `RetryError` that says how long to wait. */
export const attemptThrough = async <T>(breaker: Breaker, attempt: () => Promise<T>): Promise<T> => {
  const pass = breaker.enter();
  if (pass === null) throw new RetryError("the sink's circuit breaker is open", { retryAfterMs: breaker.waitMs() ?? 0 });
  try {
    const result = await attempt();
    breaker.succeeded(pass);
    return result;
  } catch (error) {
    if (error instanceof RetryError) breaker.failed(pass, error);
    else breaker.abandoned(pass);
    throw error;
  }
};
