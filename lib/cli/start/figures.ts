import type { StageFigures, WorkerFigures } from '../../core/metrics.ts';
import { table } from '../shared.ts';
import type { DemoFigures, Latency } from './demo.ts';

export interface StageTotals {
  readonly stage: string;
  readonly sink: string | null;
  readonly recordsIn: number;
  readonly recordsOut: number;
  readonly deadLetters: number;
  readonly retries: number;
  readonly aborts: number;
  readonly lagRecords: number;
  readonly lagMs: number;
}

const add = (a: StageTotals, b: StageFigures): StageTotals => ({
  stage: a.stage,
  sink: a.sink,
  recordsIn: a.recordsIn + b.recordsIn,
  recordsOut: a.recordsOut + b.recordsOut,
  deadLetters: a.deadLetters + b.deadLetters,
  retries: a.retries + b.retries,
  aborts: a.aborts + b.aborts,
  lagRecords: a.lagRecords + b.lagRecords,
  lagMs: Math.max(a.lagMs, b.lagMs),
});

const none = ({ stage, sink }: StageFigures): StageTotals => ({
  stage, sink, recordsIn: 0, recordsOut: 0, deadLetters: 0, retries: 0, aborts: 0, lagRecords: 0, lagMs: 0,
});

/** A worker that has said nothing for so long is gone. */
const GONE_MS = 5_000;

/** The last figures of every worker, as sums per stage. What a worker that is gone has counted stays; it holds nothing up any more. */
export class FiguresBoard {
  readonly #workers = new Map<string, { readonly figures: WorkerFigures; readonly atMs: number }>();

  update(figures: WorkerFigures, nowMs = performance.now()): void {
    this.#workers.set(figures.worker, { figures, atMs: nowMs });
  }

  stages(nowMs = performance.now()): readonly StageTotals[] {
    const totals = new Map<string, StageTotals>();
    for (const { figures: { stages }, atMs } of this.#workers.values()) {
      const gone = nowMs - atMs > GONE_MS;
      for (const figures of stages) {
        totals.set(figures.stage, add(totals.get(figures.stage) ?? none(figures), gone ? { ...figures, lagRecords: 0, lagMs: 0 } : figures));
      }
    }
    return [...totals.values()];
  }

  /** True when so many workers run, each is a member of every stage's group, and every task given out is open. */
  ready(workers: number, nowMs = performance.now()): boolean {
    const present = [...this.#workers.values()].filter(({ atMs }) => nowMs - atMs <= GONE_MS).map(({ figures }) => figures);
    const settled = ({ state, stages }: WorkerFigures): boolean => state === 'running' && stages.every((s) => s.assigned !== null && s.opening === 0);
    const open = (stage: string): number => present.reduce((sum, { stages }) => sum + (stages.find((s) => s.stage === stage)?.tasks ?? 0), 0);
    return present.length >= workers && present.every(settled) && present[0]!.stages.every(({ stage }) => open(stage) > 0);
  }
}

/** One moment: what the figures were, and when. */
export interface Snapshot {
  readonly atMs: number;
  readonly stages: readonly StageTotals[];
  readonly demo: DemoFigures;
}

const whole = (value: number): string => Math.round(value).toLocaleString('en-US');

export const latencyText = (latency: Latency | null): string =>
  latency === null ? 'no latency yet' : `p50 ${whole(latency.p50Ms)} ms, p95 ${whole(latency.p95Ms)} ms, p99 ${whole(latency.p99Ms)} ms`;

const ratesOf = (before: Snapshot, now: Snapshot) => {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1_000);
  const old = new Map(before.stages.map((s) => [s.stage, s]));
  const rate = (value: number, earlier: number | undefined): number => Math.max(0, (value - (earlier ?? 0)) / seconds);
  return {
    written: rate(now.demo.written, before.demo.written),
    delivered: now.stages.filter((s) => s.sink !== null).reduce((sum, s) => sum + rate(s.recordsOut, old.get(s.stage)?.recordsOut), 0),
    in: (s: StageTotals) => rate(s.recordsIn, old.get(s.stage)?.recordsIn),
    out: (s: StageTotals) => rate(s.recordsOut, old.get(s.stage)?.recordsOut),
  };
};

/** One line for a log: rates, latency, the largest lag. */
export const figuresLine = (before: Snapshot, now: Snapshot): string => {
  const rates = ratesOf(before, now);
  const last = [...now.stages].sort((a, b) => b.lagRecords - a.lagRecords)[0];
  const lag = last === undefined || last.lagRecords === 0 ? 'no lag' : `lag ${whole(last.lagRecords)} at ${last.stage}`;
  const dead = now.stages.reduce((sum, s) => sum + s.deadLetters, 0);
  const retries = now.stages.reduce((sum, s) => sum + s.retries, 0);
  return [
    new Date(now.atMs).toISOString().slice(11, 19), `in ${whole(rates.written)}/s`, `out ${whole(rates.delivered)}/s`, `PostgreSQL to Redis ${latencyText(now.demo.latency)}`, lag,
    `${whole(now.demo.written)} written`, `${whole(dead)} dead letters`, `${whole(retries)} retries`,
  ].join('  ');
};

/** All figures of one moment, for a terminal. */
export const figuresBlock = (before: Snapshot, now: Snapshot): string => {
  const rates = ratesOf(before, now);
  const rows = now.stages.map((s) => [
    s.stage, s.sink === null ? 'topic' : 'sink', whole(rates.in(s)), whole(rates.out(s)), whole(s.recordsOut), whole(s.lagRecords), whole(s.lagMs), whole(s.deadLetters),
    whole(s.retries), whole(s.aborts),
  ]);
  const top = now.demo.top.map(({ title, value }, i) => [`${i + 1}.`, title, value]);
  return [
    `${figuresLine(before, now)}\n`,
    table(['STAGE', 'INTO', 'IN/S', 'OUT/S', 'OUT', 'LAG', 'LAG MS', 'DEAD LETTERS', 'RETRIES', 'ABORTS'], rows),
    ...(top.length === 0 ? [] : ['', table(['TOP', 'CONTENT', 'ENGAGED'], top)]),
    '',
  ].join('\n');
};
