/** What is asked of the commit, and what the runs say of it. Values without I/O. */
import { median } from '../figures.ts';

export type Guarantee = 'exactly-once' | 'at-least-once';

export const TASKS = [4, 16] as const;
/** Of the throughput at least once, at most so much is lost to exactly once. */
export const MOST_COST = 0.15;

export interface CommitRun {
  readonly guarantee: Guarantee;
  readonly tasks: number;
  readonly round: number;
  /** Records a second, from the first record to the last commit. */
  readonly rate: number;
  readonly cpuSecondsPerMillion: number;
  readonly commits: number;
  /** Records that a reader of committed ones then found on the output. */
  readonly output: number;
}

export interface CommitCost {
  readonly tasks: number;
  /** Medians. */
  readonly exactlyOnce: number;
  readonly atLeastOnce: number;
  /** 1 - the median of the ratios of runs that followed each other; null without such a pair. */
  readonly cost: number | null;
  readonly passed: boolean | null;
}

/** By turns, beginning with the other one in every other round, so that drift hits both. */
export const order = (round: number): readonly Guarantee[] => (round % 2 === 0 ? ['exactly-once', 'at-least-once'] : ['at-least-once', 'exactly-once']);

export const costs = (runs: readonly CommitRun[]): readonly CommitCost[] => TASKS.map((tasks) => {
  const of = (guarantee: Guarantee): readonly CommitRun[] => runs.filter((run) => run.tasks === tasks && run.guarantee === guarantee);
  const ratios = of('exactly-once').flatMap(({ round, rate }) => of('at-least-once').filter((other) => other.round === round).map((other) => rate / other.rate));
  const cost = ratios.length === 0 ? null : Number((1 - median(ratios)).toFixed(3));
  return {
    tasks,
    exactlyOnce: Math.round(median(of('exactly-once').map(({ rate }) => rate))),
    atLeastOnce: Math.round(median(of('at-least-once').map(({ rate }) => rate))),
    cost,
    passed: cost === null ? null : cost <= MOST_COST,
  };
});
