/** A backfill beside live traffic: its rate into Redis and into BigQuery's emulator, and what it does to the latency of live traffic. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { BackfillProgress } from '../../lib/index.ts';
import type { KafkaPort } from '../../lib/kafka/port.ts';
import { runCommand } from '../command.ts';
import { say } from '../say.ts';
import { openPort, type StackEnvironment } from '../stack.ts';
import { INPUT, OUTPUT, PARTITIONS } from './topology.ts';
import { orderOf, sendOrders, Traffic, type Latency } from './traffic.ts';

const MAIN = join(import.meta.dirname, '..', '..', 'lib', 'cli', 'main.ts');
const TOPOLOGY = join(import.meta.dirname, 'topology.ts');
const TIMEOUT_MS = 240_000;
const CHUNK = 10_000;
const LIVE_RATE = 200;
const SETTLE_MS = 5_000;
/** Below what the machine could do: the bound is there so that live traffic goes on. */
const REDIS_RATE = 9_000;

/** Records a second into Redis, at least; by how much the p99 of live traffic may grow, at most. */
export const LEAST_RATE = 8_000;
export const MOST_GROWTH = 2;

export interface BackfillRun {
  readonly sink: 'orders' | 'rows';
  /** As `--rate`; null: none was given. */
  readonly limit: number | null;
  readonly records: number;
  /** From the last progress before the first record to the end of the range. */
  readonly rate: number;
  readonly before: Latency;
  readonly during: Latency;
}

export interface BackfillBody {
  readonly liveRate: number;
  readonly runs: readonly BackfillRun[];
  readonly passed: { readonly rate: boolean; readonly redisP99: boolean; readonly bigqueryP99: boolean };
}

export interface BackfillBenchOptions {
  readonly environment: StackEnvironment;
  /** Of history into Redis, and of its end into BigQuery. */
  readonly records: number;
  readonly rows: number;
  /** How long live traffic is measured alone. */
  readonly seconds: number;
}

const load = async (port: KafkaPort, records: number, firstMs: number): Promise<void> => {
  await port.admin().createTopics([INPUT, OUTPUT].map((topic) => ({ topic, partitions: PARTITIONS, replicationFactor: 1, config: {} })));
  const producer = port.producer(`${INPUT}-load`, { transactionTimeoutMs: 60_000 });
  await producer.init();
  for (let first = 0; first < records; first += CHUNK) {
    await sendOrders(producer, Array.from({ length: Math.min(CHUNK, records - first) }, (_, i) => orderOf(first + i, firstMs + first + i)));
  }
  await producer.close();
};

const measure = async (traffic: Traffic, { environment, seconds }: BackfillBenchOptions, run: Pick<BackfillRun, 'sink' | 'limit'>, from: string): Promise<BackfillRun> => {
  traffic.latency();
  await sleep(seconds * 1_000);
  const before = traffic.latency();
  const seen: { readonly atMs: number; readonly progress: BackfillProgress }[] = [];
  const { code, stderr } = await runCommand(
    process.execPath,
    [MAIN, 'backfill', TOPOLOGY, '--from', from, '--only', run.sink, '--name', run.sink, ...(run.limit === null ? [] : ['--rate', String(run.limit)]), '--json'],
    {
      environment: { ...environment, MILLRACE_LOG_LEVEL: 'warn' }, timeoutMs: TIMEOUT_MS,
      onLine: (line) => {
        const said = JSON.parse(line) as { readonly type: string } & BackfillProgress;
        if (said.type === 'start') traffic.latency();
        if (said.type === 'progress') seen.push({ atMs: performance.now(), progress: said });
      },
    },
  );
  const during = traffic.latency();
  if (code !== 0) throw new Error(`the backfill ended with code ${code}: ${stderr}`);
  const first = seen.findLast(({ progress }) => progress.records === 0) ?? seen[0]!;
  const last = seen.find(({ progress }) => progress.records === progress.totalRecords)!;
  const { records } = last.progress;
  return { ...run, records, rate: Math.round((records - first.progress.records) * 1_000 / (last.atMs - first.atMs)), before, during };
};

const asText = ({ sink, records, rate, before, during }: BackfillRun): string =>
  `  ${sink}: ${records.toLocaleString('en-US')} records at ${rate.toLocaleString('en-US')}/s; live p99 ${Math.round(before.p99Ms)} ms before, ${Math.round(during.p99Ms)} ms during`;

/** Until the live worker has been through the history. */
const caughtUp = async (traffic: Traffic): Promise<void> => {
  const deadlineMs = performance.now() + TIMEOUT_MS;
  for (let quiet = 0; quiet < 2;) {
    if (performance.now() > deadlineMs) throw new Error('live traffic does not come through');
    await sleep(1_000);
    const { records, p99Ms } = traffic.latency();
    quiet = records > 0 && p99Ms < 2_000 ? quiet + 1 : 0;
  }
};

export const runBackfill = async (options: BackfillBenchOptions): Promise<BackfillBody> => {
  const { environment, records, rows } = options;
  const port = openPort(environment);
  const firstMs = Date.now() - records;
  say(`Backfill: ${records.toLocaleString('en-US')} records of history, live traffic of ${LIVE_RATE} a second`);
  await load(port, records, firstMs);
  const live = spawn(process.execPath, [MAIN, 'run', TOPOLOGY, '--without-sink', 'rows'], { env: { ...process.env, ...environment, MILLRACE_LOG_LEVEL: 'warn', MILLRACE_HTTP_PORT: 'off' }, stdio: ['ignore', 'ignore', 'inherit'] });
  const traffic = new Traffic(port, LIVE_RATE, records);
  try {
    traffic.start();
    await caughtUp(traffic);
    await sleep(SETTLE_MS);
    const runs: BackfillRun[] = [];
    for (const [run, from] of [
      [{ sink: 'orders', limit: REDIS_RATE }, 'earliest'],
      [{ sink: 'rows', limit: null }, new Date(firstMs + records - rows).toISOString()],
    ] as const) {
      runs.push(await measure(traffic, options, run, from));
      say(asText(runs.at(-1)!));
    }
    const calm = ({ before, during }: BackfillRun): boolean => during.p99Ms <= MOST_GROWTH * before.p99Ms;
    return { liveRate: LIVE_RATE, runs, passed: { rate: runs[0]!.rate >= LEAST_RATE, redisP99: calm(runs[0]!), bigqueryP99: calm(runs[1]!) } };
  } finally {
    await traffic.stop();
    if (live.exitCode === null) {
      const exited = once(live, 'exit');
      live.kill('SIGTERM');
      await exited;
    }
    await port.close();
  }
};
