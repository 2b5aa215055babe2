/** How fast state comes back: from its changelog into memory and onto disk, beside a plain KafkaJS consumer, and from the disk after a restart. */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { partitionOf } from '../../lib/kafka/partitioner.ts';
import type { KafkaPort } from '../../lib/kafka/port.ts';
import { names } from '../../lib/plan/names.ts';
import { runCommand } from '../command.ts';
import { median } from '../figures.ts';
import { say } from '../say.ts';
import { openPort, type StackEnvironment } from '../stack.ts';
import type { Measured } from './reader.ts';
import { APP, CHANGELOG, INPUT, OUTPUT, PARTITIONS, type Total } from './topology.ts';
import type { Said } from './worker.ts';

const TIMEOUT_MS = 180_000;
const CHUNK = 20_000;
const NOTE = 'a note of the size that notes have, so that a state is not only numbers';

export const MODES = ['raw', 'memory', 'disk'] as const;
export type Mode = (typeof MODES)[number];

/** Least share of the plain consumer's rate. */
export const LEAST_SHARE = { memory: 0.6, disk: 0.4 } as const;
/** Longest time from the start of a process to its first commit, with all its state on disk. */
export const MOST_RESTART_MS = 5_000;

export interface RestoreRate {
  readonly mode: Mode;
  /** Records a second, the median of the rounds. */
  readonly rate: number;
  /** Of the plain consumer's, the median of the rounds. */
  readonly share: number;
}

export interface RestoreBody {
  readonly keys: number;
  readonly rounds: number;
  readonly rates: readonly RestoreRate[];
  readonly restart: { readonly firstCommitMs: number; readonly restoredMs: number; readonly records: number };
  readonly passed: { readonly memory: boolean; readonly disk: boolean; readonly restart: boolean };
}

export interface RestoreOptions {
  readonly environment: StackEnvironment;
  readonly keys: number;
  readonly rounds: number;
}

const keyOf = (n: number): string => `customer-${String((n * 7_919) % 10_000_019).padStart(8, '0')}`;

const load = async (port: KafkaPort, keys: number): Promise<void> => {
  const config = { 'cleanup.policy': 'compact', 'min.cleanable.dirty.ratio': '0.99' };
  await port.admin().createTopics([
    { topic: CHANGELOG, partitions: PARTITIONS, replicationFactor: 1, config },
    ...[INPUT, OUTPUT].map((topic) => ({ topic, partitions: PARTITIONS, replicationFactor: 1, config: {} })),
  ]);
  const producer = port.producer('bench-restore-load', { transactionTimeoutMs: 60_000 });
  await producer.init();
  for (let first = 0; first < keys; first += CHUNK) {
    const batch = producer.batch();
    for (let n = first; n < Math.min(keys, first + CHUNK); n += 1) {
      const key = Buffer.from(keyOf(n));
      batch.append(CHANGELOG, partitionOf(key, PARTITIONS), key, JSON.stringify({ orders: n % 50, amount: n % 10_000, note: NOTE } satisfies Total), Date.now());
    }
    await producer.send(batch);
    // A worker refuses state that no offsets stand for.
    await producer.sendOffsets(names.group(APP, INPUT), Array.from({ length: PARTITIONS }, (_, partition) => ({ topic: INPUT, partition, offset: 0 })));
    await producer.commit();
  }
  await producer.close();
};

/** One record for each partition, so that every task has something to commit. */
const order = async (port: KafkaPort): Promise<void> => {
  const producer = port.producer('bench-restore-orders', { transactionTimeoutMs: 60_000 });
  await producer.init();
  const batch = producer.batch();
  for (let partition = 0; partition < PARTITIONS; partition += 1) batch.append(INPUT, partition, 'new', '{"amount":1}', Date.now());
  await producer.send(batch);
  await producer.commit();
  await producer.close();
};

const readOnce = async (mode: Mode, { environment, keys }: RestoreOptions): Promise<number> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-restore-'));
  try {
    const { code, stdout, stderr } = await runCommand(process.execPath, [join(import.meta.dirname, 'reader.ts'), mode, folder], {
      environment: { KAFKA: environment.MILLRACE_KAFKA_BROKERS!, RECORDS: String(keys) }, timeoutMs: TIMEOUT_MS,
    });
    if (code !== 0) throw new Error(`reader.ts ${mode} ended with code ${code}: ${stderr}`);
    const { ms, records } = JSON.parse(stdout) as Measured;
    if (records !== keys) throw new Error(`${mode}: ${records} records in place of ${keys}`);
    return (records / ms) * 1_000;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

/** Runs a worker until it has said that; stops it gracefully. */
const worker = async (environment: StackEnvironment, folder: string): Promise<readonly Said[]> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'worker.ts'), folder], { env: { ...process.env, KAFKA: environment.MILLRACE_KAFKA_BROKERS! }, stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = new Promise((resolve) => child.once('exit', resolve));
  const late = setTimeout(() => child.kill('SIGKILL'), TIMEOUT_MS);
  const said: Said[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    said.push(JSON.parse(line) as Said);
    if (said.some(({ what }) => what === 'restored') && said.some(({ what }) => what === 'committed')) child.kill('SIGTERM');
  }
  await exited;
  clearTimeout(late);
  if (said.length < 2) throw new Error(`the worker said only ${JSON.stringify(said)}`);
  return said;
};

const restart = async (port: KafkaPort, environment: StackEnvironment): Promise<RestoreBody['restart']> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-restart-'));
  try {
    await order(port);
    await worker(environment, folder);
    await order(port);
    const said = await worker(environment, folder);
    const of = (what: Said['what']): Said => said.find((line) => line.what === what)!;
    return { firstCommitMs: Math.round(of('committed').sinceStartMs), restoredMs: Math.round(of('restored').sinceStartMs), records: of('restored').records };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

export const runRestore = async (options: RestoreOptions): Promise<RestoreBody> => {
  const { environment, keys, rounds } = options;
  say(`Restore: ${keys.toLocaleString('en-US')} keys in ${PARTITIONS} partitions`);
  const port = openPort(environment);
  try {
    await load(port, keys);
    const found: Record<Mode, number>[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const rates: Record<Mode, number> = { raw: 0, memory: 0, disk: 0 };
      for (const mode of MODES) rates[mode] = await readOnce(mode, options);
      say(`  ${MODES.map((mode) => `${mode} ${Math.round(rates[mode]).toLocaleString('en-US')} records/s`).join(', ')}`);
      found.push(rates);
    }
    const rates = MODES.map((mode): RestoreRate => ({ mode, rate: Math.round(median(found.map((round) => round[mode]))), share: Number(median(found.map((round) => round[mode] / round.raw)).toFixed(3)) }));
    const again = await restart(port, environment);
    say(`  a restart with its state on disk: ${again.records} records read, first commit after ${again.firstCommitMs} ms`);
    const share = (mode: Mode): number => rates.find((rate) => rate.mode === mode)!.share;
    return {
      keys, rounds, rates, restart: again,
      passed: { memory: share('memory') >= LEAST_SHARE.memory, disk: share('disk') >= LEAST_SHARE.disk, restart: again.firstCommitMs <= MOST_RESTART_MS },
    };
  } finally {
    await port.close();
  }
};
