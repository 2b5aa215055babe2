import { messageOf, RetryError, StopError, type MillraceError } from '../../core/errors.ts';
import { scrub } from '../../core/logger.ts';

interface ApiProblem {
  readonly code?: number | string;
  readonly errors?: readonly { readonly reason?: string; readonly message?: string }[];
  readonly response?: { readonly headers?: unknown };
}

/** The HTTP status of a failed call; null when there was no answer. */
export const statusOf = (thrown: unknown): number | null => {
  const { code } = thrown as ApiProblem;
  return typeof code === 'number' ? code : null;
};

const PASSING_STATUS = new Set([401, 408, 409, 425, 429]);
const PASSING_REASON = new Set(['rateLimitExceeded', 'quotaExceeded', 'backendError', 'internalError', 'jobBackendError', 'jobInternalError', 'timeout']);

/** The reasons that BigQuery gives for one row and that have nothing to do with the row. */
export const isPassingReason = (reason: string): boolean => PASSING_REASON.has(reason);

/** What happens next after a call to BigQuery failed. A 404 is for the caller to judge. */
export const bigqueryError = (thrown: unknown, doing: string): MillraceError => {
  const status = statusOf(thrown);
  const message = scrub(messageOf(thrown));
  if (status === null) return new RetryError(`BigQuery does not answer ${doing}: ${message}`, { cause: thrown });
  const passing = status >= 500 || PASSING_STATUS.has(status) || ((thrown as ApiProblem).errors ?? []).some(({ reason }) => reason !== undefined && isPassingReason(reason));
  if (passing) return new RetryError(`BigQuery cannot do ${doing} now (${status}): ${message}`, { cause: thrown });
  return new StopError(`BigQuery refuses ${doing} (${status}): ${message}`, { cause: thrown });
};
