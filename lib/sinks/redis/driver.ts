import { Redis } from 'ioredis';
import { backoffMs } from '../../core/clock.ts';
import { messageOf, StopError } from '../../core/errors.ts';
import { RateLimitedLog, scrub } from '../../core/logger.ts';
import type { RedisSink } from '../../../topology/sinks.ts';
import type { SinkContext, SinkDriver, SinkTask, SinkWriter } from '../contract.ts';
import { redisError } from './errors.ts';
import { backfillScript, protectScript, releaseScript, writeScript, type Script } from './scripts.ts';
import { claim, runScript } from './writer.ts';

const CONNECT_TIMEOUT_MS = 5_000;
const RECONNECT_BASE_MS = 50;
const RECONNECT_MAX_MS = 1_000;
const REFUSED_LOGIN = /^(?:NOAUTH|WRONGPASS|NOPERM|ERR (?:AUTH|invalid password|DB index|invalid DB))/;

/** The fence of one partition of one sink; people who look into Redis can read it. */
export const fenceKey = (app: string, sink: string, topic: string, partition: number): string =>
  ['millrace', 'fence', app, sink, topic, String(partition)].map((part) => encodeURIComponent(part)).join(':');

/** Says that a backfill of this sink runs, and which; beside it stands what live traffic has written since. */
export const markKey = (app: string, sink: string): string => ['millrace', 'backfill', app, sink].map((part) => encodeURIComponent(part)).join(':');

/** One connection for all tasks of the sink in this worker; it comes back by itself after a fault. */
export class RedisDriver implements SinkDriver {
  readonly keepsPositions = true;
  readonly #sink: RedisSink;
  readonly #context: SinkContext;
  readonly #client: Redis;
  readonly #log: RateLimitedLog;
  #refusedLogin: string | null = null;

  /** The URL may carry user, password and database number; it is kept out of logs and errors. */
  constructor(sink: RedisSink, context: SinkContext, url: string) {
    this.#sink = sink;
    this.#context = context;
    this.#log = new RateLimitedLog(context.log, context.clock);
    this.#client = new Redis(url, {
      lazyConnect: true,
      protocol: 2,
      connectionName: encodeURIComponent(`${context.app}.${context.sink}`),
      connectTimeout: Math.min(CONNECT_TIMEOUT_MS, context.timeoutMs),
      commandTimeout: context.timeoutMs,
      // A write fails at once while Redis is away: the runtime holds the records and tries again.
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      retryStrategy: (times) => RECONNECT_BASE_MS + backoffMs(context.clock, times, RECONNECT_BASE_MS, RECONNECT_MAX_MS),
      // After a failover the old primary says READONLY: another connection may reach the new one.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    });
    this.#client.on('error', (error: Error) => this.#onError(error));
    this.#client.on('ready', () => {
      this.#refusedLogin = null;
    });
  }

  async open(): Promise<void> {
    if (this.#client.status === 'wait' || this.#client.status === 'end') {
      try {
        await this.#client.connect();
      } catch (thrown) {
        throw this.#failure(thrown, 'a connection');
      }
    }
    await this.health();
  }

  async writer(task: SinkTask): Promise<SinkWriter> {
    const { app, sink } = this.#context;
    const script = this.#context.backfillOf === undefined ? writeScript : backfillScript(this.#mark(), app);
    return claim(this.#client, this.#sink, { task, script, keyOf: (topic, partition) => fenceKey(app, sink, topic, partition) });
  }

  #mark(): string {
    return markKey(this.#context.backfillOf ?? this.#context.app, this.#context.sink);
  }

  /** @returns whose the mark of a backfill was; null: nobody's */
  async #onMark(script: Script, ...args: readonly string[]): Promise<string | null> {
    return await runScript(this.#client, script, [this.#mark(), `${this.#mark()}:live`], [this.#context.app, ...args]) as string | null;
  }

  async protect(start: 'first' | 'resumed'): Promise<void> {
    const { app, sink } = this.#context;
    let marked: string | null;
    try {
      marked = await this.#onMark(protectScript, start);
    } catch (thrown) {
      throw this.#failure(thrown, 'the mark of a backfill');
    }
    if (marked === app) return;
    if (marked !== null) throw new StopError(`${marked} writes to sink ${sink} already`, { hint: 'One backfill of a Redis sink at a time: let that one end, or discard it' });
    throw new StopError(`Redis has no mark of this backfill any more: what live traffic has written to ${sink} since is not known`, { hint: 'Discard the backfill, and start it anew' });
  }

  async release(partitions: SinkTask['partitions']): Promise<void> {
    const { app, sink } = this.#context;
    const fences = partitions.flatMap(({ topic, partition }) => [fenceKey(app, sink, topic, partition), `${fenceKey(app, sink, topic, partition)}:refused`]);
    try {
      if (fences.length > 0) await this.#client.unlink(...fences);
      await this.#onMark(releaseScript);
    } catch (thrown) {
      throw this.#failure(thrown, 'the end of a backfill');
    }
  }

  async health(): Promise<void> {
    try {
      await this.#client.ping();
    } catch (thrown) {
      throw this.#failure(thrown, 'a PING');
    }
  }

  async close(): Promise<void> {
    this.#client.disconnect();
    return Promise.resolve();
  }

  #failure(thrown: unknown, doing: string): Error {
    if (this.#refusedLogin !== null) return new StopError(`Redis refuses the login of sink ${this.#context.sink}: ${this.#refusedLogin}`);
    return redisError(thrown, doing);
  }

  #onError(error: Error): void {
    const message = scrub(messageOf(error));
    if (REFUSED_LOGIN.test(message)) this.#refusedLogin = message;
    this.#log.warn('connection', 'Redis connection failed', { sink: this.#context.sink, problem: message });
  }
}

