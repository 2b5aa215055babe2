/** How `millrace start` runs this example. */
import { randomBytes } from 'node:crypto';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import pg from 'pg';
import type { Demo, DemoEnvironment, DemoRun } from '../../lib/cli/start/demo.ts';
import { compare } from './compare.ts';
import { required } from './compare/topics.ts';
import { generateBounded, generateSteadily, type GeneratorOptions } from './generator.ts';
import { ArrivalWatch, readTopEntries } from './live.ts';
import { faults } from './names.ts';
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
  readonly #redis: Redis;
  readonly #arrivals: ArrivalWatch;
  /** Contents of this run's events changed at barriers only from this event on; none while the load is steady. */
  #firstEvent = Number.MAX_SAFE_INTEGER;
  #written = 0;

  private constructor(environment: DemoEnvironment) {
    const connectionString = required(environment, 'MILLRACE_PG_URL');
    this.#environment = environment;
    this.#writer = new pg.Client({ connectionString });
    this.#reader = new pg.Client({ connectionString });
    this.#redis = new Redis(required(environment, 'MILLRACE_REDIS_URL'));
    this.#redis.on('error', () => undefined);
    this.#arrivals = new ArrivalWatch(required(environment, 'MILLRACE_REDIS_URL'));
  }

  static async open(environment: DemoEnvironment): Promise<EngagementRun> {
    const run = new EngagementRun(environment);
    await Promise.all([run.#writer.connect(), run.#reader.connect()]);
    return run;
  }

  #generator(options: { readonly seed: number; readonly signal: AbortSignal }): GeneratorOptions {
    return {
      client: this.#writer,
      seed: options.seed,
      signal: options.signal,
      onCommitted: (ids, committedAtMs) => {
        this.#written += ids.length;
        this.#arrivals.committed(ids, committedAtMs);
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
    return { written: this.#written, latency: this.#arrivals.latencies.window(Date.now()), top: await readTopEntries(this.#redis) };
  }

  progress(): ReturnType<DemoRun['progress']> {
    return readProgress(this.#reader, this.#redis, this.#environment);
  }

  async compare(): ReturnType<DemoRun['compare']> {
    const { checks, specials } = await compare({ environment: this.#environment, firstEvent: this.#firstEvent, ...faults });
    return { checks, specials: { ...specials }, latency: this.#arrivals.latencies.all() };
  }

  async close(): Promise<void> {
    await this.#arrivals.close();
    this.#redis.disconnect();
    await Promise.all([this.#writer.end(), this.#reader.end()]);
  }
}

const demo: Demo = {
  name: 'engagement',
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
  environment: async (dir, stack) => ({ PARTNER_URL: `${required(stack, 'MILLRACE_PARTNER_URL')}/plays`, PARTNER_TOKEN: await tokenIn(partnerFolder(dir)) }),
  setUp: async (environment) => {
    const client = new pg.Client({ connectionString: required(environment, 'MILLRACE_PG_URL') });
    await client.connect();
    try {
      await client.query(await readFile(join(import.meta.dirname, 'setup.sql'), 'utf8'));
    } finally {
      await client.end();
    }
  },
  open: (environment) => EngagementRun.open(environment),
};

export default demo;
