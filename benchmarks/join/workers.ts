/** Our worker processes, ended by signals in mid-run; their parent starts each one again. */
import { closeSync, mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { WorkerFigures } from '../../lib/index.ts';
import { startWorkers, type Workers } from '../../lib/cli/run.ts';
import type { BenchStack } from '../stack.ts';

const END_TIMEOUT_MS = 20_000;
const POLL_MS = 50;

export interface JoinWorkersOptions {
  readonly app: string;
  readonly topic: string;
  readonly workers: number;
}

interface End {
  readonly pid: number | undefined;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class JoinWorkers {
  readonly #log: number;
  readonly #workers: Workers;
  readonly #ends: End[] = [];
  readonly #last = new Map<string, WorkerFigures>();
  #failure: string | null = null;

  constructor({ dir, environment }: BenchStack, { app, topic, workers }: JoinWorkersOptions) {
    mkdirSync(join(dir, 'logs'), { recursive: true });
    this.#log = openSync(join(dir, 'logs', 'workers.log'), 'a');
    this.#workers = startWorkers(join(import.meta.dirname, 'topology.ts'), {
      workers,
      environment: { ...process.env, ...environment, MILLRACE_LOG_LEVEL: 'warn', BENCH_JOIN_APP: app, BENCH_JOIN_TOPIC: topic },
      stderr: this.#log,
      onFigures: (figures) => this.#last.set(figures.worker, figures),
      onRestart: (end) => this.#ends.push(end),
      onExit: (code) => { this.#failure = `a worker ended for good with code ${code}`; },
    });
  }

  get pids(): readonly number[] {
    return this.#workers.pids;
  }

  /** Batches that went on before their table had caught up, over all processes that were. */
  get catchupTimeouts(): number {
    return [...this.#last.values()].flatMap(({ stages }) => stages).reduce((sum, stage) => sum + stage.catchupTimeouts, 0);
  }

  /** Throws when a worker was given up, or when more have ended than were told to. */
  check(told: number): void {
    if (this.#failure !== null) throw new Error(this.#failure);
    if (this.#ends.length > told) throw new Error(`a worker ended by itself: ${JSON.stringify(this.#ends)}`);
  }

  /** Signals so many of the processes and waits until each has ended by it: killed, or with exit code 0. */
  async end(signal: 'SIGKILL' | 'SIGTERM', count: number): Promise<void> {
    const deadlineMs = performance.now() + END_TIMEOUT_MS;
    // One may be in the pause before it is started again.
    while (this.pids.length < count && performance.now() < deadlineMs) await sleep(POLL_MS);
    const pids = this.pids.slice(0, count);
    if (pids.length < count) throw new Error(`${count} workers are to end and ${pids.length} run`);
    for (const pid of pids) process.kill(pid, signal);
    for (;;) {
      const ended = pids.map((pid) => this.#ends.find((end) => end.pid === pid));
      const wrong = ended.find((end) => end !== undefined && (signal === 'SIGKILL' ? end.signal !== 'SIGKILL' : end.code !== 0));
      if (wrong !== undefined) throw new Error(`after ${signal} a worker ended so: ${JSON.stringify(wrong)}`);
      if (ended.every((end) => end !== undefined)) return;
      if (performance.now() > deadlineMs) throw new Error(`after ${signal} not all workers have ended within ${END_TIMEOUT_MS / 1_000} s`);
      await sleep(POLL_MS);
    }
  }

  async stop(): Promise<void> {
    await this.#workers.stop();
    closeSync(this.#log);
  }
}
