import type { Clock } from '../../core/clock.ts';
import { RetryError } from '../../core/errors.ts';
import { noAnswer } from './refusal.ts';

/** What happens to one request. */
export interface Fate {
  /** How long the request takes, ms; null: it never arrives. A long one arrives after the caller has given up. */
  readonly requestMs: number | null;
  /** How long the answer takes, ms; null: it never comes, though the request has taken effect. */
  readonly answerMs: number | null;
  /** When the connection breaks, ms after the call; the request may still arrive. Null: it does not. */
  readonly brokenAfterMs: number | null;
  /** The caller does not run now: the request leaves when it does again, if ever. */
  readonly held: boolean;
  /** Called when the request has taken effect. */
  readonly applied?: () => void;
}

/** The way from one client to a server. */
export interface Network {
  /**
   * Sends a request, `apply`, to the server. Rejects with what `apply` throws, or with `RetryError` when no answer came in
   * `timeoutMs` (default: the network's own): then the request may have taken effect, may still take it, or may not.
   */
  call<T>(name: string, apply: () => T | Promise<T>, timeoutMs?: number): Promise<T>;
}

export interface NetworkOptions {
  /** Time on the way and at the server: it passes whatever becomes of the client. */
  readonly wire: Clock;
  /** Time as the client lives it: answers and its own patience come by it. */
  readonly client: Clock;
  readonly requestTimeoutMs: number;
  /** Decides on each call. Default: `smooth`. */
  readonly fate?: (call: string) => Fate;
}

/** Nothing goes wrong; each way takes up to so many ms. */
export const smooth = (clock: Clock, upToMs: number): Fate =>
  ({ requestMs: clock.random() * upToMs, answerMs: clock.random() * upToMs, brokenAfterMs: null, held: false });

const LATENCY_MS = 2;

export const createNetwork = (options: NetworkOptions): Network => {
  const { wire, client, requestTimeoutMs } = options;
  const fateOf = options.fate ?? (() => smooth(wire, LATENCY_MS));
  return {
    call: (name, apply, timeoutMs = requestTimeoutMs) => new Promise((resolve, reject) => {
      const fate = fateOf(name);
      const late = client.after(timeoutMs, () => reject(noAnswer(name, `no answer in ${timeoutMs} ms`)));
      const answer = (deliver: () => void): void => {
        if (fate.answerMs === null) return;
        client.after(fate.answerMs, () => {
          late.cancel();
          deliver();
        });
      };
      const arrive = async (): Promise<void> => {
        try {
          const result = apply();
          const value = result instanceof Promise ? await result : result;
          fate.applied?.();
          answer(() => resolve(value));
        } catch (error) {
          fate.applied?.();
          answer(() => reject(error));
        }
      };
      const send = (): void => {
        if (fate.requestMs !== null) wire.after(fate.requestMs, () => void arrive());
        if (fate.brokenAfterMs !== null) client.after(fate.brokenAfterMs, () => reject(new RetryError(`${name}: the connection broke`)));
      };
      if (fate.held) client.after(0, send);
      else send();
    }),
  };
};
