/** The workers of the engagement example, as `millrace run --workers` starts them. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import demo from '../../examples/engagement/demo.ts';
import type { StageFigures, WorkerFigures } from '../../lib/index.ts';
import { startWorkers } from '../../lib/cli/run.ts';
import type { BenchStack } from '../stack.ts';

const READY_TIMEOUT_MS = 90_000;
const POLL_MS = 500;
const PARTITIONS = 4;

export interface StageSum {
  readonly stage: string;
  readonly sink: string | null;
  readonly tasks: number;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly lagRecords: number;
  readonly deadLetters: number;
  readonly aborts: number;
}

const sumOf = (all: readonly StageFigures[]): StageSum => {
  const sum = (field: 'tasks' | 'recordsIn' | 'recordsOut' | 'lagRecords' | 'deadLetters' | 'aborts'): number => all.reduce((total, figures) => total + figures[field], 0);
  return {
    stage: all[0]!.stage, sink: all[0]!.sink, tasks: sum('tasks'), recordsIn: sum('recordsIn'), recordsOut: sum('recordsOut'), lagRecords: sum('lagRecords'),
    deadLetters: sum('deadLetters'), aborts: sum('aborts'),
  };
};

/** Sums over the workers, a line per stage. */
export const stageSums = (workers: readonly WorkerFigures[]): readonly StageSum[] => [...Map.groupBy(workers.flatMap(({ stages }) => stages), ({ stage }) => stage).values()].map(sumOf);

export interface LiveWorkers {
  stages(): readonly StageSum[];
  pids(): readonly number[];
  /** Throws when a worker has ended that nobody asked to. */
  check(): void;
  stop(): Promise<void>;
}

export interface LiveOptions {
  readonly workers: number;
  /** Settings that differ from the defaults, as MILLRACE_ variables. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Starts the workers and waits until all their tasks are open and nothing is left to do. */
export const startLive = async ({ dir, environment }: BenchStack, { workers, settings }: LiveOptions): Promise<LiveWorkers> => {
  mkdirSync(join(dir, 'logs'), { recursive: true });
  const log = openSync(join(dir, 'logs', 'workers.log'), 'a');
  const last = new Map<string, WorkerFigures>();
  let ends = 0;
  const started = startWorkers(demo.topology, {
    workers,
    environment: { ...process.env, ...environment, MILLRACE_LOG_LEVEL: 'warn', ...settings },
    stderr: log,
    onFigures: (figures) => last.set(figures.worker, figures),
    onRestart: () => { ends += 1; },
    onExit: () => { ends += 1; },
  });
  const live: LiveWorkers = {
    stages: () => stageSums([...last.values()]),
    pids: () => started.pids,
    check: () => {
      if (ends > 0) throw new Error('a worker ended by itself; its log is logs/workers.log in the folder of the stack');
    },
    stop: async () => {
      await started.stop();
      closeSync(log);
    },
  };
  try {
    await untilIdle(live, READY_TIMEOUT_MS);
    return live;
  } catch (error) {
    await live.stop();
    throw error;
  }
};

const isIdle = (stages: readonly StageSum[]): boolean => stages.length > 0 && stages.every(({ tasks, lagRecords }) => tasks === PARTITIONS && lagRecords === 0);

/** Waits until every task is open and no stage has anything to do, twice in a row. */
export const untilIdle = async (live: LiveWorkers, timeoutMs: number): Promise<void> => {
  const deadlineMs = performance.now() + timeoutMs;
  let since = 0;
  while (since < 3) {
    if (performance.now() > deadlineMs) throw new Error(`the workers are not idle after ${timeoutMs / 1_000} s: ${live.stages().filter((s) => s.tasks !== PARTITIONS || s.lagRecords > 0).map((s) => `${s.stage} has ${s.tasks} tasks, lag ${s.lagRecords}`).join(', ')}`);
    live.check();
    await sleep(POLL_MS);
    since = isIdle(live.stages()) ? since + 1 : 0;
  }
};
