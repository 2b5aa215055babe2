import { Command, InvalidArgumentError } from 'commander';
import { backfill, discardBackfill, type BackfillOptions, type BackfillProgress, type BackfillStart, type BackfillSummary, type From, type To } from '../backfill/index.ts';
import type { Config } from '../core/config.ts';
import { ConfigurationError } from '../core/errors.ts';
import { exitCodes, interruptible, nameList, printJsonLine, printLine, readEnvFile, tell } from './shared.ts';
import { loadTopology } from './topology-file.ts';

interface BackfillFlags {
  readonly name: string;
  readonly from?: From;
  readonly to: To;
  readonly rate: number;
  readonly only: readonly string[];
  readonly without: readonly string[];
  readonly accept: readonly string[];
  readonly discard?: true;
  readonly json?: true;
}

const BAR_WIDTH = 30;
/** Without a terminal, one line of progress in so many. */
const LINE_EVERY = 5;

/** ISO 8601, in UTC when it names no zone, so that the same command means the same everywhere. */
const time = (text: string, words: string): number => {
  const full = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?)?$/.test(text) && text.includes('T') ? `${text}Z` : text;
  const ms = /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(full) : Number.NaN;
  if (Number.isNaN(ms)) throw new InvalidArgumentError(`It is a time such as 2026-03-01T12:00:00Z, ${words}.`);
  return ms;
};

const from = (text: string): From => (text === 'earliest' || text === 'snapshot' ? text : time(text, 'earliest or snapshot'));
const to = (text: string): To => (text === 'now' ? text : time(text, 'or now'));

const rate = (text: string): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new InvalidArgumentError('It is a whole number of records a second, 1 or more.');
  return value;
};

const backfillName = (text: string): string => {
  if (!/^[A-Za-z0-9_-]{1,50}$/.test(text)) throw new InvalidArgumentError("It has letters, digits, '_' and '-', at most 50.");
  return text;
};

const number = (n: number): string => n.toLocaleString('en-US');

const timeLeft = (ms: number | null): string => {
  if (ms === null) return 'time left unknown';
  const all = Math.ceil(ms / 1_000);
  const [hours, minutes, seconds] = [Math.floor(all / 3_600), Math.floor(all / 60) % 60, all % 60];
  return hours > 0 ? `${hours} h ${minutes} min left` : minutes > 0 ? `${minutes} min ${seconds} s left` : `${seconds} s left`;
};

/** What of a backfill is done, as one line. */
export const progressLine = ({ records, totalRecords, waitingRecords, recordsPerSecond, leftMs, deadLetters }: BackfillProgress): string => {
  const share = totalRecords === 0 ? 1 : records / totalRecords;
  const filled = Math.floor(share * BAR_WIDTH);
  const waiting = waitingRecords === 0 ? '' : `, ${number(waitingRecords)} on their way`;
  const letters = deadLetters === 0 ? '' : `, ${number(deadLetters)} dead letters`;
  return `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)} ${Math.floor(share * 100)} %  ${number(records)} of ${number(totalRecords)} records${waiting}, ${number(recordsPerSecond)}/s, ${timeLeft(leftMs)}${letters}`;
};

type Shown = Required<Pick<BackfillOptions, 'onStart' | 'onProgress'>> & { readonly end: (summary: BackfillSummary) => void };

const started = ({ app, start, sinks, notes }: BackfillStart): void => {
  tell(start === 'first' ? `${app} begins, into ${sinks.join(', ')}` : `${app} goes on where it was stopped, into ${sinks.join(', ')}`);
  for (const note of notes) tell(`  ${note}`);
};

const ended = ({ app, end, progress, deadLetters }: BackfillSummary): void => {
  if (end === 'stopped') tell(`${app} was stopped; the same command goes on`);
  else printLine(progress === null ? `${app} had ended; what was left of it is cleared up` : `${app} is done: ${number(progress.records)} records; its groups and topics are deleted`);
  if (deadLetters.length > 0) printLine(`dead letters are kept in ${deadLetters.join(', ')}`);
};

const onTerminal = (): Shown => ({
  onStart: started,
  onProgress: (progress) => void process.stderr.write(`\r\x1b[K${progressLine(progress)}`),
  end: (summary) => {
    tell('');
    ended(summary);
  },
});

const inLines = (): Shown => {
  let told = 0;
  return {
    onStart: started,
    onProgress: (progress) => {
      if (told % LINE_EVERY === 0) tell(progressLine(progress));
      told += 1;
    },
    end: ended,
  };
};

const asJson = (): Shown => ({
  onStart: (start) => printJsonLine({ type: 'start', ...start }),
  onProgress: (progress) => printJsonLine({ type: 'progress', ...progress }),
  end: (summary) => printJsonLine({ type: 'end', ...summary }),
});

/** What a worker tells of itself would tear the progress apart; whoever asks for it gets it. */
const quiet = (): Partial<Config> => (process.env.MILLRACE_LOG_LEVEL === undefined ? { logLevel: 'warn' } : {});

const run = async (file: string, flags: BackfillFlags): Promise<void> => {
  readEnvFile();
  const topology = await loadTopology(file);
  const { name, only, without, accept } = flags;
  if (flags.from === undefined && flags.discard !== true) throw new ConfigurationError(['--from is missing: a time, earliest or snapshot']);
  const options: BackfillOptions = { name, from: flags.from ?? 'earliest', to: flags.to, recordsPerSecond: flags.rate, choice: { only, without, accept }, settings: quiet() };
  if (flags.discard === true) {
    await discardBackfill(topology, options);
    tell(`nothing of the backfill ${name} is left but what it has written to sinks`);
    return;
  }
  const shown = flags.json === true ? asJson() : process.stderr.isTTY ? onTerminal() : inLines();
  let failure: unknown;
  await interruptible(async (signal) => {
    await backfill(topology, { ...options, ...shown, signal }).then(shown.end, (thrown: unknown) => (failure = thrown));
  });
  // Also one that came while it was told to stop.
  if (failure !== undefined) throw failure;
};

export const command = (): Command =>
  new Command('backfill')
    .description(
      'Runs the topology that FILE exports as default over its history into its sinks, in groups of its own, beside live traffic, and ends. What could come out wrong is refused. ' +
        'Cut short in whatever way, the same command goes on. Settings come from the environment and .env; logs go to stderr.',
    )
    .argument('<file>', 'a TypeScript or JavaScript file')
    .option('--from <time>', 'where it begins: a time (of the records in Kafka), earliest, or snapshot: the same, if the topics still hold what the first snapshot wrote', from)
    .option('--to <time>', 'where it ends: a time, or now, as of the first start', to, 'now')
    .option('--rate <records>', 'at most so many records a second, all in all', rate, Infinity)
    .option('--name <name>', 'names its groups and topics; several may run at once', backfillName, 'history')
    .option('--only <sinks>', 'write these sinks only, separated by commas', nameList, [])
    .option('--without <sinks>', 'leave these sinks out', nameList, [])
    .option('--accept <sinks>', 'write these sinks although the command would refuse them', nameList, [])
    .option('--discard', 'end it unfinished: delete its groups, topics, fences and state; what it has written stays')
    .option('--json', 'JSON lines on stdout: { "type": "start" }, { "type": "progress" } each second, { "type": "end" }')
    .addHelpText('after', exitCodes('0  done, stopped by a signal, or discarded', '1  failed', '2  wrong usage or configuration, or refused: every reason is on stderr', '130, 143  a second SIGINT or SIGTERM cut the stop short'))
    .action(run);
