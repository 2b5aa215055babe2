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

/** Reports of workers that are gone are kept singly for a while: one that was only held up for long speaks again, and must not count twice. */
const MOST_GONE = 32;

/** The last reports of workers, and as one sum what those have counted that have been gone the longest. */
export interface Reports<R extends WorkerReport = WorkerReport> {
  readonly byWorker: ReadonlyMap<string, R>;
  readonly gone: ReadonlyMap<string, StageTotals>;
}

export const NO_REPORTS: Reports<never> = { byWorker: new Map<string, never>(), gone: new Map() };

/** What a worker that is gone has counted; it holds nothing up any more. */
const counted = (figures: StageFigures): StageFigures => ({ ...figures, breaker: null, lagRecords: 0, waitingRecords: 0, lagMs: 0, restoreRemaining: 0, restoreMs: null });

const addTo = (totals: Map<string, StageTotals>, figures: StageFigures): void => void totals.set(figures.stage, add(totals.get(figures.stage) ?? none(figures), figures));

/** With a worker's report, instead of its last one. */
export const withReport = <R extends WorkerReport>(reports: Reports<R>, report: R): Reports<R> => {
  const byWorker = new Map(reports.byWorker).set(report.figures.worker, report);
  const silent = [...byWorker.values()].filter((one) => !isPresent(one, report.atMs)).sort((a, b) => a.atMs - b.atMs);
  if (silent.length <= MOST_GONE) return { byWorker, gone: reports.gone };
  const gone = new Map(reports.gone);
  for (const { figures } of silent.slice(0, silent.length - MOST_GONE)) {
    byWorker.delete(figures.worker);
    for (const stage of figures.stages) addTo(gone, counted(stage));
  }
  return { byWorker, gone };
};

/** Sums per stage. What workers that are gone have counted stays. */
export const totalsOf = ({ byWorker, gone }: Reports, nowMs: number): readonly StageTotals[] => {
  const totals = new Map(gone);
  const waiting = new Map<string, number>();
  for (const report of byWorker.values()) {
    for (const figures of report.figures.stages) {
      const shown = isPresent(report, nowMs) ? figures : counted(figures);
      addTo(totals, shown);
      // Of a stage that waits to join, each worker tells the same.
      waiting.set(figures.stage, Math.max(waiting.get(figures.stage) ?? 0, shown.waitingRecords));
    }
  }
  return [...totals.values()].map((stage) => ({ ...stage, lagRecords: stage.lagRecords + (waiting.get(stage.stage) ?? 0) }));
};

/** The last figures of every worker. */
export class FiguresBoard {
  #reports: Reports = NO_REPORTS;

  update(figures: WorkerFigures, nowMs = performance.now()): void {
    this.#reports = withReport(this.#reports, { figures, atMs: nowMs });
  }

  stages(nowMs = performance.now()): readonly StageTotals[] {
    return totalsOf(this.#reports, nowMs);
  }

  /** True when so many workers run, each is a member of every stage's group, and every task given out is open. */
  ready(workers: number, nowMs = performance.now()): boolean {
    const present = [...this.#reports.byWorker.values()].filter((report) => isPresent(report, nowMs)).map(({ figures }) => figures);
    const settled = ({ state, stages }: WorkerFigures): boolean => state === 'running' && stages.every((s) => s.assigned !== null && s.opening === 0);
    const open = (stage: string): number => present.reduce((sum, { stages }) => sum + (stages.find((s) => s.stage === stage)?.tasks ?? 0), 0);
    return present.length >= workers && present.every(settled) && present[0]!.stages.every(({ stage }) => open(stage) > 0);
  }
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

export const latencyText = (latency: Latency | null): string =>
  latency === null ? 'no latency yet' : `p50 ${whole(latency.p50Ms)} ms, p95 ${whole(latency.p95Ms)} ms, p99 ${whole(latency.p99Ms)} ms`;
