import { Command, InvalidArgumentError } from 'commander';
import { addDirOption, EXIT, exitCodes, interruptible, nameList, printJson, printLine } from './shared.ts';
import { checkSystems, loadDemo, type DemoRun, type SinkProgress } from './start/demo.ts';
import { untilArrived, untilQuiet, untilReady, type DrainOptions } from './start/drain.ts';
import { FiguresBoard } from './start/figures.ts';
import { startPipeline } from './start/pipeline.ts';
import { reportOf, reportText, succeeded, type BoundedRun } from './start/report.ts';
import { Show } from './start/show.ts';

interface StartFlags {
  readonly dir: string;
  readonly example: string;
  readonly rate: number;
  readonly events?: number;
  readonly seed: number;
  readonly workers: number;
  readonly without: readonly string[];
  readonly docker?: true;
  readonly json?: true;
}

const READY_MS = 60_000;

class NotDrained extends Error {
  constructor(behind: readonly SinkProgress[]) {
    super(`not drained: ${behind.map(({ sink, expected, actual }) => `${sink} has ${actual} of ${expected}`).join(', ')}`);
  }
}

interface Bounded {
  readonly run: DemoRun;
  readonly events: number;
  readonly seed: number;
  readonly without: readonly string[];
  readonly drain: DrainOptions;
  readonly tell: (text: string) => void;
}

/** Writes, waits, compares. */
const runBounded = async ({ run, events, seed, without, drain, tell }: Bounded): Promise<BoundedRun> => {
  const begunAtMs = performance.now();
  const barrier = async (): Promise<void> => {
    const behind = await untilArrived(drain);
    if (behind.length > 0) throw new NotDrained(behind);
  };
  // What the workers have not seen of an earlier run comes first.
  await barrier();
  try {
    await run.bounded({ events, seed, signal: drain.signal, barrier });
  } catch (error) {
    if (!(error instanceof NotDrained)) throw error;
    tell(`millrace: ${error.message}`);
  }
  const seconds = (performance.now() - begunAtMs) / 1_000;
  await untilQuiet(drain);
  tell('Everything has arrived. Comparing the sinks with SQL');
  return { events, seconds, without, result: await run.compare() };
};

const outputOf = ({ json, events }: StartFlags): 'view' | 'json lines' | 'nothing' => {
  if (json === undefined) return 'view';
  return events === undefined ? 'json lines' : 'nothing';
};

/** @returns what a run with an end has shown, which has been printed; null without an end */
const runDemo = async (flags: StartFlags, signal: AbortSignal): Promise<BoundedRun | null> => {
  const demo = await loadDemo(flags.example);
  checkSystems(demo, flags.without);
  const { workers, without, dir } = flags;
  const board = new FiguresBoard();
  const show = new Show({ name: demo.name, workers, without, output: outputOf(flags) });
  const tell = (text: string): void => show.tell(text);
  const pipeline = await startPipeline({
    ...{ demo, dir, workers, without, signal, tell },
    servers: flags.docker === true ? 'containers' : 'processes',
    onFigures: (message) => {
      board.update(message.figures);
      show.figures(message);
    },
  });
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  let run: DemoRun | undefined;
  try {
    run = await demo.open(pipeline.environment, without);
    const opened = run;
    show.open(run, pipeline.addresses);
    // Load that comes before the workers would only measure their start.
    const ready = await Promise.race([untilReady({ board, workers, signal: until, waitMs: READY_MS }), pipeline.failed]);
    tell(ready ? 'The workers are ready. The load begins' : 'The workers are not ready yet. The load begins all the same');
    const work = flags.events === undefined
      ? run.steady({ rate: flags.rate, seed: flags.seed, signal: until }).then(() => null)
      : runBounded({ run, events: flags.events, seed: flags.seed, without, tell, drain: { board, signal: until, progress: () => opened.progress() } });
    const shown = await Promise.race([work, pipeline.failed]);
    show.close();
    if (shown !== null && flags.json === true) printJson(reportOf(shown));
    else if (shown !== null) printLine(reportText(shown));
    return shown;
  } finally {
    ending.abort(new Error('the run ends'));
    show.close();
    tell('Stopping');
    await Promise.all([run?.close(), pipeline.stop()]);
    tell('Stopped. The data is kept; npm run clean deletes it');
  }
};

const start = async (flags: StartFlags): Promise<void> => {
  let bounded: BoundedRun | null = null;
  const interrupted = await interruptible(async (signal) => {
    bounded = await runDemo(flags, signal);
  });
  // A run without an end is done when it is told to stop; one with an end that was told to has shown nothing.
  if (flags.events === undefined) {
    process.exitCode = interrupted === undefined ? EXIT.failed : EXIT.done;
    return;
  }
  const shown = bounded as BoundedRun | null;
  process.exitCode = shown !== null && succeeded(shown.result) ? EXIT.done : EXIT.failed;
};

const wholeFrom = (least: number, most = Number.MAX_SAFE_INTEGER) => (text: string): number => {
  const value = Number(text);
  const range = most === Number.MAX_SAFE_INTEGER ? `from ${least}` : `from ${least} to ${most}`;
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least || value > most) throw new InvalidArgumentError(`It is a whole number ${range}.`);
  return value;
};

export const command = (): Command =>
  addDirOption(new Command('start'))
    .description(
      'Brings the local stack up, sets the example up, runs its workers and a load generator, and shows live figures until Ctrl-C, which stops ' +
        'everything it started and keeps the data. With --events it writes so many events, waits for every sink, compares each with SQL over the ' +
        'source rows, stops everything and exits 0 only when all agree. On a terminal the figures are one screen that redraws itself, in colour unless ' +
        'NO_COLOR is set; elsewhere, and with TERM=dumb, a line every five seconds.',
    )
    .option('--example <name>', 'which example: engagement or outbox', 'engagement')
    .option('--rate <events>', 'events per second', wholeFrom(1), 200)
    .option('--events <count>', 'write so many events as fast as possible, compare and stop', wholeFrom(1))
    .option('--seed <number>', 'seed of the load', wholeFrom(0), 1)
    .option('--workers <count>', 'worker processes', wholeFrom(1, 64), 2)
    .option('--without <systems>', "outside systems to leave out, separated by commas, of the example's: bigquery, partner, redis; or cassandra, redis", nameList, [])
    .option('--docker', 'the servers as containers, where a Docker engine answers; the workers stay processes')
    .option('--json', 'JSON on stdout: with --events one document, the comparison; else JSON lines, the figures every five seconds')
    .addHelpText('after', exitCodes(
      '0  told to stop; with --events: every check agrees', '1  failed; with --events also: a check differs, or it was interrupted',
      '2  wrong usage, or something is missing on this machine', '130, 143  a second SIGINT or SIGTERM cut the stop short',
    ))
    .action(start);
