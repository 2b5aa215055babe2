/** The parts of the view, each as lines of at most `columns` columns. */
import type { BreakerState } from '../../core/metrics.ts';
import { bar, behind, clockTime, compact, rate, sparkline, whole } from './format.ts';
import { HISTORY_TICKS, type Address, type StageView, type ViewModel } from './model.ts';
import { span, widthOfLine, type Line, type Span, type Style } from './paint.ts';
import { cut, cutStart, harmless, left, right, widthOf } from './width.ts';

const MARGIN = ' ';

const head = (title: string, ...rest: Span[]): Line => [span(MARGIN), span(title, 'title'), ...rest];

const longest = (texts: readonly string[]): number => Math.max(0, ...texts.map(widthOf));

/** Narrower than this the program's own name is left out of the first line. */
const ROOM_FOR_NAME = 70;

/** What does not fit whole is left out, the last first. */
export const summary = (model: ViewModel, columns: number): Line => {
  const { running, wanted } = model.workers;
  const parts: readonly Line[] = [
    [span(MARGIN), span(columns < ROOM_FOR_NAME ? model.name : `millrace ${model.name}`, 'title'), span(`  ${clockTime(model.runningMs)}`)],
    [span('  workers ', 'dim'), span(`${running}/${wanted}`, running < wanted ? 'warning' : 'good')],
    [span('  in ', 'dim'), span(`${rate(model.writing)}/s`, 'bold')],
    [span('  out ', 'dim'), span(`${rate(model.delivering)}/s`, 'bold')],
    ...(model.without.length === 0 ? [] : [[span(`  without ${model.without.join(', ')}`, 'warning')]]),
    [span('  written ', 'dim'), span(whole(model.written))],
  ];
  const fits = (count: number): boolean => widthOfLine(parts.slice(0, count).flat()) <= columns;
  return parts.filter((_, i) => i === 0 || fits(i + 1)).flat();
};

/** One value per character: the largest of the seconds that it stands for. Those seconds stay the same as time goes on. */
const bucketsOf = (model: ViewModel, field: 'p50Ms' | 'p95Ms' | 'p99Ms', columns: number): readonly (number | null)[] => {
  const perBucket = Math.max(1, Math.ceil(HISTORY_TICKS / columns));
  const buckets: (number | null)[] = [];
  const first = Math.floor(model.forgotten / perBucket);
  model.history.forEach((latency, i) => {
    const bucket = Math.floor((model.forgotten + i) / perBucket) - first;
    const before = buckets[bucket] ?? null;
    buckets[bucket] = latency === null ? before : Math.max(before ?? 0, latency[field]);
  });
  const shown = buckets.slice(-columns);
  const begin = shown.findIndex((value) => value !== null);
  return begin < 0 ? [] : shown.slice(begin);
};

const MOST_SPARKS = 60;
const PERCENTILES = [['p50', 'p50Ms'], ['p95', 'p95Ms'], ['p99', 'p99Ms']] as const;

const percentileLine = (model: ViewModel, label: string, field: 'p50Ms' | 'p95Ms' | 'p99Ms', sparks: number): Line => {
  const now = model.latency === null ? '-' : `${whole(model.latency[field])} ms`;
  const values = bucketsOf(model, field, sparks);
  const known = values.filter((value) => value !== null);
  const peak = known.length === 0 ? '' : `peak ${whole(Math.max(...known))} ms`;
  return [span(`${MARGIN}  ${label}  `, 'dim'), span(right(now, 10), 'bold'), span('  '), span(left(sparkline(values), sparks), 'bar'), span(`  ${peak}`, 'dim')];
};

/** Where nothing can be measured, one line says so. */
export const latency = (model: ViewModel, columns: number): readonly Line[] => {
  if (model.without.includes('redis')) return [head('LATENCY', span('  is measured where results arrive in Redis, which is left out', 'dim'))];
  const sparks = Math.max(1, Math.min(MOST_SPARKS, columns - 36));
  return [
    head('LATENCY', span(`  PostgreSQL to Redis, the last ${HISTORY_TICKS / 60} minutes`, 'dim')),
    ...PERCENTILES.map(([label, field]) => percentileLine(model, label, field, sparks)),
  ];
};

interface Column<T> {
  readonly title: string;
  readonly columns: number;
  readonly text: (row: T) => string;
  readonly style?: (row: T) => Style | undefined;
  /** Left out on a narrow terminal, the highest number first; absent: never. */
  readonly spare?: number;
}

const LEAST_NAME = 17;

/** A name, then numbers to the right of it. */
const grid = <T>(title: string, rows: readonly T[], name: (row: T) => string, columns: readonly Column<T>[], width: number): readonly Line[] => {
  const shown = [...columns];
  const taken = (): number => shown.reduce((sum, column) => sum + column.columns, MARGIN.length);
  const wanted = Math.max(longest(rows.map(name)), title.length);
  while (width - taken() < Math.min(wanted, LEAST_NAME)) {
    const spare = shown.filter((column) => column.spare !== undefined).sort((a, b) => b.spare! - a.spare!)[0];
    if (spare === undefined) break;
    shown.splice(shown.indexOf(spare), 1);
  }
  const names = Math.max(title.length, Math.min(wanted, width - taken()));
  return [
    [span(MARGIN), span(left(title, names), 'title'), ...shown.map((column) => span(right(column.title, column.columns), 'dim'))],
    ...rows.map((row) => [
      span(MARGIN), span(left(cutStart(name(row), names), names)),
      ...shown.map((column) => span(right(column.text(row), column.columns), column.style?.(row))),
    ]),
  ];
};

const above = (value: number, style: Style): Style | undefined => (value > 0 ? style : 'dim');

const STAGE_COLUMNS: readonly Column<StageView>[] = [
  { title: 'IN/S', columns: 7, text: (s) => rate(s.in) },
  { title: 'OUT/S', columns: 7, text: (s) => rate(s.out) },
  { title: 'LAG', columns: 7, text: (s) => compact(s.lagRecords), style: (s) => (s.lagRecords > 0 ? undefined : 'dim') },
  { title: 'BEHIND', columns: 7, text: (s) => behind(s.lagMs), style: (s) => (s.lagMs > 5_000 ? 'warning' : undefined) },
  { title: 'ERRORS', columns: 7, text: (s) => compact(s.aborts + s.sinkErrors), style: (s) => above(s.aborts + s.sinkErrors, 'warning') },
  { title: 'RETRIES', columns: 8, text: (s) => compact(s.retries), style: (s) => above(s.retries, 'warning'), spare: 1 },
  { title: 'DEAD', columns: 6, text: (s) => compact(s.deadLetters), style: (s) => above(s.deadLetters, 'bad') },
];

export const stages = (model: ViewModel, columns: number): readonly Line[] =>
  model.stages.length === 0 ? [head('STAGES', span('  no worker has told its figures yet', 'dim'))] : grid('STAGE', model.stages, (s) => s.stage, STAGE_COLUMNS, columns);

const RESTORE_COLUMNS: readonly Column<StageView>[] = [
  { title: 'RECORDS LEFT', columns: 14, text: (s) => whole(s.restoreRemaining) },
  { title: 'TIME LEFT', columns: 11, text: (s) => (s.restoreMs === null ? '?' : behind(s.restoreMs)) },
];

/** Stages whose tasks read their state before they open. */
export const restores = (model: ViewModel, columns: number): readonly Line[] => {
  const rows = model.stages.filter(({ restoreRemaining }) => restoreRemaining > 0);
  return rows.length === 0 ? [] : grid('RESTORING', rows, (s) => s.stage, RESTORE_COLUMNS, columns);
};

const BREAKERS: Readonly<Record<BreakerState, { readonly mark: string; readonly style: Style }>> = {
  closed: { mark: '●', style: 'good' },
  'half-open': { mark: '◐', style: 'warning' },
  open: { mark: '○', style: 'bad' },
};

const SINK_COLUMNS: readonly Column<StageView>[] = [
  { title: left('  BREAKER', 13), columns: 13, text: ({ breaker }) => left(`  ${BREAKERS[breaker!].mark} ${breaker}`, 13), style: ({ breaker }) => BREAKERS[breaker!].style },
  { title: 'WRITTEN', columns: 12, text: (s) => whole(s.recordsOut) },
  { title: 'REFUSED', columns: 9, text: (s) => compact(s.sinkRefusals), style: (s) => above(s.sinkRefusals, 'bad') },
  { title: 'RETRIES', columns: 9, text: (s) => compact(s.retries), style: (s) => above(s.retries, 'warning') },
];

const isSink = ({ sink, breaker }: StageView): boolean => sink !== null && breaker !== null;

export const sinks = (model: ViewModel, columns: number): readonly Line[] => {
  const rows = model.stages.filter(isSink);
  return rows.length === 0 ? [] : grid('SINK', rows, (s) => s.sink!, SINK_COLUMNS, columns);
};

const MOST_TITLE = 48;
const MOST_BAR = 50;

export const top = (model: ViewModel, columns: number): readonly Line[] => {
  if (model.top.length === 0) return [];
  const entries = model.top.map(({ title, value, amount }) => ({ title: harmless(title), value: harmless(value), amount }));
  const titles = Math.min(longest(entries.map(({ title }) => title)), MOST_TITLE, Math.floor(columns * 0.45));
  const values = longest(entries.map(({ value }) => value));
  const bars = Math.max(0, Math.min(MOST_BAR, columns - 6 - titles - values - 4));
  const largest = Math.max(...entries.map(({ amount }) => amount));
  return [
    head('TOP TEN', span('  contents by engagement', 'dim')),
    ...entries.map(({ title, value, amount }, i) => [
      span(right(`${i + 1}`, 3), 'dim'), span(`  ${left(title, titles)}`), span(`  ${right(value, values)}  `), span(bar(largest <= 0 ? 0 : amount / largest, bars), 'bar'),
    ]),
  ];
};

const GAP = 3;

/** In as many columns as fit, read from top to bottom. */
export const addresses = (model: ViewModel, columns: number): readonly Line[] => {
  const entries = model.addresses;
  const names = longest(entries.map(({ name }) => name));
  const inColumns = (lines: number): readonly (readonly Address[])[] =>
    Array.from({ length: Math.ceil(entries.length / lines) }, (_, column) => entries.slice(column * lines, (column + 1) * lines));
  const widthOfColumn = (column: readonly Address[]): number => MARGIN.length + names + 2 + longest(column.map(({ address }) => address));
  const fits = (lines: number): boolean => inColumns(lines).reduce((sum, column) => sum + widthOfColumn(column) + GAP, 0) - GAP < columns;
  const lines = entries.findIndex((_, i) => fits(i + 1)) + 1 || entries.length;
  const row = (i: number): Line => inColumns(lines).flatMap((column) => {
    const entry = column[i];
    const columnWidth = widthOfColumn(column) + GAP;
    return entry === undefined ? [] : [span(`${MARGIN}${MARGIN}${left(entry.name, names)}  `, 'dim'), span(left(entry.address, columnWidth - names - 4))];
  });
  return entries.length === 0 ? [] : [head('ADDRESSES'), ...Array.from({ length: lines }, (_, i) => row(i))];
};

export const notices = (model: ViewModel, columns: number, most: number): readonly Line[] =>
  model.notices.slice(-most).map(({ atMs, text }) => {
    const time = new Date(atMs).toISOString().slice(11, 19);
    return [span(`${MARGIN}${time}  `, 'dim'), span(cut(harmless(text), columns - 11))];
  });
