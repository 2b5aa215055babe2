import type { Clock, Timer } from '../core/clock.ts';

/** Lets one loop sleep until somebody has work for it, or a time passes. A signal given while it is awake is not lost. */
export class Wake {
  readonly #clock: Clock;
  #signalled = false;
  #resolve: (() => void) | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  signal(): void {
    this.#signalled = true;
    this.#resolve?.();
  }

  /** Waits for `signal`, at most `timeoutMs` (null: without end). */
  async wait(timeoutMs: number | null): Promise<void> {
    if (!this.#signalled) {
      let timer: Timer | null = null;
      await new Promise<void>((resolve) => {
        this.#resolve = resolve;
        if (timeoutMs !== null) timer = this.#clock.after(Math.max(0, timeoutMs), resolve);
      });
      (timer as Timer | null)?.cancel();
      this.#resolve = null;
    }
    this.#signalled = false;
  }
}
