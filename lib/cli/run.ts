import { Command, InvalidArgumentError, Option } from 'commander';
import { randomUUID } from 'node:crypto';
import { ConfigurationError, StopError } from '../core/errors.ts';
import { createLogger } from '../core/logger.ts';
import { run, type RunHandle } from '../runtime/run.ts';
import { serve, type WorkerServer } from '../server/index.ts';
import { coarse } from './run/events.ts';
import { startWorkers, type WorkerMessage } from './run/workers.ts';
import { EXIT, exitCodes, interruptible, nameList, printJsonLine, readEnvFile } from './shared.ts';
import { loadTopology } from './topology-file.ts';
import { withoutSinks } from './without.ts';

const FIGURES_INTERVAL_MS = 1_000;
/** A process whose work is done and that something still keeps alive ends after this. */
const LINGER_MS = 500;
const MOST_WORKERS = 64;

export { startWorkers, type Workers, type WorkersOptions } from './run/workers.ts';

interface RunFlags {
  readonly workers: number;
  readonly withoutSink: readonly string[];
  readonly json?: true;
  readonly asWorker?: true;
}

/** A parent that has just died makes a send fail; the `disconnect` that follows is what counts. */
const tellParent = (message: WorkerMessage): void => {
  if (process.connected) process.send!(message, undefined, {}, () => undefined);
};

/** Whoever wants to hear of this worker each second, and of rare events at once: the parent, a program that reads stdout, or nobody. */
const listenerOf = ({ json }: RunFlags): ((message: WorkerMessage) => void) | null => {
  if (process.send !== undefined) return tellParent;
  return json === true ? printJsonLine : null;
};

/** A worker that cannot serve where it was told to does not run at all. */
const served = async (handle: RunHandle): Promise<WorkerServer> => {
  try {
    return await serve(handle);
  } catch (error) {
    await handle.stop();
    throw error;
  }
};

/** Runs the topology in this process until a signal comes. */
const runHere = async (file: string, flags: RunFlags): Promise<void> => {
  const handle = run(withoutSinks(await loadTopology(file), flags.withoutSink));
  // It may fail before anybody waits for it.
  handle.done.catch(() => undefined);
  let server: WorkerServer | null = null;
  const listener = listenerOf(flags);
  const timer = listener === null ? null : setInterval(() => listener({ type: 'figures', figures: handle.figures(), url: server?.url ?? null }), FIGURES_INTERVAL_MS);
  if (listener !== null) coarse(handle.events$).subscribe((event) => listener({ type: 'event', worker: handle.worker, event }));
  try {
    await interruptible(async (signal) => {
      signal.addEventListener('abort', () => void handle.stop(), { once: true });
      // A parent that is gone asks for nothing any more.
      process.on('disconnect', () => void handle.stop());
      if (process.send !== undefined && !process.connected) void handle.stop();
      server = await served(handle);
      await handle.done;
    });
  } finally {
    await (server as WorkerServer | null)?.close();
    if (timer !== null) clearInterval(timer);
    if (process.connected) process.disconnect();
    setTimeout(() => process.exit(), LINGER_MS).unref();
  }
};

const runWorkers = async (file: string, { workers, withoutSink, json }: RunFlags): Promise<void> => {
  withoutSinks(await loadTopology(file), withoutSink);
  let fail: (error: Error) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const log = createLogger({ service: 'millrace', correlationId: randomUUID() });
  const started = startWorkers(file, {
    workers,
    environment: process.env,
    withoutSinks: withoutSink,
    ...(json === undefined ? {} : {
      onFigures: (figures, url) => printJsonLine({ type: 'figures', figures, url }),
      onEvent: (event, worker) => printJsonLine({ type: 'event', worker, event }),
    }),
    onRestart: (end) => log.warn('a worker ended and is started again', { ...end }),
    onExit: (code) => fail(code === EXIT.usage
      ? new ConfigurationError(['a worker refused its configuration'], { hint: 'Its own message stands above' })
      : new StopError(`a worker ended with code ${code}`, { hint: 'Its log stands above' })),
  });
  // The stop is part of it, so that a second signal cuts it short.
  await interruptible(async (signal) => {
    const asked = new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    try {
      await Promise.race([ended, asked]);
    } finally {
      const code = await started.stop();
      if (code !== EXIT.done) process.exitCode = code;
    }
  });
};

const workerCount = (text: string): number => {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > MOST_WORKERS) throw new InvalidArgumentError(`It is a whole number from 1 to ${MOST_WORKERS}.`);
  return count;
};

export const command = (): Command =>
  new Command('run')
    .description('Runs the topology that FILE exports as default, until SIGINT or SIGTERM: then it finishes, commits, leaves its groups and exits 0. Settings come from the environment and .env; logs go to stderr.')
    .argument('<file>', 'a TypeScript or JavaScript file')
    .option('--workers <count>', 'worker processes that share the partitions', workerCount, 1)
    .option('--without-sink <names>', 'sinks to leave out, separated by commas; they go on where they stopped once they run again', nameList, [])
    .option('--json', 'JSON lines on stdout: the figures of every worker each second, { "type": "figures" }, and what happens, { "type": "event" }')
    .addOption(new Option('--as-worker', 'run in this process').hideHelp())
    .addHelpText('after', exitCodes('0  stopped as told', '1  failed', '2  wrong usage or configuration: every problem is on stderr', '130, 143  a second SIGINT or SIGTERM cut the stop short'))
    .action(async (file: string, flags: RunFlags) => {
      readEnvFile();
      if (flags.asWorker === true || flags.workers === 1) await runHere(file, flags);
      else await runWorkers(file, flags);
    });
