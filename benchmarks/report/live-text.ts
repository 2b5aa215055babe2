import type { HoldBody, RateBody } from '../live/hold.ts';
import type { LatencyBody } from '../live/latency.ts';
import type { Result } from '../results.ts';
import { conditions, count, markdownTable, verdictText } from './words.ts';

export const latencyText = (result: Result<LatencyBody>): readonly string[] => {
  const { workers, targets, runs, passed } = result.body;
  return [
    '## Latency: from a commit in PostgreSQL to the totals in Redis',
    '',
    conditions(result),
    '',
    `The engagement example as it is, exactly once, ${workers} worker processes, with its whole stack, the load generator and the measuring reader on the same cores. It goes through Debezium, two topics, a join and a store with its changelog.`,
    '',
    markdownTable(
      ['commitIntervalMs', 'events/s', 's', 'p50 ms', 'p90 ms', 'p99 ms', 'max ms', 'events', 'missing', 'machine busy'],
      runs.map((run) => [
        String(run.commitIntervalMs), count(run.achieved), count(run.seconds), count(run.p50Ms), count(run.p90Ms), count(run.p99Ms), count(run.maxMs), count(run.measured), count(run.missing),
        `${Math.round(100 * run.busy)} %`,
      ]),
    ),
    '',
    `Asked at commitIntervalMs ${targets.commitIntervalMs}: p50 at most ${targets.p50Ms} ms, p99 at most ${targets.p99Ms} ms: ${verdictText(passed)}.`,
    '',
    'How: the clock starts at the commit time that PostgreSQL itself wrote (`source.ts_us` of the change event). It stops when a reader of Redis has the totals of the event\'s content with that event in them: Redis tells the reader which hash ' +
      'has changed, the reader then reads the hash and looks at its own clock. Totals count events, and `engagement.enriched` has the events of a content in the order in which they are added; so the totals that count k events have the k-th one. ' +
      'Every valid event that was committed in the measured time is in the figures; *missing* ones were never seen.',
  ];
};

export const holdText = (result: Result<HoldBody>): readonly string[] => {
  const { workers, rate, seconds, trend, drainS, rssByMinute, rssGrowth, sinks, aborts, lagFlat, memoryFlat, complete } = result.body;
  return [
    '## A load that is held',
    '',
    conditions(result),
    '',
    `${count(rate)} events/s for ${count(seconds)} s through the engagement example with ${workers} workers: into Redis (four sinks), BigQuery (the emulator) and the partner's HTTP.`,
    '',
    markdownTable(['', 'measured', ''], [
      ['rate reached', `${count(trend.achieved)} events/s`, ''],
      ['rows behind (PostgreSQL to the slowest sink), last quarter', count(trend.behindAtEnd), ''],
      ['growth of that', `${trend.growth.toFixed(1)} rows a second`, verdictText(lagFlat)],
      ['memory of the workers by minute', `${rssByMinute.map(count).join(', ')} MB`, ''],
      ['growth of that in the second half', `${rssGrowth.toFixed(1)} MB a minute`, verdictText(memoryFlat)],
      ['everything in every sink after the end', `${drainS} s`, verdictText(complete)],
      ['tasks closed by a fault meanwhile', count(aborts), ''],
    ]),
    '',
    `Records by SQL and in the sinks, over the whole life of the stack: ${sinks.map(({ sink, expected, actual }) => `${sink} ${count(actual)} of ${count(expected)}`).join(', ')}.`,
    '',
    'Held means: 98 % of the rate and more, a backlog that grows by less than 1 % of the rate and is below two seconds\' worth; memory that grows by less than 0.5 % a minute in the second half, when V8 has given the heaps their size; every sink equal to SQL at the end.',
  ];
};

export const rateText = (result: Result<RateBody>): readonly string[] => {
  const { workers, stepSeconds, steps, highest } = result.body;
  return [
    '## The highest load that holds',
    '',
    conditions(result),
    '',
    `Steps of ${stepSeconds} s, a quarter more each time, until one does not hold; ${workers} workers. Highest that held: **${highest === null ? 'none' : `${count(highest)} events/s`}**.`,
    '',
    markdownTable(
      ['events/s', 'reached', 'rows behind at the end', 'growing by, rows a second', ''],
      steps.map((step) => [count(step.rate), count(step.achieved), count(step.behindAtEnd), step.growth.toFixed(1), step.held ? 'held' : 'not held']),
    ),
  ];
};
