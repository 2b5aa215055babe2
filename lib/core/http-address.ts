/** Addresses of HTTP servers with a user and a password in them, which `fetch` refuses. */
import { ConfigurationError, messageOf } from './errors.ts';

export interface HttpAddress {
  /** Without user info and without a slash at its end: it may be shown. */
  readonly base: string;
  /** Basic authentication, when the address had user info. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A sign of percent that begins no escape stands for itself. */
const decoded = (text: string): string => {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
};

/** Takes user info out of an address. `what` names it in the `ConfigurationError` that is thrown for one that is no http URL; the address is not repeated. */
export const httpAddress = (text: string, what: string): HttpAddress => {
  if (!/^https?:\/\/[^/]/.test(text) || !URL.canParse(text)) throw new ConfigurationError([`${what} is not an http URL`]);
  const url = new URL(text);
  const user = `${decoded(url.username)}:${decoded(url.password)}`;
  url.username = '';
  url.password = '';
  return { base: url.href.replace(/\/+$/, ''), headers: user === ':' ? {} : { authorization: `Basic ${Buffer.from(user).toString('base64')}` } };
};

/** What `fetch` says of a request that it will not send; it gives no codes. */
const REFUSED: ReadonlySet<string> = new Set(['bad port', 'unknown scheme', 'redirect count exceeded']);

/** Why `fetch` fails this time and every time, such as for a port that it refuses; undefined for what may pass. */
export const permanentFault = (thrown: unknown): string | undefined => {
  if (!(thrown instanceof TypeError)) return undefined;
  const reason = messageOf(thrown.cause ?? thrown);
  return thrown.cause === undefined || REFUSED.has(reason) ? reason : undefined;
};
