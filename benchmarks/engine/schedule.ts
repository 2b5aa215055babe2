/** Which programs run, in what order, and what is asked of ours. Values without I/O. */
import { median } from '../figures.ts';
import type { Run } from './peers.ts';

export interface Program {
  readonly peer: 'millrace' | 'streams' | 'kafkajs' | 'go';
  /** As the results name it. */
  readonly variant: string;
}

export interface OurProgram extends Program {
  readonly peer: 'millrace';
  readonly program: 'global' | 'repartition';
  readonly workers: number;
}

const ours = (program: OurProgram['program'], workers: number): OurProgram => ({ peer: 'millrace', variant: `${program}-eos-w${workers}`, program, workers });
const streams = (variant: string): Program => ({ peer: 'streams', variant });

/** Ours beside what it is compared with. */
const PAIRS: readonly (readonly [OurProgram, Program])[] = [
  [ours('global', 1), streams('global-eos-t1')],
  [ours('global', 2), streams('global-eos-t2')],
  [ours('repartition', 2), streams('repartition-eos-t2')],
];
const BESIDE: readonly Program[] = [ours('repartition', 1), { peer: 'kafkajs', variant: 'txn' }, { peer: 'go', variant: 'txn' }];

export const isOurs = (program: Program): program is OurProgram => program.peer === 'millrace';

/** One round: ours and theirs by turns, beginning with the other one in every other round, so that drift hits both. */
export const round = (index: number): readonly Program[] => [...PAIRS.flatMap(([a, b]) => (index % 2 === 0 ? [a, b] : [b, a])), ...BESIDE];

export const allPeers: readonly string[] = ['streams', 'kafkajs', 'go'];

export interface Target {
  readonly ours: string;
  readonly theirs: string;
  /** Least ratio of the medians of the rates. */
  readonly atLeast: number;
}

export const targets: readonly Target[] = [
  { ours: 'global-eos-w2', theirs: 'global-eos-t2', atLeast: 1.2 },
  { ours: 'repartition-eos-w2', theirs: 'repartition-eos-t2', atLeast: 1 },
  { ours: 'global-eos-w1', theirs: 'global-eos-t1', atLeast: 1 },
];

export interface Verdict extends Target {
  /** Null where one of the two has no run whose output was right. */
  readonly ratio: number | null;
  readonly passed: boolean | null;
}

const rates = (runs: readonly Run[], peer: string, variant: string): readonly number[] =>
  runs.filter((run) => run.peer === peer && run.variant === variant && run.ok).map((run) => run.evps);

/** Ratios of the medians against what is asked. */
export const verdicts = (runs: readonly Run[]): readonly Verdict[] => targets.map((target) => {
  const own = rates(runs, 'millrace', target.ours);
  const other = rates(runs, 'streams', target.theirs);
  const ratio = own.length === 0 || other.length === 0 ? null : median(own) / median(other);
  return { ...target, ratio: ratio === null ? null : Number(ratio.toFixed(3)), passed: ratio === null ? null : ratio >= target.atLeast };
});

export interface Summary {
  readonly peer: string;
  readonly variant: string;
  readonly runs: number;
  /** Medians of the runs whose output was right. */
  readonly evps: number;
  readonly lateEvps: number;
  readonly cpuSecondsPerMillion: number;
  readonly brokerCpuSecondsPerMillion: number;
  /** CPU seconds that all the rest of the machine took meanwhile. */
  readonly otherCpuS: number;
  readonly rssMb: number;
  /** Largest number of records whose percentage is one hundredth off. */
  readonly ties: number;
  /** Runs whose output was not what SQL says. */
  readonly wrongRuns: number;
}

const MILLION = 1_000_000;

/** One line per program, in the order of the first runs. */
export const summaries = (runs: readonly Run[]): readonly Summary[] => {
  const groups = Map.groupBy(runs, (run) => `${run.peer} ${run.variant}`);
  return [...groups.values()].map((all) => {
    const good = all.filter((run) => run.ok);
    const middle = (value: (run: Run) => number): number => Math.round(100 * median(good.map(value))) / 100;
    return {
      peer: all[0]!.peer,
      variant: all[0]!.variant,
      runs: all.length,
      evps: Math.round(middle((run) => run.evps)),
      lateEvps: Math.round(middle((run) => run.late_evps)),
      cpuSecondsPerMillion: middle((run) => (run.cpu_s / run.n) * MILLION),
      brokerCpuSecondsPerMillion: middle((run) => (run.broker_cpu_s / run.n) * MILLION),
      otherCpuS: middle((run) => run.other_cpu_s),
      rssMb: Math.round(middle((run) => run.rss_mb)),
      ties: Math.max(0, ...good.map((run) => run.ties)),
      wrongRuns: all.length - good.length,
    };
  });
};
