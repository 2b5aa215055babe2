import type { WorkerFigures } from '../../lib/index.ts';

export interface Usage {
  /** The largest resident memory so far, MB. */
  readonly rssMb: number;
  /** CPU seconds so far, user and system. */
  readonly cpuS: number;
}

export const noUsage: Usage = { rssMb: 0, cpuS: 0 };

/** What this process has taken. */
export const usage = (): Usage => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  return { rssMb: Math.round(maxRSS / 1_024), cpuS: (userCPUTime + systemCPUTime) / 1_000_000 };
};

export const sumOf = (a: Usage, b: Usage): Usage => ({ rssMb: a.rssMb + b.rssMb, cpuS: a.cpuS + b.cpuS });

/**
 * How many records have come through (the fewest that a stage has put out), when all stages have all their partitions open, nothing left to read and nothing
 * uncommitted; else null. Counts alone do not tell: what a rebalance took back is counted again.
 */
export const finished = (workers: readonly WorkerFigures[], expected: { readonly partitions: number; readonly records: number }): number | null => {
  const stages = workers[0]?.stages ?? [];
  let count: number | null = null;
  for (const { stage } of stages) {
    const all = workers.flatMap((worker) => worker.stages.filter((figures) => figures.stage === stage));
    const sum = (field: 'tasks' | 'lagRecords' | 'recordsIn' | 'recordsOut'): number => all.reduce((total, figures) => total + figures[field], 0);
    if (sum('tasks') !== expected.partitions || sum('lagRecords') > 0 || sum('recordsIn') < expected.records) return null;
    count = Math.min(count ?? Infinity, sum('recordsOut'));
  }
  return count;
};
