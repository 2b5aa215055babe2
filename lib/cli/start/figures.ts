import type { BreakerState, StageFigures, WorkerFigures } from '../../core/metrics.ts';
import type { Latency } from './demo.ts';

/** Figures of a stage over all workers. */
export interface StageTotals {
  readonly stage: string;
  readonly sink: string | null;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly deadLetters: number;
  readonly retries: number;
  readonly aborts: number;
  /** Attempts at writing to the sink after which records had to be written again. */
  readonly sinkErrors: number;
  readonly sinkRefusals: number;
  /** The worst among the workers. */
  readonly breaker: BreakerState | null;
  readonly lagRecords: number;
  readonly lagMs: number;
  /** Changelog records that tasks have still to read before they open, and how long that takes, as far as it is known. */
  readonly restoreRemaining: number;
  readonly restoreMs: number | null;
}

/** What a worker said last, and when. */
export interface WorkerReport {
  readonly figures: WorkerFigures;
  readonly atMs: number;
}

const SEVERITY: readonly (BreakerState | null)[] = [null, 'closed', 'half-open', 'open'];

const worse = (a: BreakerState | null, b: BreakerState | null): BreakerState | null => (SEVERITY.indexOf(a) >= SEVERITY.indexOf(b) ? a : b);

const longer = (a: number | null, b: number | null): number | null => (a === null || b === null ? (a ?? b) : Math.max(a, b));

const add = (a: StageTotals, b: StageFigures): StageTotals => ({
  stage: a.stage,
  sink: a.sink,
  recordsIn: a.recordsIn + b.recordsIn,
  recordsOut: a.recordsOut + b.recordsOut,
  deadLetters: a.deadLetters + b.deadLetters,
  retries: a.retries + b.retries,
  aborts: a.aborts + b.aborts,
  sinkErrors: a.sinkErrors + b.sinkErrors,
  sinkRefusals: a.sinkRefusals + b.sinkRefusals,
  breaker: worse(a.breaker, b.breaker),
  lagRecords: a.lagRecords + b.lagRecords,
  lagMs: Math.max(a.lagMs, b.lagMs),
  restoreRemaining: a.restoreRemaining + b.restoreRemaining,
  restoreMs: longer(a.restoreMs, b.restoreMs),
});

const none = ({ stage, sink }: StageFigures): StageTotals => ({
  ...{ stage, sink, recordsIn: 0, recordsOut: 0, deadLetters: 0, retries: 0, aborts: 0, sinkErrors: 0, sinkRefusals: 0 },
  ...{ breaker: sink === null ? null : 'closed', lagRecords: 0, lagMs: 0, restoreRemaining: 0, restoreMs: null },
});

/** A worker that has said nothing for so long is gone. */
const GONE_MS = 5_000;

export const isPresent = ({ atMs }: WorkerReport, nowMs: number): boolean => nowMs - atMs <= GONE_MS;

/** Sums per stage. What a worker that is gone has counted stays; it holds nothing up any more. */
export const totalsOf = (reports: Iterable<WorkerReport>, nowMs: number): readonly StageTotals[] => {
  const totals = new Map<string, StageTotals>();
  for (const report of reports) {
    const present = isPresent(report, nowMs);
    for (const figures of report.figures.stages) {
      totals.set(figures.stage, add(totals.get(figures.stage) ?? none(figures), present ? figures : { ...figures, breaker: null, lagRecords: 0, lagMs: 0, restoreRemaining: 0, restoreMs: null }));
    }
  }
  return [...totals.values()];
};

/** The last figures of every worker. */
export class FiguresBoard {
  readonly #reports = new Map<string, WorkerReport>();

  update(figures: WorkerFigures, nowMs = performance.now()): void {
    this.#reports.set(figures.worker, { figures, atMs: nowMs });
  }

  stages(nowMs = performance.now()): readonly StageTotals[] {
    return totalsOf(this.#reports.values(), nowMs);
  }

  /** True when so many workers run, each is a member of every stage's group, and every task given out is open. */
  ready(workers: number, nowMs = performance.now()): boolean {
    const present = [...this.#reports.values()].filter((report) => isPresent(report, nowMs)).map(({ figures }) => figures);
    const settled = ({ state, stages }: WorkerFigures): boolean => state === 'running' && stages.every((s) => s.assigned !== null && s.opening === 0);
    const open = (stage: string): number => present.reduce((sum, { stages }) => sum + (stages.find((s) => s.stage === stage)?.tasks ?? 0), 0);
    return present.length >= workers && present.every(settled) && present[0]!.stages.every(({ stage }) => open(stage) > 0);
  }
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

export const latencyText = (latency: Latency | null): string =>
  latency === null ? 'no latency yet' : `p50 ${whole(latency.p50Ms)} ms, p95 ${whole(latency.p95Ms)} ms, p99 ${whole(latency.p99Ms)} ms`;
