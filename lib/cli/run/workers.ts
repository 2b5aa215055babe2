import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Environment } from '../../core/config.ts';
import { ConfigurationError } from '../../core/errors.ts';
import type { WorkerFigures } from '../../core/metrics.ts';
import { EXIT } from '../shared.ts';
import type { CoarseEvent } from './events.ts';

/** After a stop was asked for, a worker that is still there is killed. Longer than the workers' own `stopTimeoutMs`. */
const STOP_TIMEOUT_MS = 12_000;
/** The pause before a worker that ended is started again: the first one, doubling, and the longest. */
const FIRST_RESTART_MS = 500;
const LONGEST_RESTART_MS = 10_000;
/** A worker that ends so often in a row is given up; one that has run for `STABLE_MS` starts a new row. */
const RESTARTS_IN_A_ROW = 8;
const STABLE_MS = 60_000;

/** Runs the sources here and the compiled code where the package is installed. */
const MAIN = join(import.meta.dirname, '..', '..', '..', 'bin', 'millrace.mjs');

/** What a worker process sends its parent. */
export interface FiguresMessage {
  readonly type: 'figures';
  readonly figures: WorkerFigures;
  /** Where it serves /health and /metrics, or null. */
  readonly url: string | null;
}

/** What a worker process tells of itself as it happens: rare things only. */
export interface EventMessage {
  readonly type: 'event';
  readonly worker: string;
  readonly event: CoarseEvent;
}

export type WorkerMessage = FiguresMessage | EventMessage;

/** How a worker ended: its exit code, or the signal that killed it. */
export interface WorkerEnd {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** When it is started again. */
  readonly restartMs: number;
}

export interface WorkersOptions {
  readonly workers: number;
  readonly environment: Environment;
  /** Where the workers' logs go: inherited, or a file descriptor. */
  readonly stderr?: 'inherit' | number;
  /** Names of sinks that run elsewhere or not at all. */
  readonly withoutSinks?: readonly string[];
  readonly onFigures?: (figures: WorkerFigures, url: string | null) => void;
  readonly onEvent?: (event: CoarseEvent, worker: string) => void;
  /** Called when a worker ended that nobody asked to, and will be started again. */
  readonly onRestart?: (end: WorkerEnd) => void;
  /** Called when a worker ended for good that nobody asked to: it refused its configuration, or ended too often. */
  readonly onExit?: (code: number | null) => void;
}

export interface Workers {
  /** Processes as of now. */
  readonly pids: readonly number[];
  /** Asks all to finish and waits, bounded; the exit code of the first that failed, else 0. */
  stop(): Promise<number>;
}

/** One place among the workers: a process, or the pause before the next one. */
class Place {
  readonly #file: string;
  readonly #options: WorkersOptions;
  #child: ChildProcess | null = null;
  #startedMs = 0;
  #restarts = 0;
  #timer: NodeJS.Timeout | null = null;
  #stopping = false;
  #ended: (code: number) => void = () => {};

  constructor(file: string, options: WorkersOptions) {
    this.#file = file;
    this.#options = options;
    this.#start();
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  #start(): void {
    const { environment, stderr, onFigures, onEvent, withoutSinks = [] } = this.#options;
    this.#timer = null;
    this.#startedMs = performance.now();
    const args = ['run', this.#file, '--as-worker', ...(withoutSinks.length === 0 ? [] : ['--without-sink', withoutSinks.join(',')])];
    // A group of its own: Ctrl-C reaches this process alone, which then asks once. A second signal would cut the stop short.
    const child = fork(MAIN, args, { env: { ...environment }, stdio: ['ignore', 'ignore', stderr ?? 'inherit', 'ipc'], detached: true });
    this.#child = child;
    child.on('message', (message: WorkerMessage) => {
      if (message.type === 'figures') onFigures?.(message.figures, message.url);
      if (message.type === 'event') onEvent?.(message.event, message.worker);
    });
    child.on('error', () => {
      // Without a pid it never ran, and there will be no exit.
      if (child.pid === undefined) this.#onExit(child, EXIT.failed, null);
    });
    child.on('exit', (code, signal) => this.#onExit(child, code, signal));
  }

  #onExit(child: ChildProcess, code: number | null, signal: NodeJS.Signals | null): void {
    this.#child = null;
    // One that was still starting has no handler for the signal yet, and nothing to finish.
    if (this.#stopping) return this.#ended(code ?? (signal === 'SIGTERM' ? EXIT.done : EXIT.failed));
    if (performance.now() - this.#startedMs >= STABLE_MS) this.#restarts = 0;
    // What is wrong with a configuration is wrong the next time too.
    if (code === EXIT.usage || this.#restarts >= RESTARTS_IN_A_ROW) return this.#options.onExit?.(code);
    const restartMs = Math.min(LONGEST_RESTART_MS, FIRST_RESTART_MS * 2 ** this.#restarts);
    this.#restarts += 1;
    this.#timer = setTimeout(() => this.#start(), restartMs);
    this.#options.onRestart?.({ pid: child.pid, code, signal, restartMs });
  }

  async stop(): Promise<number> {
    this.#stopping = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    const child = this.#child;
    if (child === null) return EXIT.done;
    const code = new Promise<number>((resolve) => {
      this.#ended = resolve;
    });
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    return code.finally(() => clearTimeout(late));
  }

  kill(): void {
    this.#child?.kill('SIGKILL');
  }
}

/** A fixed port is the first worker's; side by side on one machine the others have those after it. */
const withOwnPort = (environment: Environment, place: number): Environment => {
  const port = environment.MILLRACE_HTTP_PORT ?? '';
  return /^\d+$/.test(port) ? { ...environment, MILLRACE_HTTP_PORT: String(Number(port) + place) } : environment;
};

const HIGHEST_PORT = 65_535;

/** What is no port at all, each worker refuses by itself, in the words of the setting. */
const checkPorts = (environment: Environment, workers: number): void => {
  const first = Number(environment.MILLRACE_HTTP_PORT);
  if (!Number.isInteger(first) || first > HIGHEST_PORT || first + workers - 1 <= HIGHEST_PORT) return;
  throw new ConfigurationError([`MILLRACE_HTTP_PORT=${first} leaves no port for each of ${workers} workers: each has the one after that of the worker before, and ${HIGHEST_PORT} is the highest`], {
    hint: `Choose ${HIGHEST_PORT - workers + 1} or lower, or auto`,
  });
};

/** Starts worker processes that share a topology's partitions. One that dies is started again, after a pause that grows. Throws `ConfigurationError` when their ports do not go so far. */
export const startWorkers = (file: string, options: WorkersOptions): Workers => {
  checkPorts(options.environment, options.workers);
  const places = Array.from({ length: options.workers }, (_, place) => new Place(file, { ...options, environment: withOwnPort(options.environment, place) }));
  // Only a second signal ends this process before its workers.
  const killAll = (): void => places.forEach((place) => place.kill());
  process.once('exit', killAll);
  return {
    get pids() {
      return places.flatMap((place) => place.pid ?? []);
    },
    stop: async () => {
      const codes = await Promise.all(places.map((place) => place.stop()));
      process.off('exit', killAll);
      return codes.find((code) => code !== EXIT.done) ?? EXIT.done;
    },
  };
};
