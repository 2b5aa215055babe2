import { backoffMs, type Clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { messageOf, RetryError } from '../core/errors.ts';
import type { RateLimitedLog } from '../core/logger.ts';

export interface RetryOptions {
  readonly clock: Clock;
  readonly config: Config;
  readonly limited: RateLimitedLog;
  readonly signal: AbortSignal;
  /** What is tried, for the log. */
  readonly what: string;
  readonly onRetry?: () => void;
}

/** The pause before the next attempt: backoff with full jitter, or longer when the other side asked for it. */
export const pauseMs = (clock: Clock, config: Config, attempt: number, error: unknown): number =>
  Math.max(error instanceof RetryError ? (error.retryAfterMs ?? 0) : 0, backoffMs(clock, attempt, config.retryBaseMs, config.retryMaxMs));

/** Tries until it works, backing off after each `RetryError`. Any other error, and the signal's, comes through. */
export const retrying = async <T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> => {
  for (let tried = 0; ; tried += 1) {
    options.signal.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof RetryError)) throw error;
      options.onRetry?.();
      options.limited.warn(options.what, `${options.what} failed and is tried again`, { attempt: tried + 1, error: messageOf(error) });
      await options.clock.sleep(pauseMs(options.clock, options.config, tried, error), options.signal);
    }
  }
};

/** Resolves when `work` settles, at the latest after `timeoutMs`; `work` itself goes on unobserved. */
export const atMost = async (clock: Clock, timeoutMs: number, work: Promise<unknown> | undefined): Promise<void> => {
  if (work === undefined) return;
  await new Promise<void>((resolve) => {
    const timer = clock.after(timeoutMs, resolve);
    work.catch(() => {}).finally(() => {
      timer.cancel();
      resolve();
    });
  });
};
