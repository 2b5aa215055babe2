/** How `millrace start --example outbox` runs this example. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Client as Cassandra } from 'cassandra-driver';
import type { Redis } from 'ioredis';
import type pg from 'pg';
import type { Demo, DemoEnvironment, DemoRun } from '../../lib/cli/start/demo.ts';
import { DemoLoad } from '../engagement/demo-load.ts';
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
  readonly #load: DemoLoad;

  private constructor(environment: DemoEnvironment, without: readonly string[]) {
    this.#environment = environment;
    this.#without = without;
    this.#writer = outboxDatabase(environment);
    this.#reader = outboxDatabase(environment);
    const redis = without.includes('redis') ? null : openRedis(environment);
    this.#redis = redis === null ? null : { client: redis, arrivals: new ArrivalWatch(redis) };
    this.#load = new DemoLoad(this.#writer, (ids, committedAtMs) => this.#redis?.arrivals.committed(ids, committedAtMs));
    this.#cassandra = without.includes('cassandra') ? null : openCassandra(environment);
  }

  static async open(environment: DemoEnvironment, without: readonly string[]): Promise<OutboxRun> {
    const run = new OutboxRun(environment, without);
    await Promise.all([run.#writer.connect(), run.#reader.connect(), run.#cassandra?.connect()]);
    return run;
  }

  async steady(options: Parameters<DemoRun['steady']>[0]): Promise<void> {
    await this.#load.steady(options);
  }

  async bounded(options: Parameters<DemoRun['bounded']>[0]): Promise<void> {
    await this.#load.bounded(options);
  }

  async figures(): ReturnType<DemoRun['figures']> {
    return Promise.resolve({ written: this.#load.written, latency: this.#redis?.arrivals.latencies.window(Date.now()) ?? null, top: [] });
  }

  progress(): ReturnType<DemoRun['progress']> {
    return readProgress(this.#reader, this.#redis?.client ?? null, this.#cassandra, this.#load.firstEvent);
  }

  async compare(): ReturnType<DemoRun['compare']> {
    const found = await compare({ environment: this.#environment, firstEvent: this.#load.firstEvent, without: this.#without });
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
