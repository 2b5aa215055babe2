/** What the live view shows, as one value, and the Observable of it: folded from what the workers, the demo and the command tell. */
import { asyncScheduler, auditTime, concat, map, merge, of, scan, timer, type Observable, type SchedulerLike } from 'rxjs';
import type { WorkerFigures } from '../../core/metrics.ts';
import type { DemoFigures, Latency, TopEntry } from '../start/demo.ts';
import { isPresent, NO_REPORTS, totalsOf, withReport, type Reports, type StageTotals, type WorkerReport } from '../start/figures.ts';

export interface StageView extends StageTotals {
  /** Records per second. */
  readonly in: number;
  readonly out: number;
}

export interface Address {
  readonly name: string;
  readonly address: string;
}

export interface Notice {
  readonly atMs: number;
  readonly text: string;
}

export interface ViewModel {
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly atMs: number;
  readonly runningMs: number;
  readonly workers: { readonly running: number; readonly wanted: number };
  /** Rows written to the source since the start, and per second. */
  readonly written: number;
  readonly writing: number;
  /** Records that outside sinks accept per second. */
  readonly delivering: number;
  readonly stages: readonly StageView[];
  readonly latency: Latency | null;
  /** One entry per second, the oldest first. */
  readonly history: readonly (Latency | null)[];
  /** Seconds before the first entry of `history`. */
  readonly forgotten: number;
  readonly top: readonly TopEntry[];
  readonly addresses: readonly Address[];
  /** Outside systems that this run is without. */
  readonly without: readonly string[];
  /** The newest last. */
  readonly notices: readonly Notice[];
}

export interface WorkerMessage {
  readonly figures: WorkerFigures;
  /** Where the worker serves /health and /metrics. */
  readonly url: string | null;
}

export interface ViewInputs {
  readonly name: string;
  readonly workers: number;
  readonly addresses: readonly Address[];
  readonly without: readonly string[];
  readonly figures$: Observable<WorkerMessage>;
  readonly demo$: Observable<DemoFigures>;
  readonly notices$: Observable<string>;
  /** Default: RxJS's own, on the machine's clock. */
  readonly scheduler?: SchedulerLike;
}

const TICK_MS = 1_000;
/** Several changes at once are one model. */
const AUDIT_MS = 250;
/** Rates are those of so many seconds. */
const RATE_TICKS = 5;
export const HISTORY_TICKS = 240;
const MOST_NOTICES = 50;

interface Mark {
  readonly atMs: number;
  readonly written: number;
  readonly stages: ReadonlyMap<string, StageTotals>;
}

interface State {
  readonly reports: Reports<WorkerReport & { readonly url: string | null }>;
  readonly demo: DemoFigures;
  readonly marks: readonly Mark[];
  readonly history: readonly (Latency | null)[];
  readonly forgotten: number;
  readonly notices: readonly Notice[];
}

type Change = (state: State) => State;

const EMPTY: State = { reports: NO_REPORTS, demo: { written: 0, latency: null, top: [] }, marks: [], history: [], forgotten: 0, notices: [] };

const markOf = (state: State, atMs: number): Mark => ({
  atMs,
  written: state.demo.written,
  stages: new Map(totalsOf(state.reports, atMs).map((totals) => [totals.stage, totals])),
});

const tick = (state: State, atMs: number): State => {
  const surplus = Math.max(0, state.history.length + 1 - HISTORY_TICKS);
  return {
    ...state,
    marks: [...state.marks.slice(-RATE_TICKS), markOf(state, atMs)],
    history: [...state.history.slice(surplus), state.demo.latency],
    forgotten: state.forgotten + surplus,
  };
};

/** Per second between the first and the last mark. A stage that was not there yet had counted nothing. */
const ratesOf = (marks: readonly Mark[]) => {
  const first = marks[0];
  const last = marks.at(-1);
  const seconds = first === undefined || last === undefined ? 0 : (last.atMs - first.atMs) / 1_000;
  const between = (now: number | undefined, before: number | undefined): number => (seconds === 0 ? 0 : Math.max(0, ((now ?? 0) - (before ?? 0)) / seconds));
  return {
    writing: between(last?.written, first?.written),
    in: (stage: string) => between(last?.stages.get(stage)?.recordsIn, first?.stages.get(stage)?.recordsIn),
    out: (stage: string) => between(last?.stages.get(stage)?.recordsOut, first?.stages.get(stage)?.recordsOut),
  };
};

const modelOf = ({ name, workers, addresses, without }: ViewInputs, state: State, atMs: number, begunAtMs: number): ViewModel => {
  const present = [...state.reports.byWorker.values()].filter((report) => isPresent(report, atMs));
  const rates = ratesOf(state.marks);
  const stages = totalsOf(state.reports, atMs).map((totals) => ({ ...totals, in: rates.in(totals.stage), out: rates.out(totals.stage) }));
  const metrics = present.flatMap(({ url }) => (url === null ? [] : { name: 'metrics', address: `${url}/metrics` }));
  return {
    ...{ name, atMs, runningMs: atMs - begunAtMs, without },
    workers: { running: present.filter(({ figures }) => figures.state === 'running').length, wanted: workers },
    written: state.demo.written,
    writing: rates.writing,
    delivering: stages.reduce((sum, { sink, out }) => (sink === null ? sum : sum + out), 0),
    stages,
    latency: state.demo.latency,
    history: state.history,
    forgotten: state.forgotten,
    top: state.demo.top,
    addresses: [...addresses, ...metrics],
    notices: state.notices,
  };
};

/** Emits when something has changed, at most four times a second, and at least once. Ends and fails with none of its inputs. */
export const modelOf$ = (inputs: ViewInputs): Observable<ViewModel> => {
  const scheduler = inputs.scheduler ?? asyncScheduler;
  const begunAtMs = scheduler.now();
  const changes = merge<Change[]>(
    inputs.figures$.pipe(map(({ figures, url }) => (state) => (
      { ...state, reports: withReport(state.reports, { figures, url, atMs: scheduler.now() }) }))),
    inputs.demo$.pipe(map((demo) => (state) => ({ ...state, demo }))),
    inputs.notices$.pipe(map((text) => (state) => ({ ...state, notices: [...state.notices.slice(1 - MOST_NOTICES), { atMs: scheduler.now(), text }] }))),
    timer(TICK_MS, TICK_MS, scheduler).pipe(map(() => (state) => tick(state, scheduler.now()))),
  );
  const states = changes.pipe(scan((state: State, change) => change(state), EMPTY));
  return concat(of(EMPTY), states.pipe(auditTime(AUDIT_MS, scheduler))).pipe(map((state) => modelOf(inputs, state, scheduler.now(), begunAtMs)));
};
