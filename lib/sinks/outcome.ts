/** What drivers share in telling what became of records. */
import type { Clock } from '../core/clock.ts';
import { DeadLetterError, messageOf, RetryError } from '../core/errors.ts';
import type { WriteResult } from './contract.ts';

type Refused = WriteResult['refused'][number];
type Retry = WriteResult['retry'][number];

/** Collects outcomes in any order; gives them by index, as the contract wants them. */
export class Outcome {
  readonly #refused: Refused[] = [];
  readonly #retry: Retry[] = [];

  /** `by` as in `WriteResult`. */
  refuse(index: number, error: DeadLetterError, by: Refused['by']): void {
    this.#refused.push({ index, error, by });
  }

  hasRefused(index: number): boolean {
    return this.#refused.some((refused) => refused.index === index);
  }

  retry(index: number, error: RetryError): void {
    this.#retry.push({ index, error });
  }

  result(): WriteResult {
    const byIndex = (a: { readonly index: number }, b: { readonly index: number }): number => a.index - b.index;
    return { refused: this.#refused.sort(byIndex), retry: this.#retry.sort(byIndex) };
  }
}

/** The dead letter of a record on which a callback of the user threw. */
export const refusalOf = (thrown: unknown, callback: string): DeadLetterError =>
  thrown instanceof DeadLetterError ? thrown : new DeadLetterError(`The sink's ${callback} threw: ${messageOf(thrown)}`, { cause: thrown });

/** For what was not written because the writer was told to stop. */
export const stopped = (): RetryError => new RetryError('The write was stopped before this record');

/** Settles with `work`, or rejects with `stopped()` as soon as the signal aborts; `work` itself goes on unobserved. */
export const untilAborted = <T>(work: Promise<T>, signal: AbortSignal): Promise<T> => {
  if (signal.aborted) {
    work.catch(() => undefined);
    return Promise.reject(stopped());
  }
  return new Promise((resolve, reject) => {
    const onAbort = (): void => reject(stopped());
    signal.addEventListener('abort', onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
};

/** Settles with `work`, or rejects with `RetryError` after `timeoutMs`; `work` itself goes on unobserved. */
export const within = <T>(work: Promise<T>, timeoutMs: number, clock: Clock, what: string): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = clock.after(Math.max(0, timeoutMs), () => reject(new RetryError(`No answer to ${what} in time`)));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
