import type { Clock } from '../../core/clock.ts';
import { RetryError, messageOf } from '../../core/errors.ts';
import { isRefusal } from './refusal.ts';

const FIRST_WAIT_MS = 3;
const WAIT_GROWTH = 1.5;
const MAX_WAIT_MS = 100;

/** Asks again while the coordinator says that it is busy, for at most `timeoutMs`. */
export const patiently = async <T>(clock: Clock, timeoutMs: number, attempt: () => Promise<T>): Promise<T> => {
  const startedAt = clock.monotonic();
  for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(MAX_WAIT_MS, waitMs * WAIT_GROWTH)) {
    try {
      return await attempt();
    } catch (error) {
      if (!isRefusal(error, 'CONCURRENT_TRANSACTIONS', 'UNSTABLE_OFFSET_COMMIT')) throw error;
      if (clock.monotonic() - startedAt > timeoutMs) throw new RetryError(`${messageOf(error)}, for more than ${timeoutMs} ms`, { cause: error });
    }
    await clock.sleep(waitMs);
  }
};
