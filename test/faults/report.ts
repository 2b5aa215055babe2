/** docs/RELIABILITY.md, from a result. A value: no I/O. */
import { median } from '../../benchmarks/figures.ts';
import { conditions, count, markdownTable } from '../../benchmarks/report/words.ts';
import type { FaultResult } from './fault.ts';
import type { RunResult } from './results.ts';
import { lateRounds } from './run.ts';

const HEADER = ['fault', 'rounds', 'events', 'lost', 'duplicated', 'seconds to resume, median', 'max', 'result'];

const secondsText = (value: number): string => (Number.isFinite(value) ? value.toFixed(1) : 'none');

export const verdictOf = (result: FaultResult): string => {
  if (result.failures.length > 0) return '**FAILED**';
  return lateRounds(result).length > 0 ? `**later than ${result.resumeGoalS} s**` : 'as it must be';
};

const rowOf = (result: FaultResult): readonly string[] => [
  result.title, count(result.rounds), count(result.events), count(result.lost), count(result.duplicated),
  secondsText(median(result.resumeS)), secondsText(result.resumeS.length === 0 ? NaN : Math.max(...result.resumeS)), verdictOf(result),
];

export const tableOf = (faults: readonly FaultResult[]): string => markdownTable(HEADER, faults.map(rowOf));

/** Process ids and the like say nothing to a reader: the first ones stand for the others. */
const SHOWN_PROOFS = 3;

const sectionOf = (result: FaultResult): readonly string[] => {
  const more = result.proofs.length - SHOWN_PROOFS;
  return [
    `## ${result.title}`,
    '',
    `Name \`${result.name}\`, ${count(result.seconds)} s. Seconds to resume: ${result.resumeMeans}.${result.resumeGoalS === null ? '' : ` At most ${result.resumeGoalS} s were to pass.`}`,
    '',
    'That it happened:',
    '',
    ...result.proofs.slice(0, SHOWN_PROOFS).map((proof) => `- ${proof}`),
    ...(more > 0 ? [`- and ${more} more in \`test/faults/results.json\``] : []),
    ...(result.notes.length === 0 ? [] : ['', ...result.notes.map((note) => `- ${note}`)]),
    ...(result.failures.length === 0 ? [] : ['', '**What was wrong:**', '', ...result.failures.map((failure) => `- ${failure}`)]),
    '',
  ];
};

export const reportText = (run: RunResult): string => [
  '# Reliability',
  '',
  'What became of every event while workers, the broker, Redis and an API were killed, frozen, cut off and slowed down. This page is made of `test/faults/results.json` by',
  '',
  '```sh',
  'npm run faults',
  '```',
  '',
  'which brings up its own servers, makes every fault, and ends with exit code 1 when anything is not as it must be. `--list` shows the faults, `--only NAME` makes one of them, `--rounds N` changes how often, `--seed N` which workers and moments are chosen, `--json` prints the result for programs; only a full run changes this page.',
  '',
  conditions({ ...run, part: 'engine', body: null }),
  '',
  tableOf(run.faults),
  '',
  '## What is run, and what is compared',
  '',
  `${run.workers} worker processes run \`test/faults/topology.ts\` over ${run.partitions} partitions with the default settings (session timeout ${run.sessionTimeoutMs / 1_000} s; state in memory, or on disk in a folder that the workers share where a row says so): a join with a table, a state behind a repartition topic, two topics written in transactions, counters and a sorted set in Redis, an HTTP partner that honours Idempotency-Key, and a BigQuery emulator. ${count(run.perSecond)} events a second come in all the while, unless a fault says otherwise. Afterwards the events are read back from the source topic, and what must have come of them is computed by plain arithmetic. *Lost* and *duplicated* are counted over all of these together:`,
  '',
  '- both topics, read committed by the Java consumer that comes with Kafka: each event once, named by its place in the source topic; the totals of each user count from 1 without a gap, and each sum is the last one plus its event;',
  '- Redis: increments, which show every replay, and the scores of the sorted set;',
  '- the partner: each key accepted once, and repeated requests say the same;',
  '- BigQuery: distinct ids, since its sink delivers at least once; sums per category by SQL over the distinct rows equal those of the arithmetic and of Redis.',
  '',
  ...run.faults.flatMap(sectionOf),
].join('\n').trimEnd().concat('\n');
