/** One fault's own world: an application of three workers, its load, the systems that its sinks write to, and what was seen. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Redis } from 'ioredis';
import { messageOf } from '../../lib/core/errors.ts';
import type { Random } from '../../lib/testing/random.ts';
import { startKafkaProxy, type FrameWatch, type KafkaProxy } from '../integration/support/kafka-proxy.ts';
import { eventually, Lab, type WorkerProcess } from '../integration/support/lab.ts';
import { Proxy } from '../integration/support/proxy.ts';
import { RedisServer } from '../integration/support/redis.ts';
import type { Ground } from './ground.ts';
import { readCommitted } from './java-reader.ts';
import { items, Load } from './load.ts';
import { Partner } from './partner.ts';
import { truthOf } from './truth.ts';
import { checkBoard, checkCopy, checkCounters, checkPartner, checkTotals, checkWarehouse, type Findings } from './verify.ts';
import { Warehouse } from './warehouse.ts';
import { Watch, type Place } from './watch.ts';

export const PARTITIONS = 6;
export const WORKERS = 3;
export const SESSION_TIMEOUT_MS = 6_000;
const TOPOLOGY = 'test/faults/topology.ts';
const SETTLE_TIMEOUT_MS = 90_000;
const RESUME_TIMEOUT_MS = 90_000;
const DRAIN_TIMEOUT_MS = 150_000;
const POLL_MS = 100;
const TAIL_LINES = 3;

export interface SceneSettings {
  /** Events a second. */
  readonly perSecond: number;
  readonly fillingBytes: number;
  /** How the workers reach Kafka; through the proxy `frames` says what becomes of requests and answers. */
  readonly kafka: 'direct' | 'through a proxy';
  /** Where the workers keep their state; on disk they share a folder, which is gone afterwards. */
  readonly state: 'memory' | 'disk';
  /** Added to the workers' environment. */
  readonly environment: Readonly<Record<string, string>>;
}

export const defaultSettings: SceneSettings = { perSecond: 300, fillingBytes: 20, kafka: 'direct', state: 'memory', environment: {} };

export class Scene {
  readonly settings: SceneSettings;
  readonly ground: Ground;
  readonly random: Random;
  readonly lab: Lab;
  /** Behind a proxy, so that a Redis that comes back can be looked at before the workers write to it. */
  readonly redis = new RedisServer('--appendonly', 'yes', '--appendfsync', 'everysec');
  readonly partner = new Partner();
  readonly warehouse: Warehouse;
  /** Those that run. */
  readonly workers = new Set<WorkerProcess>();
  readonly everyWorker: WorkerProcess[] = [];
  frames: FrameWatch = { request: () => 'pass', answer: () => 'pass' };
  readonly resumeS: number[] = [];
  readonly proofs: string[] = [];
  readonly notes: string[] = [];
  readonly failures: string[] = [];
  readonly #dataset: string;
  #redisProxy: Proxy | null = null;
  #redisClient: Redis | null = null;
  #kafkaProxy: KafkaProxy | null = null;
  #stateFolder: string | null = null;
  #watch: Watch | null = null;
  #load: Load | null = null;
  #closed = false;

  constructor(ground: Ground, settings: SceneSettings, random: Random, name: string) {
    this.ground = ground;
    this.settings = settings;
    this.random = random;
    this.lab = new Lab(`fault-${name}`, ground.environment.MILLRACE_KAFKA_BROKERS);
    this.#dataset = this.lab.app.replaceAll('-', '_');
    this.warehouse = new Warehouse(ground.environment, this.#dataset);
  }

  get app(): string {
    return this.lab.app;
  }

  get watch(): Watch {
    return this.#watch!;
  }

  get load(): Load {
    return this.#load!;
  }

  get redisProxy(): Proxy {
    return this.#redisProxy!;
  }

  /** A client of the test's own, beside the proxy. */
  get redisClient(): Redis {
    return this.#redisClient!;
  }

  /** Topics, systems, workers, load; resolves when every task commits. */
  async open(): Promise<void> {
    const { lab, settings } = this;
    await Promise.all([this.redis.start(), this.partner.up()]);
    this.#redisProxy = new Proxy('127.0.0.1', this.redis.port);
    await this.#redisProxy.up();
    this.#redisClient = new Redis(this.redis.url, { maxRetriesPerRequest: null, retryStrategy: () => 50 });
    this.#redisClient.on('error', () => undefined);
    await lab.topic('items', 1, { 'cleanup.policy': 'compact' });
    const topic = await lab.topic('events', PARTITIONS);
    await lab.send(`${this.app}.items`, items.map((item) => ({ key: item.id, value: JSON.stringify(item) })));
    if (settings.kafka === 'through a proxy') {
      const watch: FrameWatch = { request: (request) => this.frames.request(request), answer: (request, frame) => this.frames.answer(request, frame) };
      this.#kafkaProxy = await startKafkaProxy({ broker: lab.brokers, watch });
    }
    if (settings.state === 'disk') this.#stateFolder = await mkdtemp(join(tmpdir(), 'millrace-faults-'));
    // The first one makes the table: BigQuery's emulator fails when several do.
    const first = this.startWorker();
    await this.until(() => this.stages.every((stage) => first.lines.some((line) => line.stage === stage && line.message === 'task open')), () => `the first worker opens tasks of every stage`, SETTLE_TIMEOUT_MS);
    for (let i = 1; i < WORKERS; i += 1) this.startWorker();
    this.#watch = new Watch({ brokers: lab.brokers.split(','), app: this.app, partitions: PARTITIONS });
    this.#load = new Load(lab, { topic, perSecond: settings.perSecond, fillingBytes: settings.fillingBytes });
    await this.settled();
  }

  startWorker(): WorkerProcess {
    // A fault that was cut short may still be under way.
    if (this.#closed) throw new Error('the scene is closed');
    const worker = this.lab.worker(TOPOLOGY, {
      ...this.ground.environment,
      RT_DATASET: this.#dataset,
      RT_REDIS_URL: `redis://127.0.0.1:${this.redisProxy.port}`,
      RT_PARTNER_URL: this.partner.url,
      MILLRACE_SESSION_TIMEOUT_MS: String(SESSION_TIMEOUT_MS),
      MILLRACE_HTTP_PORT: 'off',
      ...(this.#stateFolder === null ? {} : { MILLRACE_STATE: 'disk', MILLRACE_STATE_DIR: this.#stateFolder }),
      ...(this.#kafkaProxy === null ? {} : { MILLRACE_KAFKA_BROKERS: this.#kafkaProxy.address }),
      ...this.settings.environment,
    });
    this.workers.add(worker);
    this.everyWorker.push(worker);
    return worker;
  }

  get stages(): readonly string[] {
    return [`${this.app}.events`, 'by-user', 'board', 'counters', 'partner', 'warehouse'];
  }

  /** The partitions of a stage that a worker has, as it says itself. */
  owned(worker: WorkerProcess, stage: string): readonly number[] {
    const last = worker.lines.findLast((line) => line.stage === stage && (line.message === 'assigned' || String(line.message).startsWith('the group membership was lost')));
    return (last?.partitions ?? []) as readonly number[];
  }

  /** The tasks of a worker whose records can be seen. */
  places(worker: WorkerProcess): readonly Place[] {
    return [
      ...this.owned(worker, `${this.app}.events`).map((task): Place => ({ output: 'copy', task })),
      ...this.owned(worker, 'by-user').map((task): Place => ({ output: 'totals', task })),
    ];
  }

  /** Waits until each running worker has its share of each stage, and each task commits. */
  async settled(): Promise<void> {
    const uncovered = (): string[] => this.stages.filter((stage) => {
      const shares = [...this.workers].map((worker) => this.owned(worker, stage));
      return shares.some((share) => share.length === 0) || shares.flat().length !== PARTITIONS || new Set(shares.flat()).size !== PARTITIONS;
    });
    await this.until(() => uncovered().length === 0, () => `the running workers share all partitions of ${uncovered().join(', ')}`, SETTLE_TIMEOUT_MS);
    const sinceMs = performance.now();
    const silent = (): string[] => [...this.workers].flatMap((worker) => this.places(worker).filter((place) => this.watch.firstAfter(place, sinceMs, this.othersThan(worker)) === undefined).map(({ output, task }) => `${output} ${task}`));
    await this.until(() => silent().length === 0, () => `every task commits; those do not: ${silent().join(', ')}`, SETTLE_TIMEOUT_MS);
  }

  othersThan(worker: WorkerProcess): ReadonlySet<number> {
    return new Set(this.everyWorker.filter((other) => other !== worker).map(({ child }) => child.pid!));
  }

  /** Waits until each of these tasks has committed a record, written by none of these processes, after that time. @returns seconds until the last of them */
  async resumed(places: readonly Place[], sinceMs: number, notBy: readonly WorkerProcess[]): Promise<number> {
    const pids = new Set(notBy.map(({ child }) => child.pid!));
    const first = (place: Place): number | undefined => this.watch.firstAfter(place, sinceMs, pids)?.ms;
    const silent = (): readonly Place[] => places.filter((place) => first(place) === undefined);
    await this.until(() => silent().length === 0, () => `the tasks commit again; those do not: ${silent().map(({ output, task }) => `${output} ${task}`).join(', ')}`, RESUME_TIMEOUT_MS);
    return (Math.max(...places.map((place) => first(place)!)) - sinceMs) / 1_000;
  }

  /** Polls until the condition holds. A worker that ends by itself meanwhile ends the wait. */
  async until(holds: () => boolean | Promise<boolean>, what: () => string, timeoutMs: number): Promise<void> {
    await eventually(async () => {
      const ended = [...this.workers].find(({ child }) => (child.exitCode ?? child.signalCode) !== null);
      if (ended !== undefined) throw new Error(`worker ${ended.child.pid} ended by itself, before this came: ${what()}. ${this.tails()}`);
      return holds();
    }, () => `${what()}. ${this.tails()}`, timeoutMs);
  }

  /** A worker that is meant to be gone. */
  dismiss(worker: WorkerProcess): void {
    this.workers.delete(worker);
  }

  check(holds: boolean, otherwise: string): void {
    if (!holds) this.failures.push(otherwise);
  }

  /** The last things that the workers said. */
  tails(): string {
    const line = ({ timestamp, stage, partition, message, error }: Record<string, unknown>): string => [timestamp, stage, partition, message, error].filter((part) => part !== undefined).join(' ');
    const state = ({ child }: WorkerProcess): string => (child.exitCode ?? child.signalCode) === null ? '' : ` (ended: ${child.exitCode ?? child.signalCode})`;
    return [...this.workers].map((worker) => `\n    worker ${worker.child.pid}${state(worker)} said last: ${worker.lines.slice(-TAIL_LINES).map(line).join(' / ')}`).join('');
  }

  /** Ends the load, waits until everything has come, stops the workers, and compares. @returns how many events there were */
  async finish(): Promise<Findings & { readonly events: number }> {
    await this.load.stop();
    const topic = `${this.app}.events`;
    const events = await this.lab.count(topic);
    let waiting = '';
    await this.until(async () => {
      waiting = await this.#missing(events);
      if (waiting !== '') await delay(POLL_MS);
      return waiting === '';
    }, () => waiting, DRAIN_TIMEOUT_MS).catch((error: Error) => this.failures.push(`${DRAIN_TIMEOUT_MS / 1_000} s without load were to bring all ${events} events everywhere: ${error.message}`));
    for (const worker of this.workers) {
      this.check(worker.child.exitCode === null && worker.child.signalCode === null, `worker ${worker.child.pid} ended by itself: ${JSON.stringify(worker.lines.slice(-5))}`);
      const { code } = await worker.stop();
      this.check(code === 0, `worker ${worker.child.pid} ended with exit code ${code} on SIGTERM: ${JSON.stringify(worker.lines.slice(-5))}`);
    }
    const letters = this.everyWorker.flatMap((worker) => worker.said('a record goes to the dead letters'));
    this.check(letters.length === 0, `records became dead letters: ${JSON.stringify(letters.slice(0, 3))}`);
    const findings: Findings = { lost: 0, duplicated: 0, failures: this.failures };
    const source = await this.lab.read(topic);
    this.check(source.length >= this.load.sent, `the source topic holds ${source.length} events, ${this.load.sent} were confirmed`);
    const truth = truthOf(source);
    const outputs = [`${this.app}.copy`, `${this.app}.totals`] as const;
    const committed = await readCommitted(this.lab.brokers, outputs);
    checkCopy(committed.get(outputs[0])!, truth, findings);
    checkTotals(committed.get(outputs[1])!, truth, findings);
    await checkCounters(this.redisClient, `${this.app}:counters`, truth, findings);
    await checkBoard(this.redisClient, `${this.app}:board`, truth, findings);
    checkPartner(this.partner, truth, findings);
    await checkWarehouse(this.warehouse, truth, findings);
    return { ...findings, events: source.length };
  }

  /** What the sinks still wait for, in words; empty: nothing. */
  async #missing(events: number): Promise<string> {
    const counts: [string, number][] = [['copy', this.watch.count('copy')], ['totals', this.watch.count('totals')], ['the partner', this.partner.accepted.size], ['the counters', await this.counted()]];
    const behind = counts.filter(([, count]) => count < events);
    // The emulator is slow to answer while it is written to: asked last.
    if (behind.length === 0) counts.push(['BigQuery', (await this.warehouse.counts()).records]);
    return counts.filter(([, count]) => count < events).map(([name, count]) => `${name} has ${count} of ${events}`).join(', ');
  }

  /** Events in Redis's counters. */
  async counted(client: Redis = this.redisClient): Promise<number> {
    const fields = await client.hgetall(`${this.app}:counters`);
    return Object.entries(fields).reduce((sum, [field, value]) => sum + (field.endsWith(':n') ? Number(value) : 0), 0);
  }

  /** One file of JSON lines per worker. */
  async saveLogs(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true });
    await Promise.all(this.everyWorker.map((worker, i) => writeFile(join(folder, `worker-${i}-${worker.child.pid}.log`), worker.lines.map((line) => `${JSON.stringify(line)}\n`).join(''))));
  }

  /** Takes everything down, also where a fault has left a system away. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#redisClient?.disconnect();
    for (const step of [
      () => this.#load?.stop(),
      () => this.#watch?.close(),
      () => this.lab.close(),
      () => this.warehouse.drop(),
      () => this.#redisProxy?.down(),
      () => this.#kafkaProxy?.close(),
      () => this.redis.stop(),
      () => this.partner.down(),
      () => (this.#stateFolder === null ? undefined : rm(this.#stateFolder, { recursive: true, force: true })),
    ]) {
      await Promise.resolve(step()).catch((error: unknown) => this.failures.push(`taking the scene down: ${messageOf(error)}`));
    }
  }
}
