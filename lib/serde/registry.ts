/** The schema registry (Confluent's API) behind bounded retries, timeouts and a bounded memory of what it does not know. */
import registryClient from '@kafkajs/confluent-schema-registry';
import avsc from 'avsc';
import type { Type } from 'avsc';
import type { AvroSchema } from '../../topology/codecs.ts';
import { backoffMs, type Clock } from '../core/clock.ts';
import { messageOf, RetryError, StopError } from '../core/errors.ts';
import { httpAddress } from '../core/http-address.ts';
import { RateLimitedLog, scrub, type Logger } from '../core/logger.ts';
import { parseWriter, writerOptions } from './avro-schema.ts';
import { schemaByPlace, schemaVersions, type PlacesOptions } from './registry-places.ts';
import type { Lookup, Schemas } from './schemas.ts';

export interface RegistryOptions {
  /** Base of the Confluent-compatible API; user info in it is used as basic authentication unless `auth` is given. */
  readonly url: string;
  readonly auth?: { readonly username: string; readonly password: string } | null;
  readonly clock: Clock;
  readonly log: Logger;
  /** One request, milliseconds. Default 3000. */
  readonly timeoutMs?: number;
  /** Tries of one question before `RetryError`, with a short random wait between them. Default 2: the caller has a backoff of its own. */
  readonly attempts?: number;
  /** How long an id that the registry does not know, or whose schema cannot be used, is not asked for again, milliseconds. Default 30000. */
  readonly unknownIdMs?: number;
}

const BACKOFF_BASE_MS = 100;
const BACKOFF_MAX_MS = 1_000;
/** Ids of garbage are remembered up to this many; the oldest go first. */
const MAX_UNKNOWN_IDS = 50_000;
/** A registry's followers may not have a new schema yet: an id is asked for so often before it counts as unknown. */
const UNKNOWN_ID_ATTEMPTS = 2;

type Client = InstanceType<typeof registryClient.SchemaRegistry>;

interface Failure {
  readonly kind: 'passing' | 'unknown' | 'forbidden' | 'refused';
  readonly message: string;
}

const CLIENT_PREFIX = /^Confluent_Schema_Registry - (?:Error, status 400: )?/;
const NO_REGISTRY_ANSWER = / - Error, status \d+/;

/**
 * The client reports a connection that failed as status 400; an answer of a registry always has a JSON message, and
 * anything else ("Error, status N") is no registry's: a proxy, a wrong path, a server that is still starting.
 */
const classify = (thrown: unknown): Failure => {
  const status = (thrown as { readonly status?: unknown } | null)?.status;
  const message = scrub(messageOf(thrown)).replace(CLIENT_PREFIX, '');
  if (typeof status !== 'number') return { kind: 'refused', message };
  if (status === 401 || status === 403) return { kind: 'forbidden', message };
  if (NO_REGISTRY_ANSWER.test(messageOf(thrown)) || status >= 500 || status === 429 || status === 408) return { kind: 'passing', message };
  return { kind: status === 404 ? 'unknown' : 'refused', message };
};

export class RegistrySchemas implements Schemas {
  readonly #client: Client;
  readonly #host: string;
  readonly #clock: Clock;
  readonly #asking: PlacesOptions;
  readonly #log: RateLimitedLog;
  readonly #attempts: number;
  readonly #unknownIdMs: number;
  readonly #known = new Map<number, Lookup>();
  readonly #doubted = new Set<number>();
  readonly #unknown = new Map<number, { readonly until: number; readonly lookup: Lookup }>();
  readonly #pending = new Map<number, Promise<void>>();

  constructor(options: RegistryOptions) {
    const { base: host, login } = httpAddress(options.url, "the schema registry's address");
    const timeoutMs = options.timeoutMs ?? 3_000;
    const credentials = options.auth ?? login;
    this.#host = host;
    this.#client = new registryClient.SchemaRegistry(
      {
        host,
        ...(credentials === null ? {} : { auth: credentials }),
        retry: { retries: 0 },
        middlewares: [() => ({ request: (request) => Promise.resolve(request.enhance({ timeout: timeoutMs })) })],
      },
      { AVRO: writerOptions() } as never,
    );
    this.#clock = options.clock;
    this.#asking = { host, auth: credentials, clock: options.clock, timeoutMs };
    this.#log = new RateLimitedLog(options.log, options.clock);
    this.#attempts = options.attempts ?? 2;
    this.#unknownIdMs = options.unknownIdMs ?? 30_000;
  }

  peek(id: number): Lookup | undefined {
    return this.#known.get(id) ?? this.#unknown.get(id)?.lookup;
  }

  isCurrent(id: number): boolean {
    if (this.#known.has(id)) return !this.#doubted.has(id);
    const unknown = this.#unknown.get(id);
    return unknown !== undefined && this.#clock.monotonic() < unknown.until;
  }

  doubt(id: number): void {
    this.#doubted.add(id);
    // The client remembers schemas for ever, too.
    this.#client.cache.clear();
  }

  versions(id: number): Promise<string | null> {
    return schemaVersions(id, this.#asking);
  }

  fetch(id: number): Promise<void> {
    if (this.isCurrent(id)) return Promise.resolve();
    const pending = this.#pending.get(id);
    if (pending !== undefined) return pending;
    const request = this.#fetch(id).finally(() => this.#pending.delete(id));
    this.#pending.set(id, request);
    return request;
  }

  async #fetch(id: number): Promise<void> {
    try {
      const type: unknown = await this.#ask(`schema ${id}`, () => this.#client.getSchema(id));
      this.#learn(id, avsc.Type.isType(type) ? { type: type as Type } : { reason: `schema ${id} is not Avro` });
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      const type = thrown.failure.kind === 'refused' ? await this.#elsewhere(id) : null;
      if (type !== null) this.#learn(id, { type });
      else this.#remember(id, thrown.failure.kind === 'unknown' ? `the registry knows no schema ${id}` : `schema ${id} cannot be used: ${thrown.failure.message}`);
    }
  }

  #learn(id: number, lookup: Lookup): void {
    this.#unknown.delete(id);
    this.#doubted.delete(id);
    this.#known.set(id, lookup);
  }

  /** A schema that the registry does not tell by its id. */
  async #elsewhere(id: number): Promise<Type | null> {
    try {
      const schema = await schemaByPlace(id, this.#asking);
      return schema === null ? null : parseWriter(schema);
    } catch {
      return null;
    }
  }

  #remember(id: number, reason: string): void {
    this.#unknown.delete(id);
    // What was known of it stays good: schemas do not change, as a rule.
    if (this.#doubted.delete(id)) return;
    if (this.#unknown.size >= MAX_UNKNOWN_IDS) this.#unknown.delete(this.#unknown.keys().next().value!);
    this.#unknown.set(id, { until: this.#clock.monotonic() + this.#unknownIdMs, lookup: { reason } });
    this.#log.warn('unreadable', 'a schema id cannot be read', { schemaId: id, registry: this.#host, reason });
  }

  async register(subject: string, schema: AvroSchema): Promise<number> {
    try {
      return await this.#ask(subject, () => this.#register(subject, schema));
    } catch (thrown) {
      if (!(thrown instanceof Refusal)) throw thrown;
      throw new StopError(`the registry refuses the schema of ${subject}: ${thrown.failure.message}`, {
        cause: thrown,
        hint: 'Make the change compatible, or write to a new topic',
      });
    }
  }

  /**
   * The client insists on being told the compatibility level that a subject already has: it is not for a writer to choose, so the
   * level is taken from the client's refusal.
   */
  async #register(subject: string, schema: AvroSchema): Promise<number> {
    const body = { type: 'AVRO', schema: JSON.stringify(schema) } as never;
    const options = { subject, updateConfig: false };
    try {
      return (await this.#client.register(body, options)).id;
    } catch (thrown) {
      const level = /^Compatibility does not match the configuration \(\w+ != (\w+)\)$/.exec(messageOf(thrown))?.[1];
      if (level === undefined) throw thrown;
      return (await this.#client.register(body, { ...options, compatibility: level as never })).id;
    }
  }

  async #ask<T>(what: string, question: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await question();
      } catch (thrown) {
        const failure = classify(thrown);
        if (failure.kind === 'forbidden') throw new StopError(`the schema registry does not let us in: ${failure.message}`, { hint: `Check the credentials for ${this.#host}` });
        const attempts = failure.kind === 'passing' ? this.#attempts : failure.kind === 'unknown' ? UNKNOWN_ID_ATTEMPTS : 1;
        if (attempt + 1 < attempts) {
          await this.#clock.sleep(backoffMs(this.#clock, attempt, BACKOFF_BASE_MS, BACKOFF_MAX_MS));
          continue;
        }
        if (failure.kind === 'passing') throw new RetryError(`the schema registry at ${this.#host} does not answer for ${what}: ${failure.message}`);
        throw new Refusal(failure);
      }
    }
  }
}

class Refusal extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}
