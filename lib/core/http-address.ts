/** Addresses of HTTP servers with a user and a password in them, which `fetch` refuses. */
import { ConfigurationError, messageOf } from './errors.ts';

export interface HttpAddress {
  /** Without user info and without a slash at its end: it may be shown. */
  readonly base: string;
  /** Null when the address had no user info. */
  readonly login: { readonly username: string; readonly password: string } | null;
  /** The same as basic authentication. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Text out of a URL. A sign of percent that begins no escape stands for itself. */
export const decoded = (text: string): string =>
  text.replaceAll(/(?:%[\da-f]{2})+/gi, (escapes) => {
    try {
      return decodeURIComponent(escapes);
    } catch {
      return escapes;
    }
  });

/** Whether it can be asked at all. */
export const isHttpAddress = (text: string): boolean => /^https?:\/\/[^/]/.test(text) && URL.canParse(text);

/** Takes user info out of an address. `what` names it in the `ConfigurationError` that is thrown for one that is no http URL; the address is not repeated. */
export const httpAddress = (text: string, what: string): HttpAddress => {
  if (!isHttpAddress(text)) throw new ConfigurationError([`${what} is not an http URL`]);
  const url = new URL(text);
  const login = { username: decoded(url.username), password: decoded(url.password) };
  url.username = '';
  url.password = '';
  const base = url.href.replace(/\/+$/, '');
  if (login.username === '' && login.password === '') return { base, login: null, headers: {} };
  return { base, login, headers: { authorization: `Basic ${Buffer.from(`${login.username}:${login.password}`).toString('base64')}` } };
};

/** What `fetch` says of a request that it will not send; it gives no codes. */
const REFUSED: ReadonlySet<string> = new Set(['bad port', 'unknown scheme', 'redirect count exceeded']);

/** Why `fetch` fails this time and every time, such as for a port that it refuses; undefined for what may pass. */
export const permanentFault = (thrown: unknown): string | undefined => {
  if (!(thrown instanceof TypeError)) return undefined;
  const reason = messageOf(thrown.cause ?? thrown);
  return thrown.cause === undefined || REFUSED.has(reason) ? reason : undefined;
};
