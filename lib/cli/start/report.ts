import { table } from '../shared.ts';
import type { Check, DemoResult } from './demo.ts';
import { latencyText } from './figures.ts';

export interface BoundedRun {
  readonly events: number;
  readonly seconds: number;
  readonly result: DemoResult;
  /** Names of the systems that this run was without. */
  readonly without: readonly string[];
}

const agrees = ({ expected, actual }: Check): boolean => expected === actual;

/** True when every check agrees and every special thing has happened. */
export const succeeded = ({ checks, specials }: DemoResult): boolean => checks.length > 0 && checks.every(agrees) && Object.values(specials).every((count) => count > 0);

const words = (name: string): string => name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);

const verdict = (result: DemoResult): string => {
  const different = result.checks.filter((check) => !agrees(check)).length;
  const absent = Object.entries(result.specials).filter(([, count]) => count === 0).map(([name]) => words(name));
  if (different > 0) return `${different} of ${result.checks.length} checks DIFFER`;
  if (absent.length > 0) return `All checks agree, but the run had no ${absent.join(', no ')}: too few events to show it`;
  return `All ${result.checks.length} checks agree`;
};

export const comparisonTable = (checks: readonly Check[]): string =>
  table(['SINK', 'CHECK', 'EXPECTED (SQL)', 'ACTUAL', 'VERDICT'], checks.map((c) => [c.sink, c.check, c.expected, c.actual, agrees(c) ? 'equal' : 'DIFFERENT']));

/** The run as data. */
export const reportOf = ({ events, seconds, result, without }: BoundedRun) => ({
  type: 'result',
  agrees: succeeded(result),
  events,
  seconds: Number(seconds.toFixed(3)),
  eventsPerSecond: Math.round(events / seconds),
  checks: result.checks.map((check) => ({ ...check, agrees: agrees(check) })),
  specials: result.specials,
  latency: result.latency,
  without,
});

const latencyLine = ({ latency }: DemoResult): string =>
  latency === null ? 'PostgreSQL to Redis was not measured.' : `PostgreSQL to Redis at full load: ${latencyText(latency)} (${latency.count.toLocaleString('en-US')} measured).`;

export const reportText = ({ events, seconds, result, without }: BoundedRun): string =>
  [
    '',
    comparisonTable(result.checks),
    '',
    `${events.toLocaleString('en-US')} events in ${seconds.toFixed(1)} s: ${Math.round(events / seconds).toLocaleString('en-US')} a second from the first insert until every sink had the last.`,
    latencyLine(result),
    `Special: ${Object.entries(result.specials).map(([name, count]) => `${words(name)} ${count.toLocaleString('en-US')}`).join(', ')}.`,
    ...(without.length === 0 ? [] : [`Left out, and not compared: ${without.join(', ')}.`]),
    verdict(result),
  ].join('\n');
