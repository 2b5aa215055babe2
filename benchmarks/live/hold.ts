/** A load that is held, and the highest one that can be: through Redis, BigQuery and the partner's HTTP. */
import { Redis } from 'ioredis';
import pg from 'pg';
import { readProgress } from '../../examples/engagement/progress.ts';
import type { Deadline } from '../deadline.ts';
import { say } from '../say.ts';
import type { BenchStack } from '../stack.ts';
import { startLoad } from './load.ts';
import { holds, isFlat, rssByMinute, rssGrowth, trendOf, watchLoad, type Sample, type Trend } from './samples.ts';
import { startLive, untilIdle, type LiveWorkers } from './workers.ts';

const SAMPLE_S = 5;
const SKIP_S = 15;
const DRAIN_TIMEOUT_MS = 120_000;

export interface SinkCount {
  readonly sink: string;
  readonly expected: number;
  readonly actual: number;
}

export interface HoldBody {
  readonly workers: number;
  readonly rate: number;
  readonly seconds: number;
  readonly trend: Trend;
  /** Seconds until everything had arrived, after the load had ended. */
  readonly drainS: number;
  readonly rssByMinute: readonly number[];
  readonly rssGrowth: number;
  /** What each sink must have by SQL and has, over everything since the stack was new. */
  readonly sinks: readonly SinkCount[];
  readonly aborts: number;
  readonly samples: readonly Sample[];
  readonly lagFlat: boolean;
  /** Null where the time was too short to tell. */
  readonly memoryFlat: boolean | null;
  readonly complete: boolean;
}

export interface HoldOptions {
  readonly rate: number;
  readonly workers: number;
  readonly seconds: number;
}

const tellSample = ({ atS, written, behind, slowest, rssMb }: Sample): void =>
  say(`  ${Math.round(atS)} s: ${written.toLocaleString('en-US')} written, ${behind.toLocaleString('en-US')} behind (${slowest}), workers ${rssMb.join(' + ')} MB`);

const countSinks = async ({ environment }: BenchStack): Promise<readonly SinkCount[]> => {
  const client = new pg.Client({ connectionString: environment.MILLRACE_PG_URL! });
  const redis = new Redis(environment.MILLRACE_REDIS_URL!);
  redis.on('error', () => undefined);
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await readProgress(client, redis, environment)).map(({ sink, expected, actual }) => ({ sink, expected, actual }));
  } finally {
    redis.disconnect();
    await client.end();
  }
};

const rounded = ({ achieved, growth, behindAtEnd }: Trend): Trend => ({ achieved: Math.round(achieved), growth: Number(growth.toFixed(1)), behindAtEnd: Math.round(behindAtEnd) });

const drained = async (live: LiveWorkers): Promise<number> => {
  const begunMs = performance.now();
  await untilIdle(live, DRAIN_TIMEOUT_MS);
  return Math.round((performance.now() - begunMs) / 100) / 10;
};

export const runHold = async (stack: BenchStack, { rate, workers, seconds }: HoldOptions): Promise<HoldBody> => {
  say(`Load of ${rate} events/s for ${seconds} s through all sinks`);
  const live = await startLive(stack, { workers, settings: {} });
  try {
    const load = await startLoad(stack.environment, rate);
    const samples = await watchLoad({ live, load, seconds, everyS: SAMPLE_S, onSample: (sample) => { if (Math.round(sample.atS) % 30 === 0) tellSample(sample); } }).finally(() => load.stop());
    const drainS = await drained(live);
    const sinks = await countSinks(stack);
    const trend = trendOf(samples, SKIP_S);
    const minutes = rssByMinute(samples);
    const body: HoldBody = {
      workers, rate, seconds, trend: rounded(trend), drainS, rssByMinute: minutes, rssGrowth: Number(rssGrowth(minutes).toFixed(1)), sinks,
      aborts: live.stages().reduce((sum, stage) => sum + stage.aborts, 0), samples,
      lagFlat: holds(trend, rate), memoryFlat: isFlat(minutes), complete: sinks.every(({ expected, actual }) => expected === actual),
    };
    say(`  ${body.trend.achieved} events/s reached, backlog ${body.trend.behindAtEnd} and growing by ${body.trend.growth} a second: ${body.lagFlat ? 'held' : 'NOT HELD'}`);
    say(`  memory ${minutes.join(', ')} MB by minute, ${body.rssGrowth} MB a minute: ${body.memoryFlat === null ? 'too short to tell' : body.memoryFlat ? 'flat' : 'NOT FLAT'}; sinks ${body.complete ? 'complete' : 'NOT COMPLETE'} after ${drainS} s`);
    return body;
  } finally {
    await live.stop();
  }
};

export interface Step extends Trend {
  readonly rate: number;
  readonly held: boolean;
}

export interface RateBody {
  readonly workers: number;
  readonly stepSeconds: number;
  readonly steps: readonly Step[];
  /** The highest rate that was tried and held; null when none did. */
  readonly highest: number | null;
}

export interface RateOptions {
  readonly first: number;
  readonly workers: number;
  readonly stepSeconds: number;
  readonly deadline: Deadline;
}

const FACTOR = 1.25;
const MOST_STEPS = 8;
const STEP_SKIP_S = 15;
const STEP_SAMPLE_S = 1;

/** Raises the load step by step until one does not hold, or the time is up. */
export const runRate = async (stack: BenchStack, { first, workers, stepSeconds, deadline }: RateOptions): Promise<RateBody> => {
  say(`Looking for the highest load that holds, ${stepSeconds} s a step, from ${first} events/s`);
  const live = await startLive(stack, { workers, settings: {} });
  const steps: Step[] = [];
  try {
    // Workers that have just begun are slower.
    const warmUp = await startLoad(stack.environment, first / 2);
    await watchLoad({ live, load: warmUp, seconds: stepSeconds, everyS: STEP_SAMPLE_S }).finally(() => warmUp.stop());
    await untilIdle(live, DRAIN_TIMEOUT_MS);
    for (let rate = first; steps.length < MOST_STEPS && deadline.leftMs() > 2 * stepSeconds * 1_000; rate = Math.round((rate * FACTOR) / 100) * 100) {
      const load = await startLoad(stack.environment, rate);
      const lost = (sample: Sample): boolean => sample.behind > rate * stepSeconds;
      const samples = await watchLoad({ live, load, seconds: stepSeconds, everyS: STEP_SAMPLE_S, until: lost }).finally(() => load.stop());
      const trend = trendOf(samples, STEP_SKIP_S);
      const step = { rate, ...rounded(trend), held: holds(trend, rate) };
      steps.push(step);
      say(`  ${rate} events/s: ${step.achieved} reached, backlog ${step.behindAtEnd} and growing by ${step.growth} a second: ${step.held ? 'held' : 'not held'}`);
      if (!step.held) break;
      await untilIdle(live, DRAIN_TIMEOUT_MS);
    }
  } finally {
    await live.stop();
  }
  return { workers, stepSeconds, steps, highest: steps.findLast(({ held }) => held)?.rate ?? null };
};
