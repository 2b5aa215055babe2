import { backoffMs, systemClock, type Clock } from '../core/clock.ts';
import { ConfigurationError, messageOf, RetryError, StopError } from '../core/errors.ts';
import { httpAddress, permanentFault, type HttpAddress } from '../core/http-address.ts';
import { scrub } from '../core/logger.ts';

export interface ConnectClientOptions {
  /** Base URL of Kafka Connect's REST API; user info in it is sent as basic authentication. */
  readonly url: string;
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  /** One request. Default 30 s: a validation connects to the database. */
  readonly requestTimeoutMs?: number;
  /** All tries of one request together, while Connect rebalances or starts. Default 60 s. */
  readonly retryTimeoutMs?: number;
  /** Takes out of a message what may not be shown. Default: the user info of URLs. */
  readonly redact?: (text: string) => string;
  /** Told once, when a request has to be tried again, with the reason. */
  readonly onRetry?: (reason: string) => void;
}

export interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const RETRY_BASE_MS = 100;
const RETRY_MAX_MS = 2000;
/** 409: the group rebalances. 502 to 504: it is not up yet, or not reached. */
const PASSING: ReadonlySet<number> = new Set([409, 502, 503, 504]);
/** With status 500: the worker has not joined its group yet, or its leader does not answer. */
const TIMED_OUT = /^Request timed out/;
/** Somebody in front of Connect wants another login. */
const NOT_LET_IN: ReadonlySet<number> = new Set([401, 403]);
const REQUEST_TIMEOUT_MS = 30_000;
const RETRY_TIMEOUT_MS = 60_000;

/** Kafka Connect over REST. What passes is tried again, for a bounded time. */
export class ConnectClient {
  readonly #options: ConnectClientOptions;
  readonly #address: HttpAddress;
  #toldRetry = false;

  /** @throws ConfigurationError when its URL is none */
  constructor(options: ConnectClientOptions) {
    this.#options = options;
    this.#address = httpAddress(options.url, "Kafka Connect's address");
  }

  /**
   * @returns the answer, whatever its status, except those that pass
   * @throws RetryError when the time is over; StopError when it does not let us in; ConfigurationError for an address that cannot be asked
   */
  async request(method: string, path: string, body?: unknown): Promise<Answer> {
    const { clock, signal } = this.#options;
    const deadline = clock.monotonic() + (this.#options.retryTimeoutMs ?? RETRY_TIMEOUT_MS);
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      const { answer, reason } = await this.#try(method, path, body);
      if (answer !== undefined && NOT_LET_IN.has(answer.status)) {
        throw new StopError(`Kafka Connect at ${this.#address.base} does not let us in (${answer.status})`, { hint: 'Put user and password into its URL' });
      }
      if (answer !== undefined) return answer;
      const pauseMs = backoffMs(clock, attempt, RETRY_BASE_MS, RETRY_MAX_MS);
      const told = `Kafka Connect at ${this.#address.base}: ${this.redacted(reason)}`;
      if (clock.monotonic() + pauseMs > deadline) throw new RetryError(told);
      if (!this.#toldRetry) this.#options.onRetry?.(told);
      this.#toldRetry = true;
      await clock.sleep(pauseMs, signal);
    }
  }

  /** @returns the body of an answer in the 200s @throws StopError with Connect's message for any other */
  async expect(method: string, path: string, body?: unknown): Promise<unknown> {
    const answer = await this.request(method, path, body);
    if (answer.status >= 200 && answer.status < 300) return answer.body;
    throw new StopError(`Kafka Connect answers ${answer.status} to ${method} ${path}: ${this.redacted(connectMessage(answer.body))}`);
  }

  redacted(text: string): string {
    return (this.#options.redact ?? scrub)(text);
  }

  async #try(method: string, path: string, body: unknown): Promise<{ answer?: Answer; reason: string }> {
    const { clock, signal } = this.#options;
    const timeout = new AbortController();
    const timer = clock.after(this.#options.requestTimeoutMs ?? REQUEST_TIMEOUT_MS, () => timeout.abort(new Error('no answer in time')));
    try {
      const response = await fetch(this.#address.base + path, {
        method,
        headers: { ...this.#address.headers, accept: 'application/json', ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
        signal: signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      const answer = { status: response.status, body: parsed(text) };
      const message = connectMessage(answer.body);
      return PASSING.has(answer.status) || (answer.status === 500 && TIMED_OUT.test(message)) ? { reason: `${answer.status} ${message}` } : { answer, reason: '' };
    } catch (error) {
      signal?.throwIfAborted();
      const fault = permanentFault(error);
      if (fault !== undefined) throw new ConfigurationError([`Kafka Connect at ${this.#address.base} cannot be asked: ${this.redacted(fault)}`]);
      return { reason: messageOf((error as Error).cause ?? error) };
    } finally {
      timer.cancel();
    }
  }
}

const parsed = (text: string): unknown => {
  try {
    return text === '' ? undefined : JSON.parse(text);
  } catch {
    return text;
  }
};

const connectMessage = (body: unknown): string => {
  if (typeof body === 'object' && body !== null && 'message' in body) return String(body.message);
  return String(body ?? '').slice(0, 200);
};

export interface ConnectOptions {
  /** Base URL of Kafka Connect's REST API, such as http://127.0.0.1:8083; user info in it is sent as basic authentication. */
  readonly connectUrl: string;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** How long a request is tried again while Connect rebalances or starts. Default 60 s. */
  readonly retryTimeoutMs?: number;
  /** Told once, when a request has to be tried again, with the reason. */
  readonly onRetry?: (reason: string) => void;
}

export const clientOf = ({ connectUrl, clock, signal, retryTimeoutMs, onRetry, redact }: ConnectOptions & Pick<ConnectClientOptions, 'redact'>): ConnectClient =>
  new ConnectClient({
    url: connectUrl,
    clock: clock ?? systemClock,
    ...(signal === undefined ? {} : { signal }),
    ...(retryTimeoutMs === undefined ? {} : { retryTimeoutMs }),
    ...(onRetry === undefined ? {} : { onRetry }),
    ...(redact === undefined ? {} : { redact }),
  });
