import { from, of, take, type ObservableInput, type OperatorFunction } from 'rxjs';
import { pathOf, type InnerNode } from '../../topology/node.ts';
import type { Headers, Meta } from '../../topology/meta.ts';
import type { Clock } from '../core/clock.ts';
import { DeadLetterError, RejoinError, RetryError, StopError } from '../core/errors.ts';
import type { FetchedBatch } from '../kafka/port.ts';
import type { Entry } from './engine.ts';
import type { HeldOutput } from './outputs.ts';
import { UnreadableError } from './reading.ts';

/** An inner stream that did not end in the call. */
export interface WaitingInner {
  readonly node: InnerNode;
  readonly values: Promise<readonly unknown[]>;
  /** The record's key where the inner stream began. */
  readonly key: unknown;
  readonly next: (value: unknown) => void;
}

/** A record whose inner streams are under way. */
export interface InnerRun {
  readonly entry: Entry;
  readonly batch: FetchedBatch;
  readonly index: number;
  readonly timestamp: number;
  readonly now: number;
  readonly waiting: readonly WaitingInner[];
  readonly held: HeldOutput | null;
}

export interface InnerOptions {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** Most values that one inner stream may emit: they are kept until it completes. */
  readonly maxValues: number;
  /** Unsubscribes when the task is closed. */
  readonly signal: AbortSignal;
}

const TOO_MANY = 'Let it emit fewer (reduce, bufferCount, take), or raise MILLRACE_INNER_VALUES';

/** What a project function may keep beyond its call: the task's own meta moves on to other records. */
const keep = (meta: Meta): Meta => {
  const headers: Headers = meta.headers;
  return { key: meta.key, timestamp: meta.timestamp, headers, topic: meta.topic, partition: meta.partition, offset: meta.offset, now: meta.now };
};

const inputOf = (node: InnerNode, value: unknown, meta: Meta): ObservableInput<unknown> => {
  if (node.project !== null) return (node.project as (value: unknown, meta: Meta) => ObservableInput<unknown>)(value, keep(meta));
  const operators = node.operators as readonly OperatorFunction<unknown, unknown>[];
  return operators.reduce((stream, operator) => operator(stream), of(value));
};

/** Not the record's fault: the task begins again at its last commit (a passing fault of what an inner stream asked), or waits where it is. */
export const endsTask = (error: unknown): boolean => error instanceof RetryError || error instanceof RejoinError || error instanceof StopError || error instanceof UnreadableError;

/** Runs one record's inner stream: what it emitted, at once when it ended in the call. Throws or rejects with its error, or `DeadLetterError` when it emits too much. */
export const runInner = (node: InnerNode, value: unknown, meta: Meta, options: InnerOptions): readonly unknown[] | Promise<readonly unknown[]> => {
  const values: unknown[] = [];
  let state: 'running' | 'complete' | 'failed' = 'running';
  let failure: unknown;
  let settle: () => void = () => {};
  const end = (how: 'complete' | 'failed', error?: unknown): void => {
    state = how;
    failure = error;
    settle();
  };
  const { clock, timeoutMs, maxValues, signal } = options;
  // One more than may be is enough to know; take() also ends a list that has no end.
  const subscription = from(inputOf(node, value, meta)).pipe(take(maxValues + 1)).subscribe({
    next: (emitted) => void values.push(emitted),
    error: (error: unknown) => end('failed', error),
    complete: () => end('complete'),
  });
  const ended = (): readonly unknown[] => {
    if (state === 'failed') throw failure;
    if (values.length <= maxValues) return values;
    throw new DeadLetterError(`an inner stream emitted more than ${maxValues} values for one record`, { where: { node: pathOf(node) }, hint: TOO_MANY });
  };
  if (state !== 'running') return ended();
  return new Promise<readonly unknown[]>((resolve, reject) => {
    const timer = clock.after(timeoutMs, () => end('failed', new RetryError(`an inner stream of ${node.operator} did not complete in ${timeoutMs} ms`, { hint: 'Give it a timeout(...) of its own, or raise MILLRACE_INNER_TIMEOUT_MS' })));
    const onAbort = (): void => end('failed', new RejoinError('the task is closed', { cause: signal.reason }));
    signal.addEventListener('abort', onAbort, { once: true });
    settle = () => {
      timer.cancel();
      signal.removeEventListener('abort', onAbort);
      subscription.unsubscribe();
      try {
        resolve(ended());
      } catch (error) {
        reject(error);
      }
    };
    if (signal.aborted) onAbort();
  });
};
