/** docs/PERFORMANCE.md, from results. A value: no I/O. */
import type { BackfillBody } from '../backfill/run.ts';
import type { CommitBody } from '../commit/run.ts';
import { MOST_COST } from '../commit/schedule.ts';
import type { EngineBody } from '../engine/run.ts';
import { targets, type Summary } from '../engine/schedule.ts';
import { backfillAims, backfillText } from './backfill-text.ts';
import { commitText } from './commit-text.ts';
import { joinText } from './join-text.ts';
import { holdText, latencyText, rateText } from './live-text.ts';
import { restoreAims, restoreText } from './restore-text.ts';
import type { JoinBody } from '../join/run.ts';
import type { HoldBody, RateBody } from '../live/hold.ts';
import type { LatencyBody } from '../live/latency.ts';
import type { MicroBody } from '../micro/run.ts';
import { layerTexts } from '../profile/layers.ts';
import type { ProfileBody, ProfiledProgram } from '../profile/run.ts';
import type { RestoreBody } from '../restore/run.ts';
import type { PartName, Result } from '../results.ts';
import { conditions, count, markdownTable, verdictText } from './words.ts';

export interface Results {
  readonly engine: Result<EngineBody> | null;
  readonly profile: Result<ProfileBody> | null;
  readonly latency: Result<LatencyBody> | null;
  readonly hold: Result<HoldBody> | null;
  readonly rate: Result<RateBody> | null;
  readonly join: Result<JoinBody> | null;
  readonly commit: Result<CommitBody> | null;
  readonly restore: Result<RestoreBody> | null;
  readonly backfill: Result<BackfillBody> | null;
  readonly micro: Result<MicroBody> | null;
}

const programTexts: Readonly<Record<string, string>> = {
  'millrace global-eos-w1': 'Millrace, everywhere join, one process',
  'millrace global-eos-w2': 'Millrace, everywhere join, two processes',
  'millrace repartition-eos-w1': 'Millrace, new key and state, one process',
  'millrace repartition-eos-w2': 'Millrace, new key and state, two processes',
  'streams global-eos-t1': 'Kafka Streams, global table, one thread',
  'streams global-eos-t2': 'Kafka Streams, global table, two threads',
  'streams repartition-eos-t2': 'Kafka Streams, repartition join, two threads',
  'kafkajs txn': 'A KafkaJS loop by hand, one process',
  'go txn': 'franz-go by hand, one process',
};

const nameOf = (key: string): string => programTexts[key] ?? key;

const summaryRow = (s: Summary, verified: boolean): readonly string[] => [
  nameOf(`${s.peer} ${s.variant}`), count(s.evps), s.lateEvps === 0 ? '' : count(s.lateEvps), s.cpuSecondsPerMillion.toFixed(1),
  verified ? s.brokerCpuSecondsPerMillion.toFixed(1) : '', count(s.rssMb), s.otherCpuS.toFixed(1),
  s.wrongRuns > 0 ? `${s.wrongRuns} of ${s.runs} runs WRONG` : verified ? (s.ties === 0 ? 'equal to SQL' : `${s.ties} off by 0.01`) : 'counted only',
];

const engineText = (result: Result<EngineBody>): readonly string[] => {
  const { body } = result;
  const skipped = Object.entries(body.skipped).map(([peer, why]) => `${peer}: ${why}`);
  return [
    '## The engine: from Kafka to the enriched topic, exactly once',
    '',
    conditions(result),
    '',
    `${count(body.events)} Debezium events (Avro, four partitions) are read, joined with a table of 5,000 contents, given a percentage and written as JSON, exactly once. Every program does the same job on the same topic in the same run, by turns; the numbers are medians of ${body.rounds} rounds.`,
    '',
    markdownTable(
      ['program', 'events/s', 'warm', 'CPU s per million', "broker's", 'memory MB', 'others CPU s', 'output'],
      body.summaries.map((summary) => summaryRow(summary, body.verified)),
    ),
    '',
    '- events/s: from the first record in the program\'s own code to the last commit marker on the output. *warm*: over the last quarter of the output.',
    '- CPU and memory: of the whole process or processes together, start-up included. *broker\'s*: the broker\'s CPU meanwhile. *others*: CPU seconds of everything else on the machine during one run; much of it means a disturbed run.',
    body.verified
      ? '- output: every record was read back and compared with SQL, field by field; duplicates and losses count as wrong. *off by 0.01*: percentages that binary floating point rounds the other way at a tie.'
      : '- output: the records were counted; the tools that compare them with SQL were not there.',
    '',
    markdownTable(
      ['asked', 'at least', 'measured', ''],
      body.verdicts.map(({ ours, theirs, atLeast, ratio, passed }) => [
        `${nameOf(`millrace ${ours}`)} / ${nameOf(`streams ${theirs}`)}`, `${atLeast.toFixed(1)}x`, ratio === null ? '' : `${ratio.toFixed(2)}x`, verdictText(passed),
      ]),
    ),
    '',
    'What differs in the second comparison: Kafka Streams sends events through a repartition topic to meet a partitioned table and joins there. Millrace joins by any key without that; so its program does something that needs the new key: ' +
      'it goes through a repartition topic (Avro rows, as there), keeps running totals per content in a store with a changelog, and joins then. It writes a state for each event where the other reads one.',
    ...(skipped.length + body.failed.length === 0 ? [] : ['', `Not run: ${[...skipped, ...body.failed].join('; ')}.`]),
  ];
};

const profileTable = ({ program, events, seconds, layers, functions }: ProfiledProgram): readonly string[] => {
  const all = layers.reduce((sum, { ms }) => sum + ms, 0);
  const busy = layers.reduce((sum, { layer, ms }) => (layer === 'idle' ? sum : sum + ms), 0);
  return [
    `**${nameOf(`millrace ${program}-eos-w1`)}** (${count(events)} events in ${seconds} s under the profiler, ${Math.round((100 * busy) / all)} % of it busy)`,
    '',
    markdownTable(
      ['layer', 'what', 'ms', 'us a record', 'share'],
      layers.filter(({ layer }) => layer !== 'idle').map(({ layer, ms }) => [layer, layerTexts[layer], count(ms), ((1_000 * ms) / events).toFixed(2), `${((100 * ms) / busy).toFixed(0)} %`]),
    ),
    '',
    `Functions with the most time of their own: ${functions.slice(0, 8).map(({ name, ms }) => `\`${name}\` ${count(ms)} ms`).join(', ')}.`,
  ];
};

const profileText = (result: Result<ProfileBody>): readonly string[] => [
  '## Where the time goes',
  '',
  conditions(result),
  '',
  'A CPU profile of one worker from its first record to its last commit. A sample belongs to the innermost layer on its stack; what V8 and Node do for a layer is counted there.',
  '',
  ...result.body.programs.flatMap((program, i) => [...(i === 0 ? [] : ['']), ...profileTable(program)]),
];

const microText = (result: Result<MicroBody>): readonly string[] => [
  '## Parts by themselves',
  '',
  conditions(result),
  '',
  markdownTable(['part', 'what', 'CPU us'], result.body.results.map(({ name, what, us }) => [name, what, String(us)])),
];

/** What each part is run with alone. */
const missing = (part: PartName): readonly string[] => [`## ${part}`, '', `Not measured yet: \`npm run bench -- ${part}\`.`];

const verdictLines = ({ engine, latency, hold, join, commit, restore, backfill }: Results): readonly string[] => {
  const lines: (readonly [string, boolean | null])[] = [
    ...targets.map(({ ours, theirs, atLeast }) => {
      const verdict = engine?.body.verdicts.find((v) => v.ours === ours);
      return [`${nameOf(`millrace ${ours}`)}: at least ${atLeast.toFixed(1)}x ${nameOf(`streams ${theirs}`)}`, verdict?.passed ?? null] as const;
    }),
    ['PostgreSQL to Redis at 1,000 events/s: p50 at most 250 ms, p99 at most 750 ms', latency === null ? null : latency.body.passed],
    [`A load that is held${hold === null ? '' : ` (${count(hold.body.rate)} events/s, ${hold.body.seconds} s)`}: lag not growing, memory flat, every sink complete`, hold === null ? null : hold.body.lagFlat && hold.body.complete && hold.body.memoryFlat],
    [`No event misses its row${join === null ? '' : ` (${count(join.body.pairs)} pairs)`}, also while workers are killed and restarted`, join === null ? null : join.body.passed],
    [`Exactly once costs at most ${100 * MOST_COST} % of the throughput at least once, with 4 and with 16 tasks`, commit === null || commit.body.costs.some(({ passed }) => passed === null) ? null : commit.body.costs.every(({ passed }) => passed === true)],
    ...restoreAims(restore === null ? null : restore.body),
    ...backfillAims(backfill === null ? null : backfill.body),
  ];
  return lines.map(([what, passed]) => `- ${what}: ${verdictText(passed)}.`);
};

/** The whole page. */
export const reportText = (results: Results): string => {
  const { engine, profile, latency, hold, rate, join, commit, restore, backfill, micro } = results;
  const sections = [
    engine === null ? missing('engine') : engineText(engine),
    profile === null ? missing('profile') : profileText(profile),
    latency === null ? missing('latency') : latencyText(latency),
    hold === null ? missing('hold') : holdText(hold),
    rate === null ? missing('rate') : rateText(rate),
    join === null ? missing('join') : joinText(join),
    commit === null ? missing('commit') : commitText(commit),
    restore === null ? missing('restore') : restoreText(restore),
    backfill === null ? missing('backfill') : backfillText(backfill),
    micro === null ? missing('micro') : microText(micro),
  ];
  return [
    '# Performance',
    '',
    'Generated by `npm run bench -- report` from `benchmarks/results/*.json`; change nothing here by hand. `npm run bench` measures everything anew, about 35 minutes.',
    '',
    ...verdictLines(results),
    ...sections.flatMap((section) => ['', ...section]),
    '',
  ].join('\n');
};
