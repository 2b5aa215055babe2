import { backoffMs, systemClock, type Clock } from '../core/clock.ts';
import { messageOf, RetryError, StopError } from '../core/errors.ts';
import { httpAddress } from '../core/http-address.ts';
import { scrub } from '../core/logger.ts';

export interface RegistryClientOptions {
  /** Base of the Confluent-compatible API, such as http://127.0.0.1:8081/apis/ccompat/v7; user info in it is sent as basic authentication. */
  readonly registryUrl: string;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
  /** One request. Default 5 s. */
  readonly timeoutMs?: number;
  /** Tries of one request, while the registry does not answer. Default 3. */
  readonly attempts?: number;
}

/** One registered version of a subject. */
export interface RegisteredSchema {
  readonly subject: string;
  readonly version: number;
  readonly id: number;
  readonly schema: string;
}

interface Answer {
  readonly status: number;
  readonly body: unknown;
}

const TIMEOUT_MS = 5_000;
const ATTEMPTS = 3;
const RETRY_BASE_MS = 100;
const RETRY_MAX_MS = 1_000;

/** Codes of registries have five digits; with fewer it is something else that answers. */
const LEAST_CODE = 40_000;

const fieldOf = (body: unknown, name: string): unknown => (typeof body === 'object' && body !== null && name in body ? (body as Record<string, unknown>)[name] : undefined);

/** The registry knows no such subject, version or schema. */
const isUnknown = ({ status, body }: Answer): boolean => status === 404 && Number(fieldOf(body, 'error_code')) >= LEAST_CODE;

/** Subjects, versions and compatibility of a schema registry. Throws `RetryError` while it does not answer, `StopError` when it does not let us in. */
export class RegistryClient {
  readonly #options: RegistryClientOptions;
  readonly #base: string;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(options: RegistryClientOptions) {
    const { base, headers } = httpAddress(options.registryUrl, "the schema registry's address");
    this.#base = base;
    this.#headers = headers;
    this.#options = options;
  }

  subjects(): Promise<readonly string[]> {
    return this.#expect('GET', '/subjects') as Promise<readonly string[]>;
  }

  /** Null when there is no such subject. */
  async version(subject: string, version: number | 'latest'): Promise<RegisteredSchema | null> {
    const answer = await this.#request('GET', `/subjects/${encodeURIComponent(subject)}/versions/${version}`);
    return isUnknown(answer) ? null : (this.#good(answer, `${subject}, version ${version}`) as RegisteredSchema);
  }

  /** All versions, the oldest first; none when there is no such subject. */
  async versions(subject: string): Promise<readonly RegisteredSchema[]> {
    const answer = await this.#request('GET', `/subjects/${encodeURIComponent(subject)}/versions`);
    if (isUnknown(answer)) return [];
    const numbers = this.#good(answer, subject) as readonly number[];
    const found = await Promise.all([...numbers].sort((a, b) => a - b).map((number) => this.version(subject, number)));
    return found.filter((one) => one !== null);
  }

  /** The mode that holds for a subject: its own, else the registry's. */
  async mode(subject: string): Promise<string> {
    const own = await this.#request('GET', `/config/${encodeURIComponent(subject)}?defaultToGlobal=true`);
    const answer = isUnknown(own) ? await this.#request('GET', '/config') : own;
    return String(fieldOf(this.#good(answer, `the compatibility mode of ${subject}`), 'compatibilityLevel'));
  }

  /** Whether the schema fits these versions as the registry sees it, and why not, in its own words. */
  async isCompatible(subject: string, schema: string, versions: 'all' | 'latest'): Promise<{ readonly compatible: boolean; readonly messages: readonly string[] }> {
    const answer = await this.#request('POST', `/compatibility/subjects/${encodeURIComponent(subject)}/versions${versions === 'latest' ? '/latest' : ''}?verbose=true`, { schema, schemaType: 'AVRO' });
    if (isUnknown(answer)) return { compatible: true, messages: [] };
    const body = this.#good(answer, subject);
    const messages = fieldOf(body, 'messages');
    return { compatible: fieldOf(body, 'is_compatible') === true, messages: Array.isArray(messages) ? messages.map(String) : [] };
  }

  /** The version that has exactly this schema; null when none has. */
  async find(subject: string, schema: string): Promise<RegisteredSchema | null> {
    const answer = await this.#request('POST', `/subjects/${encodeURIComponent(subject)}`, { schema, schemaType: 'AVRO' });
    return isUnknown(answer) ? null : (this.#good(answer, subject) as RegisteredSchema);
  }

  /** Registers a schema; the same again changes nothing. @returns its id */
  async register(subject: string, schema: string): Promise<number> {
    const answer = await this.#request('POST', `/subjects/${encodeURIComponent(subject)}/versions`, { schema, schemaType: 'AVRO' });
    return Number(fieldOf(this.#good(answer, subject), 'id'));
  }

  async #expect(method: string, path: string): Promise<unknown> {
    return this.#good(await this.#request(method, path), path);
  }

  #good({ status, body }: Answer, what: string): unknown {
    if (status >= 200 && status < 300) return body;
    const message = scrub(String(fieldOf(body, 'message') ?? (typeof body === 'string' ? body.slice(0, 200) : status)));
    if (status === 401 || status === 403) throw new StopError(`the schema registry at ${this.#base} does not let us in (${status})`, { hint: 'Put user and password into its URL' });
    if (fieldOf(body, 'error_code') === undefined || status === 404) throw new StopError(`what answers at ${this.#base} is no schema registry: ${status} to ${what}`, { hint: 'Is the path of its Confluent-compatible API missing, such as /apis/ccompat/v7?' });
    throw new StopError(`the schema registry answers ${status} to ${what}: ${message}`);
  }

  /** The answer, whatever it says, once there is one. */
  async #request(method: string, path: string, body?: unknown): Promise<Answer> {
    const { clock = systemClock, signal, attempts = ATTEMPTS } = this.#options;
    for (let attempt = 0; ; attempt += 1) {
      signal?.throwIfAborted();
      const tried = await this.#try(method, path, body);
      if (typeof tried !== 'string') return tried;
      if (attempt + 1 >= attempts) throw new RetryError(`the schema registry at ${this.#base} does not answer: ${tried}`);
      await clock.sleep(backoffMs(clock, attempt, RETRY_BASE_MS, RETRY_MAX_MS), signal);
    }
  }

  /** @returns why there was no answer, when that may pass */
  async #try(method: string, path: string, body: unknown): Promise<Answer | string> {
    const { clock = systemClock, signal, timeoutMs = TIMEOUT_MS } = this.#options;
    const timeout = new AbortController();
    const timer = clock.after(timeoutMs, () => timeout.abort(new Error(`no answer in ${timeoutMs} ms`)));
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers: { ...this.#headers, accept: 'application/vnd.schemaregistry.v1+json, application/json', ...(body === undefined ? {} : { 'content-type': 'application/vnd.schemaregistry.v1+json' }) },
        signal: signal === undefined ? timeout.signal : AbortSignal.any([signal, timeout.signal]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.status >= 500 || response.status === 429) return `${response.status} ${text.slice(0, 200)}`;
      return { status: response.status, body: parsed(text) };
    } catch (error) {
      signal?.throwIfAborted();
      return scrub(messageOf((error as Error).cause ?? error));
    } finally {
      timer.cancel();
    }
  }
}

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
