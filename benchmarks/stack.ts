/** The stacks that the benchmarks run on: one whose input is loaded once and stays, one that is new for each run. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import pg from 'pg';
import { applyConnectors, connectorStatus, loadConnectors } from '../lib/connect/index.ts';
import { systemClock } from '../lib/core/clock.ts';
import { createLogger } from '../lib/core/logger.ts';
import { kafkaPort } from '../lib/kafka/kafkajs/index.ts';
import type { KafkaPort } from '../lib/kafka/port.ts';
import { up, type BaseServiceName, type Stack } from '../lib/stack/index.ts';
import demo from '../examples/engagement/demo.ts';
import { say } from './say.ts';

const ROOT = join(import.meta.dirname, '..');

/** Kept between runs: half a million events in Kafka. */
export const INPUT_DIR = join(ROOT, '.millrace-bench');
/** Deleted at the start of each run, so that every sink begins empty. */
export const LIVE_DIR = join(ROOT, '.millrace-bench-live');

export const EVENTS_TOPIC = 'app.public.engagement_events';

/** New for each run too: rows and events of pairs. */
export const JOIN_DIR = join(ROOT, '.millrace-bench-join');

/** New for each run: records that are counted with transactions and without. */
export const COMMIT_DIR = join(ROOT, '.millrace-bench-commit');

/** New for each run: a changelog, and state restored from it. */
export const RESTORE_DIR = join(ROOT, '.millrace-bench-restore');

/** New for each run: a history, and the sinks that it is written to again. */
export const BACKFILL_DIR = join(ROOT, '.millrace-bench-backfill');

const INPUT_SERVICES: readonly BaseServiceName[] = ['kafka', 'registry', 'postgres', 'connect'];
const INPUT_PORTS = 300;
const LIVE_PORTS = 400;
const JOIN_PORTS = 500;
const COMMIT_PORTS = 600;
const RESTORE_PORTS = 700;
const BACKFILL_PORTS = 800;
const CONNECTOR_WAIT_MS = 120_000;
const REQUEST_TIMEOUT_MS = 30_000;

export type StackEnvironment = Readonly<Record<string, string>>;

const told = (): NonNullable<Parameters<typeof up>[0]['onProgress']> => ({ service, phase, message, elapsedMs }) => {
  if (phase === 'ready' || phase === 'failed') say(`  ${service}: ${message.split('\n')[0]} (${(elapsedMs / 1_000).toFixed(1)} s)`);
};

export const openPort = (environment: StackEnvironment): KafkaPort =>
  kafkaPort({
    brokers: environment.MILLRACE_KAFKA_BROKERS!.split(','),
    clientId: 'millrace-bench',
    requestTimeoutMs: REQUEST_TIMEOUT_MS,
    clock: systemClock,
    log: createLogger({ level: 'error', service: 'bench', correlationId: randomUUID() }),
  });

/** The Go peer reads these columns as nullable ones; the other programs read either. */
const NULLABLE = `
  ALTER TABLE content ALTER COLUMN content_type DROP NOT NULL;
  ALTER TABLE engagement_events ALTER COLUMN content_id DROP NOT NULL, ALTER COLUMN user_id DROP NOT NULL, ALTER COLUMN event_type DROP NOT NULL`;

const makeNullable = async (environment: StackEnvironment): Promise<void> => {
  const client = new pg.Client({ connectionString: environment.MILLRACE_PG_URL! });
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query(NULLABLE);
  } finally {
    await client.end();
  }
};

/** Tables, topics and the connector of the engagement example. */
const setUp = async (stack: Stack, environment: StackEnvironment, change?: (environment: StackEnvironment) => Promise<void>): Promise<void> => {
  await demo.setUp(environment);
  await change?.(environment);
  const port = openPort(environment);
  try {
    await port.admin().createTopics(demo.topics);
  } finally {
    await port.close();
  }
  const connectUrl = stack.endpoints.connectUrl!;
  const connectors = await loadConnectors(demo.connectors);
  await applyConnectors(connectors, { connectUrl });
  const found = await connectorStatus(connectors.map(({ name }) => name), { connectUrl, waitMs: CONNECTOR_WAIT_MS });
  const broken = found.find(({ running }) => !running);
  if (broken !== undefined) throw new Error(`the connector is ${broken.state}: ${broken.cause ?? broken.tasks.find((t) => t.cause !== undefined)?.cause ?? 'no task runs'}`);
};

export interface BenchStack {
  readonly dir: string;
  readonly environment: StackEnvironment;
}

export const inputStack = async (): Promise<BenchStack> => {
  say('Bringing up the stack with the input (Kafka, registry, PostgreSQL, Connect)');
  const stack = await up({ dir: INPUT_DIR, services: INPUT_SERVICES, portOffset: INPUT_PORTS, onProgress: told() });
  await setUp(stack, stack.environment, makeNullable);
  return { dir: INPUT_DIR, environment: stack.environment };
};

export const joinStack = async (): Promise<BenchStack> => {
  say('Bringing up a stack for pairs of rows and events (Kafka, registry, PostgreSQL, Connect)');
  const stack = await up({ dir: JOIN_DIR, services: INPUT_SERVICES, portOffset: JOIN_PORTS, onProgress: told() });
  await setUp(stack, stack.environment);
  return { dir: JOIN_DIR, environment: stack.environment };
};

export const commitStack = async (): Promise<BenchStack> => {
  say('Bringing up Kafka');
  const stack = await up({ dir: COMMIT_DIR, services: ['kafka'], portOffset: COMMIT_PORTS, onProgress: told() });
  return { dir: COMMIT_DIR, environment: stack.environment };
};

/** A broker for state that comes back. */
export const restoreStack = async (): Promise<BenchStack> => {
  say('Bringing up Kafka');
  const stack = await up({ dir: RESTORE_DIR, services: ['kafka'], portOffset: RESTORE_PORTS, onProgress: told() });
  return { dir: RESTORE_DIR, environment: stack.environment };
};

export const backfillStack = async (): Promise<BenchStack> => {
  say("Bringing up Kafka, Redis and BigQuery's emulator");
  const stack = await up({ dir: BACKFILL_DIR, services: ['kafka', 'redis', 'bigquery'], portOffset: BACKFILL_PORTS, onProgress: told() });
  return { dir: BACKFILL_DIR, environment: stack.environment };
};

/** All services and the partner of the example. */
export const liveStack = async (): Promise<BenchStack> => {
  say('Bringing up the whole stack');
  const stack = await up({ dir: LIVE_DIR, portOffset: LIVE_PORTS, extraServices: await demo.services(LIVE_DIR), onProgress: told() });
  const environment = { ...stack.environment, ...(await demo.environment(LIVE_DIR, stack.environment)) };
  await setUp(stack, environment);
  return { dir: LIVE_DIR, environment };
};
