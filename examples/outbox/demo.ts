/** How `millrace start --example outbox` runs this example. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client as Cassandra } from 'cassandra-driver';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { Demo, DemoEnvironment, DemoRun } from '../../lib/cli/start/demo.ts';
import { generateBounded, generateSteadily, type GeneratorOptions } from '../engagement/generator.ts';
import { compare } from './compare.ts';
import { adminDatabase, openCassandra, openRedis, outboxDatabase } from './connect.ts';
import { ArrivalWatch } from './live.ts';
import { names } from './names.ts';
import { readProgress } from './progress.ts';

const ROOT = join(import.meta.dirname, '..', '..');

class OutboxRun implements DemoRun {
  readonly #environment: DemoEnvironment;
  readonly #without: readonly string[];
  readonly #writer: pg.Client;
  readonly #reader: pg.Client;
  /** Null: this run is without it. */
  readonly #redis: { readonly client: Redis; readonly arrivals: ArrivalWatch } | null;
  readonly #cassandra: Cassandra | null;
  /** Contents of this run's events changed at barriers only from this event on; none while the load is steady. */
  #firstEvent = Number.MAX_SAFE_INTEGER;
  #written = 0;

  private constructor(environment: DemoEnvironment, without: readonly string[]) {
    this.#environment = environment;
    this.#without = without;
    this.#writer = outboxDatabase(environment);
    this.#reader = outboxDatabase(environment);
    const redis = without.includes('redis') ? null : openRedis(environment);
    this.#redis = redis === null ? null : { client: redis, arrivals: new ArrivalWatch(redis) };
    this.#cassandra = without.includes('cassandra') ? null : openCassandra(environment);
  }

  static async open(environment: DemoEnvironment, without: readonly string[]): Promise<OutboxRun> {
    const run = new OutboxRun(environment, without);
    await Promise.all([run.#writer.connect(), run.#reader.connect(), run.#cassandra?.connect()]);
    return run;
  }

  #generator(options: { readonly seed: number; readonly signal: AbortSignal }): GeneratorOptions {
    return {
      client: this.#writer,
      seed: options.seed,
      signal: options.signal,
      onCommitted: (ids, committedAtMs) => {
        this.#written += ids.length;
        this.#redis?.arrivals.committed(ids, committedAtMs);
      },
    };
  }

  async steady(options: Parameters<DemoRun['steady']>[0]): Promise<void> {
    await generateSteadily({ ...this.#generator(options), rate: options.rate });
  }

  async bounded(options: Parameters<DemoRun['bounded']>[0]): Promise<void> {
    const { rows } = await this.#reader.query<{ readonly next: string }>('SELECT coalesce(max(id), 0) + 1 AS next FROM engagement_events');
    this.#firstEvent = Number(rows[0]!.next);
    await generateBounded({ ...this.#generator(options), events: options.events, barrier: options.barrier });
  }

  async figures(): ReturnType<DemoRun['figures']> {
    return Promise.resolve({ written: this.#written, latency: this.#redis?.arrivals.latencies.window(Date.now()) ?? null, top: [] });
  }

  progress(): ReturnType<DemoRun['progress']> {
    return readProgress(this.#reader, this.#redis?.client ?? null, this.#cassandra, this.#firstEvent);
  }

  async compare(): ReturnType<DemoRun['compare']> {
    const found = await compare({ environment: this.#environment, firstEvent: this.#firstEvent, without: this.#without });
    return { ...found, latency: this.#redis?.arrivals.latencies.all() ?? null };
  }

  async close(): Promise<void> {
    await this.#redis?.arrivals.close();
    this.#redis?.client.disconnect();
    await Promise.all([this.#writer.end(), this.#reader.end(), this.#cassandra?.shutdown()]);
  }
}

const text = (...path: string[]): Promise<string> => readFile(join(import.meta.dirname, ...path), 'utf8');

const withClient = async (client: pg.Client, task: () => Promise<void>): Promise<void> => {
  await client.connect();
  await task().finally(() => client.end());
};

const setUpPostgres = async (environment: DemoEnvironment): Promise<void> => {
  const admin = adminDatabase(environment);
  await withClient(admin, async () => {
    const { rowCount } = await admin.query('SELECT FROM pg_database WHERE datname = $1', [names.database]);
    if (rowCount === 0) await admin.query(`CREATE DATABASE ${admin.escapeIdentifier(names.database)}`);
  });
  const client = outboxDatabase(environment);
  await withClient(client, async () => {
    await client.query(await text('..', 'engagement', 'setup.sql'));
    await client.query(await text('setup.sql'));
  });
};

const setUpCassandra = async (environment: DemoEnvironment): Promise<void> => {
  const client = openCassandra(environment);
  try {
    for (const statement of (await text('setup.cql')).split(';')) if (statement.trim() !== '') await client.execute(statement);
  } finally {
    await client.shutdown();
  }
};

const demo: Demo = {
  name: names.app,
  systems: names.systems,
  servers: ['kafka', 'registry', 'postgres', 'redis', 'connect', 'cassandra'],
  topology: join(import.meta.dirname, 'topology.ts'),
  connectors: [join(ROOT, 'connectors', 'outbox.json')],
  topics: [
    { topic: names.contentTopic, partitions: 4, replicationFactor: 1, config: { 'cleanup.policy': 'compact' } },
    { topic: names.eventsTopic, partitions: 4, replicationFactor: 1, config: {} },
  ],
  services: async () => Promise.resolve([]),
  environment: async () => Promise.resolve({}),
  setUp: async (environment, without = []) => {
    await setUpPostgres(environment);
    if (!without.includes('cassandra')) await setUpCassandra(environment);
  },
  open: (environment, without) => OutboxRun.open(environment, without),
};

export default demo;
