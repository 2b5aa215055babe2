import { Command, InvalidArgumentError, Option } from 'commander';
import { fork, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../core/config.ts';
import { ConfigurationError, StopError } from '../core/errors.ts';
import type { WorkerFigures } from '../core/metrics.ts';
import { run } from '../runtime/run.ts';
import { EXIT, interruptible } from './shared.ts';
import { loadTopology } from './topology-file.ts';

const FIGURES_INTERVAL_MS = 1_000;
/** After a stop was asked for, a worker that is still there is killed. Longer than the workers' own `stopTimeoutMs`. */
const STOP_TIMEOUT_MS = 12_000;
const MOST_WORKERS = 64;

/** What a worker process sends its parent. */
export interface FiguresMessage {
  readonly type: 'figures';
  readonly figures: WorkerFigures;
}

export interface WorkersOptions {
  readonly workers: number;
  readonly environment: Environment;
  /** Where the workers' logs go: inherited, or a file descriptor. */
  readonly stderr?: 'inherit' | number;
  readonly onFigures?: (figures: WorkerFigures) => void;
  /** Called when a worker ends that nobody asked to. */
  readonly onExit?: (code: number | null) => void;
}

export interface Workers {
  readonly pids: readonly number[];
  /** Asks all to finish and waits, bounded; the exit code of the first that failed, else 0. */
  stop(): Promise<number>;
}

/** Starts worker processes that share a topology's partitions. */
export const startWorkers = (file: string, options: WorkersOptions): Workers => {
  let stopping = false;
  const main = join(import.meta.dirname, 'main.ts');
  const children = Array.from({ length: options.workers }, (): { child: ChildProcess; done: Promise<number> } => {
    const child = fork(main, ['run', file, '--as-worker'], { env: { ...options.environment }, stdio: ['ignore', 'ignore', options.stderr ?? 'inherit', 'ipc'] });
    child.on('message', (message: FiguresMessage) => {
      if (message.type === 'figures') options.onFigures?.(message.figures);
    });
    const done = new Promise<number>((resolve) => {
      child.on('exit', (code) => {
        resolve(code ?? EXIT.failed);
        if (!stopping) options.onExit?.(code);
      });
    });
    return { child, done };
  });
  return {
    pids: children.map(({ child }) => child.pid!),
    stop: async () => {
      stopping = true;
      for (const { child } of children) child.kill('SIGTERM');
      const timer = setTimeout(() => children.forEach(({ child }) => child.kill('SIGKILL')), STOP_TIMEOUT_MS);
      const codes = await Promise.all(children.map(({ done }) => done));
      clearTimeout(timer);
      return codes.find((code) => code !== EXIT.done) ?? EXIT.done;
    },
  };
};

const readEnvFile = (): void => {
  if (existsSync('.env')) process.loadEnvFile('.env');
};

/** Runs the topology in this process until a signal comes. */
const runHere = async (file: string): Promise<void> => {
  const handle = run(await loadTopology(file));
  const send = process.send?.bind(process);
  const timer = send === undefined ? null : setInterval(() => send({ type: 'figures', figures: handle.figures() } satisfies FiguresMessage), FIGURES_INTERVAL_MS);
  try {
    await interruptible(async (signal) => {
      signal.addEventListener('abort', () => void handle.stop(), { once: true });
      // A parent that is gone asks for nothing any more.
      process.on('disconnect', () => void handle.stop());
      await handle.done;
    });
  } finally {
    if (timer !== null) clearInterval(timer);
    if (process.connected) process.disconnect();
  }
};

const runWorkers = async (file: string, workers: number): Promise<void> => {
  await loadTopology(file);
  let fail: (error: Error) => void = () => {};
  const ended = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const started = startWorkers(file, {
    workers,
    environment: process.env,
    onExit: (code) => fail(code === EXIT.usage
      ? new ConfigurationError(['a worker refused its configuration'], { hint: 'Its own message stands above' })
      : new StopError(`a worker ended with code ${code}`, { hint: 'Its log stands above' })),
  });
  try {
    await interruptible((signal) => Promise.race([ended, new Promise<void>((resolve) => {
      signal.addEventListener('abort', () => resolve(), { once: true });
    })]));
  } finally {
    const code = await started.stop();
    if (code !== EXIT.done) process.exitCode = code;
  }
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
    .addOption(new Option('--as-worker', 'run in this process').hideHelp())
    .action(async (file: string, options: { readonly workers: number; readonly asWorker?: true }) => {
      readEnvFile();
      if (options.asWorker === true || options.workers === 1) await runHere(file);
      else await runWorkers(file, options.workers);
    });
