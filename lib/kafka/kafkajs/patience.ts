/** Waiting for a coordinator that is busy, loading or moving. */
import type { Clock } from '../../core/clock.ts';
import { RetryError, StopError, type MillraceError } from '../../core/errors.ts';
import type { Connections } from './connections.ts';
import * as code from './protocol-errors.ts';
import type { Call, CoordinatorKind } from './requests.ts';

/** The first wait; each next one is half as long again, up to `MAX_WAIT_MS`. */
const FIRST_WAIT_MS = 3;
const WAIT_GROWTH = 1.5;
const MAX_WAIT_MS = 100;

const PASSING: ReadonlySet<number> = new Set([
  code.COORDINATOR_LOAD_IN_PROGRESS,
  code.COORDINATOR_NOT_AVAILABLE,
  code.NOT_COORDINATOR,
  code.CONCURRENT_TRANSACTIONS,
  code.UNSTABLE_OFFSET_COMMIT,
]);

export interface Coordinated<T> {
  readonly kind: CoordinatorKind;
  readonly key: string;
  readonly call: Call<T>;
  /** The answer's error code, 0 when there is none. */
  errorOf(answer: T): number;
  /** The error to reject with when the code does not pass. */
  failure(errorCode: number, answer: T): MillraceError;
}

/** Asks a coordinator until its answer is not one of those that pass by themselves, for at most `timeoutMs`. */
export const askCoordinator = async <T>(connections: Connections, clock: Clock, timeoutMs: number, asked: Coordinated<T>): Promise<T> => {
  const startedAt = clock.monotonic();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(MAX_WAIT_MS, waitMs * WAIT_GROWTH)) {
    const outcome = await attempt(connections, asked);
    if ('answer' in outcome) return outcome.answer;
    if (clock.monotonic() - startedAt > timeoutMs) {
      throw outcome.failure instanceof StopError
        ? outcome.failure
        : new RetryError(`${outcome.failure.message}, for more than ${timeoutMs} ms`, { cause: outcome.failure });
    }
    await clock.sleep(waitMs);
  }
};

const attempt = async <T>(connections: Connections, asked: Coordinated<T>): Promise<{ answer: T } | { failure: MillraceError }> => {
  const { kind, key, call } = asked;
  const coordinator = await connections.coordinator(kind, key);
  if (coordinator === undefined) return { failure: code.protocolError(code.COORDINATOR_NOT_AVAILABLE, `${call.name} for ${kind} ${key}`) };
  const answer = await coordinator.send(call);
  const error = asked.errorOf(answer);
  if (error === code.NONE) return { answer };
  const failure = asked.failure(error, answer);
  if (!PASSING.has(error)) throw failure;
  if (code.coordinatorMoved(error)) connections.forgetCoordinator(kind, key);
  return { failure };
};
