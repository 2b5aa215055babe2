import type { Clock } from '../core/clock.ts';

/** How much of a second's records may come at once. */
const BURST_MS = 200;

/** Hands out at most `ratePerSecond` records a second, by the clock; Infinity: as many as are asked for. */
export class TokenBucket {
  readonly #clock: Clock;
  readonly #ratePerSecond: number;
  readonly #most: number;
  #tokens: number;
  #filledMs: number;

  constructor(clock: Clock, ratePerSecond: number) {
    this.#clock = clock;
    this.#ratePerSecond = ratePerSecond;
    this.#most = Math.max(1, ratePerSecond * BURST_MS / 1_000);
    this.#tokens = this.#most;
    this.#filledMs = clock.monotonic();
  }

  /** Takes what there is of the records that are wanted: 0 or more. */
  take(wanted: number): number {
    if (this.#ratePerSecond === Infinity) return wanted;
    this.#fill();
    const taken = Math.min(wanted, Math.floor(this.#tokens));
    this.#tokens -= taken;
    return taken;
  }

  /** Until about half of the most is there again; 0: it is. */
  waitMs(): number {
    if (this.#ratePerSecond === Infinity) return 0;
    this.#fill();
    return Math.max(0, Math.ceil((Math.max(1, this.#most / 2) - this.#tokens) * 1_000 / this.#ratePerSecond));
  }

  #fill(): void {
    const now = this.#clock.monotonic();
    this.#tokens = Math.min(this.#most, this.#tokens + (now - this.#filledMs) * this.#ratePerSecond / 1_000);
    this.#filledMs = now;
  }
}
