/** From the commit in PostgreSQL to the totals in Redis, through the whole stack, exactly once. */
import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Decoder } from '../../examples/engagement/compare/decode.ts';
import { names } from '../../examples/engagement/names.ts';
import { TopicReader } from '../data/topic.ts';
import { percentile } from '../figures.ts';
import { say } from '../say.ts';
import { EVENTS_TOPIC, openPort, type BenchStack } from '../stack.ts';
import { startLoad } from './load.ts';
import { match, type Applied, type Matched } from './match.ts';
import { TotalsWatch } from './totals-watch.ts';
import { startLive, untilIdle, type LiveWorkers } from './workers.ts';

export interface LatencyRun {
  readonly commitIntervalMs: number;
  /** Events per second that were asked for, and committed during the measured time. */
  readonly rate: number;
  readonly achieved: number;
  readonly seconds: number;
  readonly measured: number;
  readonly missing: number;
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
  /** Part of the machine's CPU time that was not idle, 0 to 1. */
  readonly busy: number;
}

export interface LatencyBody {
  readonly workers: number;
  readonly targets: { readonly p50Ms: number; readonly p99Ms: number; readonly commitIntervalMs: number };
  readonly runs: readonly LatencyRun[];
  readonly passed: boolean;
}

export interface LatencyOptions {
  readonly rate: number;
  readonly workers: number;
  /** The first is held to the targets; the others are measured beside it. */
  readonly runs: readonly { readonly commitIntervalMs: number; readonly warmUpS: number; readonly seconds: number }[];
}

const TARGETS = { p50Ms: 250, p99Ms: 750 } as const;
const DRAIN_TIMEOUT_MS = 60_000;
const US_PER_MS = 1_000;

const cpuTimes = (): { readonly idle: number; readonly all: number } => {
  const times = cpus().map((cpu) => cpu.times);
  return { idle: times.reduce((sum, t) => sum + t.idle, 0), all: times.reduce((sum, t) => sum + t.idle + t.user + t.nice + t.sys + t.irq, 0) };
};

/** What the topics say of the measured events: when each was committed, and in which order they were added. */
const readTopics = async (stack: BenchStack, events: TopicReader, enriched: TopicReader): Promise<{ readonly commits: ReadonlyMap<string, number>; readonly applied: readonly Applied[] }> => {
  const decoder = new Decoder(stack.environment.MILLRACE_REGISTRY_URL!);
  const commits = new Map<string, number>();
  for await (const batch of events.read()) {
    for (let i = 0; i < batch.count; i += 1) {
      const change = (await decoder.decode(batch.value(i))) as { readonly after: { readonly id: string } | null; readonly source: { readonly ts_us: string } } | null;
      if (change?.after != null) commits.set(change.after.id, Number(change.source.ts_us) / US_PER_MS);
    }
  }
  const applied: Applied[] = [];
  for await (const batch of enriched.read()) {
    for (let i = 0; i < batch.count; i += 1) {
      const row = (await decoder.decode(batch.value(i)))!;
      applied.push({ content: String(row.content_id), event: String(row.event_id) });
    }
  }
  return { commits, applied };
};

interface Window {
  readonly matched: Matched;
  readonly achieved: number;
  readonly busy: number;
}

/** Lets the load run and says what happened in the measured part of it. */
const underLoad = async (stack: BenchStack, rate: number, warmUpS: number, seconds: number) => {
  const load = await startLoad(stack.environment, rate);
  try {
    await sleep(warmUpS * 1_000);
    const [fromMs, before, cpuBefore] = [Date.now(), load.written(), cpuTimes()];
    await sleep(seconds * 1_000);
    const [toMs, after, cpuAfter] = [Date.now(), load.written(), cpuTimes()];
    return { fromMs, toMs, rows: after - before, busy: 1 - (cpuAfter.idle - cpuBefore.idle) / (cpuAfter.all - cpuBefore.all) };
  } finally {
    await load.stop();
  }
};

const measure = async (stack: BenchStack, live: LiveWorkers, rate: number, warmUpS: number, seconds: number): Promise<Window> => {
  const port = openPort(stack.environment);
  const events = await TopicReader.open(port, EVENTS_TOPIC, 'end');
  const enriched = await TopicReader.open(port, names.enrichedTopic, 'end');
  const watch = await TotalsWatch.open(stack.environment.MILLRACE_REDIS_URL!);
  try {
    const { fromMs, toMs, rows, busy } = await underLoad(stack, rate, warmUpS, seconds);
    await untilIdle(live, DRAIN_TIMEOUT_MS);
    const matched = match({ ...(await readTopics(stack, events, enriched)), base: watch.base, readings: watch.readings, fromMs, toMs });
    return { matched, achieved: (rows * 1_000) / (toMs - fromMs), busy };
  } finally {
    await watch.close();
    await port.close();
  }
};

const ms = (value: number): number => Math.round(value);

export const runLatency = async (stack: BenchStack, { rate, workers, runs }: LatencyOptions): Promise<LatencyBody> => {
  const done: LatencyRun[] = [];
  for (const { commitIntervalMs, warmUpS, seconds } of runs) {
    say(`Latency at ${rate} events/s, commitIntervalMs ${commitIntervalMs}: ${warmUpS} s to warm up, ${seconds} s measured`);
    const live = await startLive(stack, { workers, settings: { MILLRACE_COMMIT_INTERVAL_MS: String(commitIntervalMs) } });
    try {
      const { matched: { latencies, missing }, achieved, busy } = await measure(stack, live, rate, warmUpS, seconds);
      const at = (share: number): number => ms(percentile(latencies, share));
      const run = {
        commitIntervalMs, rate, achieved: Math.round(achieved), seconds, measured: latencies.length, missing,
        p50Ms: at(0.5), p90Ms: at(0.9), p99Ms: at(0.99), maxMs: at(1), busy: Number(busy.toFixed(2)),
      };
      say(`  p50 ${run.p50Ms} ms, p90 ${run.p90Ms} ms, p99 ${run.p99Ms} ms, max ${run.maxMs} ms of ${run.measured} events, ${missing} missing, machine ${Math.round(100 * busy)} % busy`);
      done.push(run);
    } finally {
      await live.stop();
    }
  }
  const first = done[0]!;
  const passed = first.missing === 0 && first.measured > 0 && first.p50Ms <= TARGETS.p50Ms && first.p99Ms <= TARGETS.p99Ms;
  say(`  p50 at most ${TARGETS.p50Ms} ms and p99 at most ${TARGETS.p99Ms} ms: ${passed ? 'passed' : 'NOT PASSED'}`);
  return { workers, targets: { ...TARGETS, commitIntervalMs: first.commitIntervalMs }, runs: done, passed };
};
