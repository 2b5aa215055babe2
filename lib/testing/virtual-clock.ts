import { systemClock, type Clock, type Timer } from '../core/clock.ts';
import { StopError } from '../core/errors.ts';
import type { Random } from './random.ts';

interface Event {
  readonly at: number;
  /** Orders events of one moment, by the seed. */
  readonly tie: number;
  task: (() => void) | null;
}

const before = (a: Event, b: Event): boolean => a.at < b.at || (a.at === b.at && a.tie < b.tie);

/** After so many events the machine's own event loop has a turn: its timers and messages wait no longer. */
const EVENTS_A_TURN = 500;

/**
 * Calls when no promise has anything left to do: Node goes back to its ticks only when all microtasks are done. A turn of the event loop
 * would say the same at many times the cost.
 */
const afterPromises = (task: () => void): void => queueMicrotask(() => process.nextTick(task));

/** `sleep` in terms of `after`. */
export const sleepOn = (clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> =>
  new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason);
      return;
    }
    const onAbort = (): void => {
      timer.cancel();
      reject(signal!.reason);
    };
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });

/**
 * Time that passes only from event to event: thousands of its seconds take as long as what happens in them. Events of one
 * moment come in an order that the seed decides. Between two events everything that promises have to do is done, so the same
 * seed gives the same run, as long as nothing waits for anything outside (a socket, a real timer).
 */
export class VirtualClock implements Clock {
  readonly #random: Random;
  readonly #startMs: number;
  readonly #heap: Event[] = [];
  #now = 0;
  #events = 0;

  /** `startMs`: wall clock at the start, ms since the epoch. */
  constructor(random: Random, startMs = 1_700_000_000_000) {
    this.#random = random;
    this.#startMs = startMs;
  }

  now(): number {
    return this.#startMs + Math.floor(this.#now);
  }

  monotonic(): number {
    return this.#now;
  }

  /** Events that have happened. */
  get events(): number {
    return this.#events;
  }

  after(delayMs: number, task: () => void): Timer {
    const event: Event = { at: this.#now + Math.max(0, delayMs), tie: this.#random.bits(), task };
    this.#push(event);
    return { cancel: () => { event.task = null; } };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, delayMs, signal);
  }

  /** Takes a little of the time: work that only takes turns must not hold the clock at one moment. */
  turn(): Promise<void> {
    return this.sleep(this.#random.next() * 0.1);
  }

  random(): number {
    return this.#random.next();
  }

  /** Lets time pass until `done`, which is asked after each event. Throws `StopError` when nothing is left to happen, or after `maxEvents`. */
  run(done: () => boolean, maxEvents: number): Promise<void> {
    const last = this.#events + maxEvents;
    return new Promise((resolve, reject) => {
      const step = (): void => {
        try {
          if (done()) return resolve();
          this.#next(last, maxEvents);
        } catch (error) {
          return reject(error);
        }
        if (this.#events % EVENTS_A_TURN === 0) void systemClock.turn().then(step);
        else afterPromises(step);
      };
      void systemClock.turn().then(step);
    });
  }

  #next(last: number, maxEvents: number): void {
    let event = this.#pop();
    while (event !== undefined && event.task === null) event = this.#pop();
    if (event === undefined) throw new StopError('nothing is left to happen, and what was waited for did not');
    if (this.#events >= last) throw new StopError(`${maxEvents} events did not suffice: something goes round in circles`);
    this.#events += 1;
    this.#now = Math.max(this.#now, event.at);
    event.task!();
  }

  #push(event: Event): void {
    const heap = this.#heap;
    let at = heap.length;
    heap.push(event);
    while (at > 0) {
      const up = (at - 1) >> 1;
      if (!before(event, heap[up]!)) break;
      heap[at] = heap[up]!;
      at = up;
    }
    heap[at] = event;
  }

  #pop(): Event | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
    return first;
  }
}
