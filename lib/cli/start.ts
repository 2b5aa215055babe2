import { Command, InvalidArgumentError } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { addDirOption, EXIT, interruptible, printLine, tell } from './shared.ts';
import { loadDemo, type DemoRun, type SinkProgress } from './start/demo.ts';
import { untilArrived, untilQuiet, untilReady, type DrainOptions } from './start/drain.ts';
import { FiguresBoard, figuresBlock, figuresLine, type Snapshot } from './start/figures.ts';
import { startPipeline } from './start/pipeline.ts';
import { reportText, succeeded } from './start/report.ts';

interface StartFlags {
  readonly dir: string;
  readonly example: string;
  readonly rate: number;
  readonly events?: number;
  readonly seed: number;
  readonly workers: number;
  readonly docker?: true;
}

const READY_MS = 60_000;
const FIGURES_INTERVAL_MS = 1_000;
/** Lines of a log come less often than what redraws itself on a terminal. */
const LINE_EVERY = 5;

/** Shows figures every second on a terminal, in place; every five seconds as a line otherwise. Until the signal aborts. */
const showFigures = async (run: DemoRun, board: FiguresBoard, begunAtMs: number, signal: AbortSignal): Promise<void> => {
  const terminal = process.stdout.isTTY === true;
  const take = async (): Promise<Snapshot> => ({ atMs: Date.now(), stages: board.stages(), demo: await run.figures() });
  let before = await take();
  let drawn = 0;
  let first = true;
  for (let tick = 1; ; tick += 1) {
    await sleep(FIGURES_INTERVAL_MS, undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return;
    // Figures that cannot be had for a moment (a server restarts) are left out.
    const now = await take().catch(() => undefined);
    if (now === undefined) continue;
    if (first && now.demo.latency !== null) {
      first = false;
      tell(`First result in Redis ${((Date.now() - begunAtMs) / 1_000).toFixed(1)} s after the start`);
      drawn = 0;
    }
    if (terminal) {
      const text = figuresBlock(before, now);
      if (drawn > 0) process.stdout.write(`\u001b[${drawn}F\u001b[J`);
      printLine(text);
      drawn = text.split('\n').length;
    } else if (tick % LINE_EVERY === 0) printLine(figuresLine(before, now));
    if (terminal || tick % LINE_EVERY === 0) before = now;
  }
};

class NotDrained extends Error {
  constructor(behind: readonly SinkProgress[]) {
    super(`not drained: ${behind.map(({ sink, expected, actual }) => `${sink} has ${actual} of ${expected}`).join(', ')}`);
  }
}

/** Writes, waits, compares. @returns whether everything agrees */
const runBounded = async (run: DemoRun, events: number, seed: number, drain: DrainOptions): Promise<boolean> => {
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
  const result = await run.compare();
  printLine(reportText({ events, seconds, result }));
  return succeeded(result);
};

const runDemo = async (flags: StartFlags, signal: AbortSignal): Promise<boolean> => {
  const begunAtMs = Date.now();
  const board = new FiguresBoard();
  const demo = await loadDemo(flags.example);
  const pipeline = await startPipeline({ demo, dir: flags.dir, workers: flags.workers, servers: flags.docker === true ? 'containers' : 'processes', signal, onFigures: (figures) => board.update(figures) });
  const ending = new AbortController();
  const until = AbortSignal.any([signal, ending.signal]);
  let run: DemoRun | undefined;
  let shown: Promise<void> | undefined;
  try {
    run = await demo.open(pipeline.environment);
    const opened = run;
    shown = showFigures(run, board, begunAtMs, until);
    // Load that comes before the workers would only measure their start.
    const ready = await Promise.race([untilReady({ board, workers: flags.workers, signal: until, waitMs: READY_MS }), pipeline.failed]);
    tell(ready ? 'The workers are ready. The load begins' : 'The workers are not ready yet. The load begins all the same');
    const work = flags.events === undefined
      ? run.steady({ rate: flags.rate, seed: flags.seed, signal: until }).then(() => true)
      : runBounded(run, flags.events, flags.seed, { board, signal: until, progress: () => opened.progress() });
    return await Promise.race([work, pipeline.failed]);
  } finally {
    ending.abort(new Error('the run ends'));
    await shown?.catch(() => undefined);
    tell('Stopping');
    await Promise.all([run?.close(), pipeline.stop()]);
    tell('Stopped. The data is kept; npm run clean deletes it');
  }
};

const start = async (flags: StartFlags): Promise<void> => {
  let agreed = false;
  const interrupted = await interruptible(async (signal) => {
    agreed = await runDemo(flags, signal);
  });
  // A run without an end is done when it is told to stop; one with an end that was told to has shown nothing.
  const stoppedAsTold = interrupted !== undefined && flags.events === undefined;
  process.exitCode = agreed || stoppedAsTold ? EXIT.done : EXIT.failed;
};

const wholeFrom = (least: number) => (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < least) throw new InvalidArgumentError(`It is a whole number from ${least}.`);
  return value;
};

export const command = (): Command =>
  addDirOption(new Command('start'))
    .description(
      'Brings the local stack up, sets the example up, runs its workers and a load generator, and shows live figures until Ctrl-C, which stops ' +
        'everything it started and keeps the data. With --events it writes so many events, waits for every sink, compares each with SQL over the ' +
        'source rows, stops everything and exits 0 only when all agree.',
    )
    .option('--example <name>', 'which example', 'engagement')
    .option('--rate <events>', 'events per second', wholeFrom(1), 200)
    .option('--events <count>', 'write so many events as fast as possible, compare and stop', wholeFrom(1))
    .option('--seed <number>', 'seed of the load', wholeFrom(0), 1)
    .option('--workers <count>', 'worker processes', wholeFrom(1), 2)
    .option('--docker', 'the servers as containers, where a Docker engine answers; the workers stay processes')
    .action(start);
