import cassandra, { type Client } from 'cassandra-driver';
import { RetryError } from '../../core/errors.ts';
import { RateLimitedLog, scrub } from '../../core/logger.ts';
import type { CassandraSink } from '../../../topology/sinks.ts';
import type { SinkContext, SinkDriver, SinkTask, SinkWriter } from '../contract.ts';
import { within } from '../outcome.ts';
import { cassandraError } from './errors.ts';
import { Session } from './session.ts';
import { checkTable } from './table.ts';
import { CassandraWriter } from './writer.ts';

const { auth, policies, types } = cassandra;

/** How the sink's settings have turned out. */
export interface CassandraAddress {
  /** `host` or `host:port`. */
  readonly contactPoints: readonly string[];
  readonly localDataCenter: string;
  readonly login: { readonly user: string; readonly password: string } | null;
}

const CONSISTENCIES = {
  ONE: types.consistencies.one, LOCAL_ONE: types.consistencies.localOne, QUORUM: types.consistencies.quorum,
  LOCAL_QUORUM: types.consistencies.localQuorum, EACH_QUORUM: types.consistencies.eachQuorum, ALL: types.consistencies.all,
} as const;

const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_BASE_MS = 100;
const RECONNECT_MAX_MS = 2_000;
/** A connection on which so many requests got no answer in time is made anew. */
const SILENT_REQUESTS = 4;

/** Gives every failure to the caller: the runtime tries again by itself, with backoff, and its breaker must see each one. */
class NoRetry extends policies.retry.RetryPolicy {
  override onReadTimeout = (): ReturnType<NoRetry['rethrowResult']> => this.rethrowResult();
  override onWriteTimeout = (): ReturnType<NoRetry['rethrowResult']> => this.rethrowResult();
  override onUnavailable = (): ReturnType<NoRetry['rethrowResult']> => this.rethrowResult();
  override onRequestError = (): ReturnType<NoRetry['rethrowResult']> => this.rethrowResult();
}

/** One session for all tasks of the sink in this worker; it comes back by itself after a fault. */
export class CassandraDriver implements SinkDriver {
  readonly #sink: CassandraSink;
  readonly #context: SinkContext;
  readonly #address: CassandraAddress;
  readonly #log: RateLimitedLog;
  #session: Session | null = null;

  constructor(sink: CassandraSink, context: SinkContext, address: CassandraAddress) {
    this.#sink = sink;
    this.#context = context;
    this.#address = address;
    this.#log = new RateLimitedLog(context.log, context.clock);
  }

  async open(): Promise<void> {
    const session = (this.#session ??= this.#newSession());
    try {
      await this.#ask(session.client.connect(), 'a connection');
    } catch (problem) {
      // One that could not connect is not used again.
      this.#session = null;
      await session.end();
      throw problem;
    }
    await this.#check();
  }

  async writer(task: SinkTask): Promise<SinkWriter> {
    return Promise.resolve(new CassandraWriter(this.#sink, this.#client, this.#context, task, () => this.#check()));
  }

  async health(): Promise<void> {
    await this.#ask(this.#client.execute('SELECT key FROM system.local'), 'a look at itself');
  }

  async close(): Promise<void> {
    await this.#session?.end();
  }

  get #client(): Client {
    if (this.#session === null) throw new RetryError('Cassandra is not connected');
    return this.#session.client;
  }

  #newSession(): Session {
    const { contactPoints, localDataCenter, login } = this.#address;
    const { clock, sink, timeoutMs } = this.#context;
    const session = new Session({
      contactPoints: [...contactPoints],
      localDataCenter,
      ...(login === null ? {} : { authProvider: new auth.PlainTextAuthProvider(login.user, login.password) }),
      policies: { retry: new NoRetry(), reconnection: new policies.reconnection.ExponentialReconnectionPolicy(RECONNECT_BASE_MS, RECONNECT_MAX_MS, false) },
      // Its heartbeat outlives a broken connection; a silent one is noticed by the writes that get no answer in time.
      pooling: { coreConnectionsPerHost: { [types.distance.local]: 1 }, heartBeatInterval: 0 },
      socketOptions: { connectTimeout: Math.min(CONNECT_TIMEOUT_MS, timeoutMs), readTimeout: Math.min(this.#sink.timeoutMs, timeoutMs), defunctReadTimeoutThreshold: SILENT_REQUESTS },
      queryOptions: { consistency: CONSISTENCIES[this.#sink.consistency], isIdempotent: true, prepare: true },
    }, clock);
    session.client.on('log', (level: string, _source: string, message: string) => {
      if (level === 'warning' || level === 'error') this.#log.warn('connection', 'Cassandra connection failed', { sink, problem: scrub(message) });
    });
    return session;
  }

  #check(): Promise<void> {
    return checkTable(this.#sink, async (cql, params) => (await this.#ask(this.#client.execute(cql, [...params]), 'a look at its tables')).rows);
  }

  async #ask<T>(call: Promise<T>, doing: string): Promise<T> {
    try {
      return await within(call, this.#context.timeoutMs, this.#context.clock, doing);
    } catch (thrown) {
      throw thrown instanceof RetryError ? thrown : cassandraError(thrown, doing);
    }
  }
}
