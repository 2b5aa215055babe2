/** Everything of a demo that runs: the local stack, tables, topics, connectors and workers; and how it ends. */
import { randomUUID } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Subject } from 'rxjs';
import { applyConnectors, connectorStatus, loadConnectors } from '../../connect/index.ts';
import { systemClock } from '../../core/clock.ts';
import { StopError } from '../../core/errors.ts';
import { createLogger } from '../../core/logger.ts';
import { kafkaPort } from '../../kafka/kafkajs/index.ts';
import { attach, baseServiceNames, down, status, up, type ExtraService, type ServiceName, type Stack } from '../../stack/index.ts';
import { stackProgress } from '../progress.ts';
import { noticesOf, type WorkerNews } from '../run/events.ts';
import { startWorkers, type Workers } from '../run.ts';
import type { Address, WorkerMessage } from '../view/model.ts';
import { addressesOf } from './addresses.ts';
import { bringContainersUp } from './containers.ts';
import type { Demo, DemoEnvironment } from './demo.ts';

export interface PipelineOptions {
  readonly demo: Demo;
  readonly dir: string;
  readonly workers: number;
  /** The servers as ordinary processes, or as containers where a Docker engine answers. */
  readonly servers: 'processes' | 'containers';
  /** Names of the demo's systems that this run is without. */
  readonly without: readonly string[];
  readonly signal: AbortSignal;
  readonly onFigures: (message: WorkerMessage) => void;
  /** Takes what people should know. */
  readonly tell: (text: string) => void;
}

export interface Pipeline {
  readonly environment: DemoEnvironment;
  /** Where to look. */
  readonly addresses: readonly Address[];
  /** Rejects when a worker ends that nobody asked to. */
  readonly failed: Promise<never>;
  stop(): Promise<void>;
}

const CONNECTOR_WAIT_MS = 90_000;
const REQUEST_TIMEOUT_MS = 30_000;

const bringProcessesUp = async (dir: string, own: readonly ServiceName[], services: readonly ExtraService[], signal: AbortSignal): Promise<Stack> => {
  const progress = stackProgress([...own, ...services.map(({ name }) => name)]);
  try {
    return await up({ dir, services: own, extraServices: services, onProgress: progress.onProgress, signal });
  } finally {
    await progress.finish();
  }
};

const createTopics = async (brokers: readonly string[], demo: Demo): Promise<void> => {
  const log = createLogger({ level: 'warn', service: 'start', correlationId: randomUUID() });
  const port = kafkaPort({ brokers, clientId: 'millrace-start', requestTimeoutMs: REQUEST_TIMEOUT_MS, clock: systemClock, log });
  try {
    await port.admin().createTopics(demo.topics);
  } finally {
    await port.close();
  }
};

const startConnectors = async (connectUrl: string, demo: Demo, signal: AbortSignal): Promise<void> => {
  const connectors = await loadConnectors(demo.connectors);
  await applyConnectors(connectors, { connectUrl, signal });
  const names = connectors.map(({ name }) => name);
  const found = await connectorStatus(names, { connectUrl, signal, waitMs: CONNECTOR_WAIT_MS });
  const broken = found.filter(({ running }) => !running);
  if (broken.length === 0) return;
  const causes = broken.map((c) => `${c.name} is ${c.state}: ${c.cause ?? c.tasks.find((t) => t.cause !== undefined)?.cause ?? 'no task runs'}`);
  throw new StopError(`not every connector runs: ${causes.join('; ')}`);
};

const runningNames = async (dir: string): Promise<ReadonlySet<string>> => new Set((await status({ dir })).filter(({ running }) => running).map(({ name }) => name));

/** Stops what this command started; what ran before goes on. */
const stopServices = async (dir: string, before: ReadonlySet<string>): Promise<void> => {
  if (before.size === 0) return void (await down({ dir }));
  const names = [...(await runningNames(dir))].filter((name) => !before.has(name));
  if (names.length === 0) return;
  const stack = await attach({ dir });
  await Promise.all(names.map((name) => stack.stop(name)));
};

const launchWorkers = (options: PipelineOptions, environment: DemoEnvironment, log: number): { readonly workers: Workers; readonly failed: Promise<never> } => {
  const failed = Promise.withResolvers<never>();
  failed.promise.catch(() => undefined);
  const news$ = new Subject<WorkerNews>();
  noticesOf(news$).subscribe(options.tell);
  const workers = startWorkers(options.demo.topology, {
    workers: options.workers,
    environment: { ...process.env, ...environment },
    stderr: log,
    withoutSinks: options.demo.systems.filter(({ name }) => options.without.includes(name)).flatMap(({ sinks }) => sinks),
    onFigures: (figures, url) => options.onFigures({ figures, url }),
    onEvent: (event, worker) => news$.next({ event, worker }),
    onRestart: ({ code, signal, restartMs }) => options.tell(`A worker ended (${signal ?? `code ${code}`}) and is started again in ${restartMs} ms`),
    onExit: (code) => failed.reject(new StopError(`a worker ended with code ${code}`, { hint: `Its log is ${join(options.dir, 'logs', 'workers.log')}` })),
  });
  return { workers, failed: failed.promise };
};

const bringUp = async ({ demo, dir, servers, without, signal }: PipelineOptions, closing: (() => Promise<unknown>)[]): Promise<Pick<Stack, 'endpoints' | 'environment'>> => {
  const services = (await demo.services(dir)).filter(({ name }) => servers === 'containers' || !without.includes(name));
  const own = ((demo.servers ?? baseServiceNames) as readonly ServiceName[]).filter((name) => !without.includes(name));
  if (servers === 'containers') {
    const { stack, stop } = await bringContainersUp({ dir, own, services, without, signal });
    closing.push(stop);
    return stack;
  }
  const before = await runningNames(dir);
  closing.push(() => stopServices(dir, before));
  return bringProcessesUp(dir, own, services, signal);
};

export const startPipeline = async (given: PipelineOptions): Promise<Pipeline> => {
  const options = { ...given, dir: resolve(given.dir) };
  const { demo, dir, signal, tell } = options;
  const closing: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of closing.splice(0).reverse()) await close();
  };
  try {
    await mkdir(join(dir, 'logs'), { recursive: true });
    const stack = await bringUp(options, closing);
    const environment = { ...stack.environment, ...(await demo.environment(dir, stack.environment)) };
    await demo.setUp(environment, options.without);
    await createTopics(stack.endpoints.brokers, demo);
    tell('Tables and topics are there. Starting the connectors');
    await startConnectors(stack.endpoints.connectUrl!, demo, signal);
    signal.throwIfAborted();
    tell(`The connectors run. Starting ${options.workers} workers`);
    const log = openSync(join(dir, 'logs', 'workers.log'), 'a');
    const { workers, failed } = launchWorkers(options, environment, log);
    closing.push(async () => {
      const code = await workers.stop();
      closeSync(log);
      if (code !== 0) tell(`A worker ended with code ${code}. Its log is ${join(dir, 'logs', 'workers.log')}`);
    });
    return { environment, addresses: addressesOf(stack.endpoints, environment, options.without), failed, stop };
  } catch (error) {
    await stop();
    throw error;
  }
};
