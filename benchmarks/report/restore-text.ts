import { LEAST_SHARE, MOST_RESTART_MS, type Mode, type RestoreBody } from '../restore/run.ts';
import type { Result } from '../results.ts';
import { conditions, count, markdownTable, verdictText } from './words.ts';

const MODE_TEXTS: Readonly<Record<Mode, string>> = { raw: 'KafkaJS, `eachBatch`, nothing done', memory: 'into memory', disk: 'onto disk' };

const percent = (share: number): string => `${(100 * share).toFixed(0)} %`;

/** What is to be reached, and whether it was. */
export const restoreAims = (body: RestoreBody | null): readonly (readonly [what: string, passed: boolean | null])[] => [
  [`State comes back at ${percent(LEAST_SHARE.memory)} of a plain consumer's rate into memory`, body?.passed.memory ?? null],
  [`State comes back at ${percent(LEAST_SHARE.disk)} of a plain consumer's rate onto disk`, body?.passed.disk ?? null],
  [`A worker whose state is on its disk${body === null ? '' : ` (${count(body.keys)} keys)`} has committed ${MOST_RESTART_MS / 1_000} s after its process began`, body?.passed.restart ?? null],
];

export const restoreText = (result: Result<RestoreBody>): readonly string[] => {
  const { keys, rounds, rates, restart, passed } = result.body;
  return [
    '## How fast state comes back',
    '',
    conditions(result),
    '',
    `A changelog of ${count(keys)} keys in four partitions is read by turns, ${rounds} rounds, each in a process of its own. The plain consumer is measured from its first batch on, a restore from its beginning.`,
    '',
    markdownTable(
      ['reader', 'records/s', 'of the plain consumer', 'aim'],
      rates.map(({ mode, rate, share }) => [MODE_TEXTS[mode], count(rate), percent(share), mode === 'raw' ? '' : `at least ${percent(LEAST_SHARE[mode])}: ${verdictText(passed[mode])}`]),
    ),
    '',
    `A worker that was stopped and starts again with that state on its disk read ${count(restart.records)} records of the changelog; its stores were open ${count(restart.restoredMs)} ms and its first commit was done ${count(restart.firstCommitMs)} ms after its process began.`,
  ];
};
