/** How a load goes: what is behind, and how large the workers are. */
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { mean, slope } from '../figures.ts';
import { EVENTS_TOPIC } from '../stack.ts';
import type { Load } from './load.ts';
import type { LiveWorkers, StageSum } from './workers.ts';

export interface Sample {
  /** Seconds since the load began. */
  readonly atS: number;
  /** Rows committed since then. */
  readonly written: number;
  /** Rows that Debezium or the first stage have still to do, and the largest lag of a later stage: what the last sink is behind by. */
  readonly behind: number;
  /** The stage with that largest lag. */
  readonly slowest: string;
  /** Resident memory of each worker, MB. */
  readonly rssMb: readonly number[];
}

const residentMb = async (pid: number): Promise<number> => {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  return Math.round(Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) / 1_024);
};

/** What the first stage has read. */
export const readBySource = (stages: readonly StageSum[]): number => stages.find(({ stage }) => stage === EVENTS_TOPIC)?.recordsIn ?? 0;

/** Rows behind, given the rows written and what the first stage had read before. */
export const behindOf = (stages: readonly StageSum[], written: number, readBefore: number): Pick<Sample, 'behind' | 'slowest'> => {
  const source = Math.max(0, written - (readBySource(stages) - readBefore));
  const later = stages.filter(({ stage }) => stage !== EVENTS_TOPIC).reduce((a, b) => (b.lagRecords > a.lagRecords ? b : a), { stage: EVENTS_TOPIC, lagRecords: 0 });
  return { behind: source + later.lagRecords, slowest: source > later.lagRecords ? EVENTS_TOPIC : later.stage };
};

export interface WatchOptions {
  readonly live: LiveWorkers;
  readonly load: Load;
  readonly seconds: number;
  readonly everyS: number;
  readonly onSample?: (sample: Sample) => void;
  /** Ends the watch early. */
  readonly until?: (sample: Sample) => boolean;
}

/** Samples while the load runs. */
export const watchLoad = async ({ live, load, seconds, everyS, onSample, until }: WatchOptions): Promise<readonly Sample[]> => {
  const begunMs = performance.now();
  const readBefore = readBySource(live.stages());
  const writtenBefore = load.written();
  const samples: Sample[] = [];
  for (let due = everyS; due <= seconds; due += everyS) {
    await sleep(Math.max(0, due * 1_000 - (performance.now() - begunMs)));
    live.check();
    const written = load.written() - writtenBefore;
    const rssMb = await Promise.all(live.pids().map(residentMb));
    const sample = { atS: Math.round((performance.now() - begunMs) / 100) / 10, written, ...behindOf(live.stages(), written, readBefore), rssMb };
    samples.push(sample);
    onSample?.(sample);
    if (until?.(sample) === true) break;
  }
  return samples;
};

export interface Trend {
  /** Rows committed a second. */
  readonly achieved: number;
  /** Rows by which the backlog grows in a second. */
  readonly growth: number;
  /** Mean backlog of the last quarter of the samples. */
  readonly behindAtEnd: number;
}

/** Without the samples up to `skipS`: the load has to arrive first. */
export const trendOf = (samples: readonly Sample[], skipS: number): Trend => {
  const counted = samples.filter(({ atS }) => atS > skipS);
  const last = counted.slice(Math.floor((counted.length * 3) / 4));
  return {
    achieved: slope(counted.map(({ atS, written }) => ({ at: atS, value: written }))),
    growth: slope(counted.map(({ atS, behind }) => ({ at: atS, value: behind }))),
    behindAtEnd: mean(last.map(({ behind }) => behind)),
  };
};

/** The rate was reached, and what is behind neither grows nor is more than the load of `MOST_BEHIND_S`. */
export const holds = ({ achieved, growth, behindAtEnd }: Trend, rate: number): boolean =>
  achieved >= rate * 0.98 && growth <= rate * 0.01 && behindAtEnd <= rate * MOST_BEHIND_S;

const MOST_BEHIND_S = 2;
const MINUTE_S = 60;

/** Resident memory of all workers together: the mean of each whole minute, MB. */
export const rssByMinute = (samples: readonly Sample[]): readonly number[] => {
  const minutes = Map.groupBy(samples, ({ atS }) => Math.floor((atS - 0.5) / MINUTE_S));
  return [...minutes.values()].map((minute) => Math.round(mean(minute.map(({ rssMb }) => rssMb.reduce((sum, mb) => sum + mb, 0)))));
};

/** In the first half V8 gives the heaps their size; what lives in them does not grow meanwhile. */
const settled = (minutes: readonly number[]): readonly number[] => minutes.slice(Math.ceil(minutes.length / 2));

/** MB by which memory grows in a minute of the second half. */
export const rssGrowth = (minutes: readonly number[]): number => slope(settled(minutes).map((value, at) => ({ at, value })));

/** Memory counts as flat when a minute of the second half adds less than 0.5 % of it; null where there are too few minutes to tell. */
export const isFlat = (minutes: readonly number[]): boolean | null => (settled(minutes).length < 3 ? null : rssGrowth(minutes) <= mean(settled(minutes)) * 0.005);
