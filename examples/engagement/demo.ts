/** How `millrace start` runs this example. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Demo, DemoEnvironment, DemoRun } from '../../lib/cli/start/demo.ts';
import { compare } from './compare.ts';
import { required } from './compare/topics.ts';
import { DemoLoad } from './demo-load.ts';
import { ArrivalWatch, readTopEntries } from './live.ts';
import { faults, names } from './names.ts';
import { readProgress } from './progress.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PARTNER_PORT = 18_090;
const TOKEN_BYTES = 24;

/** The partner's token belongs to its data: made once, readable by its owner only. */
const tokenIn = async (folder: string): Promise<string> => {
  const file = join(folder, 'token');
  const known = await readFile(file, 'utf8').catch(() => '');
  if (known !== '') return known;
  await mkdir(folder, { recursive: true });
  const token = randomBytes(TOKEN_BYTES).toString('base64url');
  await writeFile(file, token, { mode: 0o600 });
  return token;
};

const partnerFolder = (dir: string): string => join(dir, 'data', 'partner');

class EngagementRun implements DemoRun {
  readonly #environment: DemoEnvironment;
  readonly #writer: pg.Client;
  readonly #reader: pg.Client;
  readonly #without: readonly string[];
  /** Null: this run is without it. */
  readonly #redis: { readonly client: Redis; readonly arrivals: ArrivalWatch } | null;
  readonly #load: DemoLoad;

  private constructor(environment: DemoEnvironment, without: readonly string[]) {
    const connectionString = required(environment, 'MILLRACE_PG_URL');
    this.#environment = environment;
    this.#without = without;
    this.#writer = new pg.Client({ connectionString });
    this.#reader = new pg.Client({ connectionString });
    this.#redis = without.includes('redis') ? null : EngagementRun.#connect(required(environment, 'MILLRACE_REDIS_URL'));
    this.#load = new DemoLoad(this.#writer, (ids, committedAtMs) => this.#redis?.arrivals.committed(ids, committedAtMs));
  }

  static #connect(url: string): { readonly client: Redis; readonly arrivals: ArrivalWatch } {
    const client = new Redis(url);
    client.on('error', () => undefined);
    return { client, arrivals: new ArrivalWatch(url) };
  }

  static async open(environment: DemoEnvironment, without: readonly string[]): Promise<EngagementRun> {
    const run = new EngagementRun(environment, without);
    await Promise.all([run.#writer.connect(), run.#reader.connect()]);
    return run;
  }

  async steady(options: Parameters<DemoRun['steady']>[0]): Promise<void> {
    await this.#load.steady(options);
  }

  async bounded(options: Parameters<DemoRun['bounded']>[0]): Promise<void> {
    await this.#load.bounded(options);
  }

  async figures(): ReturnType<DemoRun['figures']> {
    if (this.#redis === null) return { written: this.#load.written, latency: null, top: [] };
    const { client, arrivals } = this.#redis;
    return { written: this.#load.written, latency: arrivals.latencies.window(Date.now()), top: await readTopEntries(client) };
  }

  progress(): ReturnType<DemoRun['progress']> {
    return readProgress(this.#reader, this.#redis?.client ?? null, this.#environment, this.#without);
  }

  async compare(): ReturnType<DemoRun['compare']> {
    const { checks, specials } = await compare({ environment: this.#environment, firstEvent: this.#load.firstEvent, without: this.#without, ...faults });
    return { checks, specials: { ...specials }, latency: this.#redis?.arrivals.latencies.all() ?? null };
  }

  async close(): Promise<void> {
    await this.#redis?.arrivals.close();
    this.#redis?.client.disconnect();
    await Promise.all([this.#writer.end(), this.#reader.end()]);
  }
}

const demo: Demo = {
  name: names.app,
  systems: names.systems,
  topology: join(import.meta.dirname, 'topology.ts'),
  connectors: [join(ROOT, 'connectors', 'engagement.json')],
  topics: [
    { topic: 'app.public.content', partitions: 4, replicationFactor: 1, config: { 'cleanup.policy': 'compact' } },
    { topic: 'app.public.engagement_events', partitions: 4, replicationFactor: 1, config: {} },
  ],
  services: async (dir) => {
    const folder = partnerFolder(dir);
    const refusing = ['--refuse-every', String(faults.refuseEvery), '--drop-every', String(faults.dropEvery)];
    return [{
      name: 'partner',
      command: [process.execPath, join(import.meta.dirname, 'partner.ts'), '--port', '{port}', '--data', folder, ...refusing],
      port: PARTNER_PORT,
      environment: { PARTNER_TOKEN: await tokenIn(folder) },
      readyPath: '/health',
    }];
  },
  environment: async (dir, stack): Promise<DemoEnvironment> => {
    const url = stack.MILLRACE_PARTNER_URL;
    return url === undefined ? {} : { PARTNER_URL: `${url}/plays`, PARTNER_TOKEN: await tokenIn(partnerFolder(dir)) };
  },
  setUp: async (environment) => {
    const client = new pg.Client({ connectionString: required(environment, 'MILLRACE_PG_URL') });
    await client.connect();
    try {
      await client.query(await readFile(join(import.meta.dirname, 'setup.sql'), 'utf8'));
    } finally {
      await client.end();
    }
  },
  open: (environment, without) => EngagementRun.open(environment, without),
};

export default demo;
