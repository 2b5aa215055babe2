import type { JoinBody, JoinProgram } from '../join/run.ts';
import type { Result } from '../results.ts';
import { conditions, count, markdownTable, verdictText } from './words.ts';

const names: Readonly<Record<JoinProgram['program'], string>> = { millrace: 'Millrace, two processes', streams: 'Kafka Streams, global table, two threads' };

/** Out of so many, also where it is far below one per cent. */
const shareText = (part: number, whole: number): string => (part === 0 ? '0' : `${count(part)} (${((100 * part) / whole).toPrecision(2)} %)`);

export const joinText = (result: Result<JoinBody>): readonly string[] => {
  const { pairs, rate, achieved, restarts, programs, catchupTimeouts, skipped, passed } = result.body;
  return [
    '## Does an event find its row?',
    '',
    conditions(result),
    '',
    `${count(pairs)} events at ${count(achieved)} a second (asked: ${count(rate)}), each naming a row of PostgreSQL that is new or has a new version: half of them committed in one transaction with their row, half right after it. ` +
      'One Debezium connector, exactly once, brings both tables to Kafka; both programs join the same topics at the same time, exactly once.',
    '',
    markdownTable(
      ['program', 'joined', 'row missed', 'older version', 'of them in one transaction', 'of them after it', 'lost', 'twice', 's after the load'],
      programs.map(({ program, joined, missed, stale, wrong, lost, duplicated, drainS }) => [
        names[program], count(joined), shareText(missed, pairs), shareText(stale, pairs), count(wrong.together), count(wrong.before), count(lost), count(duplicated), drainS.toFixed(1),
      ]),
    ),
    '',
    `Every event once and with its row, by Millrace: ${verdictText(passed)}; batches that did not wait for their table: ${count(catchupTimeouts)}.${skipped === null ? '' : ` Kafka Streams was not run: ${skipped}.`}`,
    '',
    `Meanwhile: ${restarts.join('; ')}. A killed member of Kafka Streams holds its partitions for 45 s, its default; what has piled up then is joined with a table that is complete, so a restart spares it misses.`,
  ];
};
