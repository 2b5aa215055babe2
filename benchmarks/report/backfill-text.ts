import { LEAST_RATE, MOST_GROWTH, type BackfillBody, type BackfillRun } from '../backfill/run.ts';
import type { Result } from '../results.ts';
import { conditions, count, markdownTable } from './words.ts';

const SINK_TEXTS: Readonly<Record<BackfillRun['sink'], string>> = { orders: 'Redis, a hash for each record', rows: "BigQuery's emulator" };

/** What is to be reached, and whether it was. */
export const backfillAims = (body: BackfillBody | null): readonly (readonly [what: string, passed: boolean | null])[] => [
  [`A backfill writes ${count(LEAST_RATE)} records a second into Redis beside live traffic`, body?.passed.rate ?? null],
  [`The p99 of live traffic is at most ${MOST_GROWTH} times as long while a backfill writes into Redis`, body?.passed.redisP99 ?? null],
  [`The p99 of live traffic is at most ${MOST_GROWTH} times as long while a backfill writes into BigQuery's emulator`, body?.passed.bigqueryP99 ?? null],
];

export const backfillText = (result: Result<BackfillBody>): readonly string[] => {
  const { liveRate, runs } = result.body;
  return [
    '## A backfill beside live traffic',
    '',
    conditions(result),
    '',
    `Live traffic is ${count(liveRate)} records a second, timed from when they are sent to when a reader of an output topic has them. The backfill is a process of its own.`,
    '',
    markdownTable(
      ['into', '--rate', 'records', 'records/s', 'live p50 / p99 before, ms', 'during, ms'],
      runs.map(({ sink, limit, records, rate, before, during }) => [
        SINK_TEXTS[sink], limit === null ? 'none' : count(limit), count(records), count(rate), `${count(before.p50Ms)} / ${count(before.p99Ms)}`, `${count(during.p50Ms)} / ${count(during.p99Ms)}`,
      ]),
    ),
  ];
};
