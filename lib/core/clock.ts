/**
 * Time, timers and randomness of the runtime come from here and from nowhere else (a lint rule holds that), so that
 * the whole runtime can be run on virtual time with seeded randomness.
 */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start, never going back; for durations. */
  monotonic(): number;
  /** Calls `task` once after `delayMs`. An unreferenced timer does not keep the process alive. */
  after(delayMs: number, task: () => void, unreferenced?: 'unreferenced'): Timer;
  /** Resolves after `delayMs`, or rejects with the signal's reason when it aborts first. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Resolves after other events that wait had their turn. */
  turn(): Promise<void>;
  /** A number in [0, 1). */
  random(): number;
}

class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }

  monotonic(): number {
    return performance.now();
  }

  after(delayMs: number, task: () => void, unreferenced?: 'unreferenced'): Timer {
    const handle = setTimeout(task, delayMs);
    if (unreferenced !== undefined) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  }

  sleep(delayMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const onAbort = (): void => {
        clearTimeout(handle);
        reject(signal!.reason);
      };
      const handle = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort);
        resolve();
      }, delayMs);
      signal?.addEventListener('abort', onAbort, { once: true });
    });
  }

  turn(): Promise<void> {
    return new Promise((resolve) => {
      setImmediate(resolve);
    });
  }

  random(): number {
    return Math.random();
  }
}

/** The machine's own clock. */
export const systemClock: Clock = new SystemClock();

/** Backoff with full jitter: a random delay in [0, min(maxMs, baseMs * 2^attempt)], attempt counted from 0. */
export const backoffMs = (clock: Clock, attempt: number, baseMs: number, maxMs: number): number =>
  clock.random() * Math.min(maxMs, baseMs * 2 ** Math.min(attempt, 30));
