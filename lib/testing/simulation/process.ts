import type { Clock, Timer } from '../../core/clock.ts';
import { sleepOn } from '../virtual-clock.ts';
import type { Random } from '../random.ts';

/**
 * A worker's process as its clock: everything that it does begins with a timer or with an answer, and both come by this
 * clock. So a process that is killed does nothing any more, and one that is frozen does it all when it is let go.
 */
export class SimulatedProcess implements Clock {
  readonly #root: Clock;
  readonly #random: Random;
  #state: 'running' | 'frozen' | 'dead' = 'running';
  #held: (() => void)[] = [];
  #skewMs = 0;
  #died: () => void = () => {};
  /** Resolves when it is killed. */
  readonly death = new Promise<void>((resolve) => {
    this.#died = resolve;
  });

  constructor(root: Clock, random: Random) {
    this.#root = root;
    this.#random = random;
  }

  get state(): 'running' | 'frozen' | 'dead' {
    return this.#state;
  }

  now(): number {
    return this.#root.now() + this.#skewMs;
  }

  monotonic(): number {
    return this.#root.monotonic();
  }

  after(delayMs: number, task: () => void): Timer {
    let cancelled = false;
    const due = (): void => {
      if (cancelled || this.#state === 'dead') return;
      if (this.#state === 'frozen') this.#held.push(due);
      else task();
    };
    const timer = this.#root.after(delayMs, due);
    return {
      cancel: () => {
        cancelled = true;
        timer.cancel();
      },
    };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  turn(): Promise<void> {
    return this.sleep(this.#random.next() * 0.1);
  }

  random(): number {
    return this.#random.next();
  }

  kill(): void {
    this.#state = 'dead';
    this.#held = [];
    this.#died();
  }

  freeze(): void {
    if (this.#state === 'running') this.#state = 'frozen';
  }

  thaw(): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'running';
    const held = this.#held;
    this.#held = [];
    // Each by an event of its own, in the order they were due.
    held.forEach((due, i) => this.#root.after(i * 1e-6, due));
  }

  /** The wall clock jumps; durations do not. */
  jump(byMs: number): void {
    this.#skewMs += byMs;
  }
}
