/** What an answer means for the record. */
import { DeadLetterError, messageOf, RetryError } from '../../core/errors.ts';
import { scrub } from '../../core/logger.ts';

/**
 * `written`; `refused` for good; `passing`: may be tried again. `away` says that the fault is the server's state rather than
 * this request, so that the others need not be tried.
 */
export type Answer =
  | { readonly type: 'written' }
  | { readonly type: 'refused'; readonly error: DeadLetterError }
  | { readonly type: 'passing'; readonly error: RetryError; readonly away: boolean };

/** 401: the token has to be mended, which is no fault of the record. 409: the first request with this key is still at work. */
const PASSING_STATUS = new Set([401, 408, 409, 425, 429]);
const AWAY_STATUS = new Set([401, 429, 503]);
const MAX_RETRY_AFTER_MS = 300_000;
/** How much of a refusal's body is kept. */
export const EXCERPT_BYTES = 2_048;

const AWAY_CODES = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH', 'ENETUNREACH', 'ECONNABORTED', 'UND_ERR_CONNECT_TIMEOUT']);

/** `Retry-After` in ms from now, seconds or an HTTP date, at most five minutes; undefined when there is none. */
export const retryAfterMs = (header: string | undefined, nowMs: number): number | undefined => {
  const text = header?.trim();
  if (text === undefined || text === '') return undefined;
  const waitMs = /^\d+$/.test(text) ? Number(text) * 1_000 : Date.parse(text) - nowMs;
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(0, waitMs), MAX_RETRY_AFTER_MS);
};

export const isPassing = (status: number): boolean => status >= 500 || PASSING_STATUS.has(status);

/** Cuts what was sent in confidence out of a text that came back. */
export const withoutSecrets = (text: string, secrets: readonly string[]): string => secrets.reduce((cut, secret) => cut.replaceAll(secret, '[redacted]'), scrub(text));

export const answerOf = (status: number, retryAfter: number | undefined, excerpt: string): Answer => {
  if (status >= 200 && status < 300) return { type: 'written' };
  const said = excerpt === '' ? '' : `: ${excerpt}`;
  if (isPassing(status)) {
    const error = new RetryError(`The server answers ${status}${said}`, retryAfter === undefined ? {} : { retryAfterMs: retryAfter });
    return { type: 'passing', error, away: AWAY_STATUS.has(status) };
  }
  const redirect = status >= 300 && status < 400 ? ' with a redirect, which is not followed' : '';
  return { type: 'refused', error: new DeadLetterError(`The server refuses this record (${status}${redirect})${said}`) };
};

/** The answer to a request that broke. The cause's own text is used: undici's errors name addresses, no headers. */
export const brokenAnswer = (thrown: unknown): Answer => {
  const { code } = thrown as { readonly code?: string };
  return { type: 'passing', error: new RetryError(`The server does not answer: ${scrub(messageOf(thrown) || String(code))}`, { cause: thrown }), away: AWAY_CODES.has(code ?? '') };
};
