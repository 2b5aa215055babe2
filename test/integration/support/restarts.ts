/** Three workers under load, of which one at a time is restarted; what that cost is read from their logs and from when results come out. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Consumer } from 'kafkajs';
import { eventually, Lab, type WorkerProcess } from './lab.ts';

const TOPOLOGY = 'test/integration/runtime/counting.ts';
const STAGE = 'by-user';
const WORKERS = 3;
const USERS = 96;
const FEED_MS = 50;
/** After a restart, until what it delayed has come out. */
const SETTLE_MS = 1_500;

interface Worker {
  readonly stateDir: string;
  process: WorkerProcess;
}

export interface Restart {
  /** Generations of the group that it took. */
  readonly rebalances: number;
  /** Partition numbers that the restarted worker had before, and after. */
  readonly before: readonly number[];
  readonly after: readonly number[];
  /** Partition numbers that another worker had before and gave up or opened anew, though for a moment. */
  readonly disturbed: readonly number[];
  /** Longest time in which no result of a task came out, ms: of those that moved, and of those that stayed. */
  readonly movedMs: readonly number[];
  readonly keptMs: readonly number[];
  /** From the signal until all tasks were open as before, ms. */
  readonly settledMs: number;
  /** How many of the restarted worker's tasks found their state on its disk when they came back. */
  readonly fromDisk: number;
}

const numbersIn = (line: Record<string, unknown> | undefined): number[] => ((line?.partitions ?? []) as number[]).toSorted((a, b) => a - b);

export class RestartLab {
  readonly lab: Lab;
  readonly partitions: number;
  readonly #workers: Worker[] = [];
  readonly #arrivals = new Map<number, number[]>();
  #folder = '';
  #consumer: Consumer | null = null;
  #feeding = true;
  #feeder: Promise<void> = Promise.resolve();
  sent = 0;

  constructor(name: string, partitions: number) {
    this.lab = new Lab(name);
    this.partitions = partitions;
  }

  /** Each worker has a state folder of its own, as on three machines. */
  #start(stateDir: string): WorkerProcess {
    return this.lab.worker(TOPOLOGY, { MILLRACE_STATE: 'disk', MILLRACE_STATE_DIR: stateDir, MILLRACE_HTTP_PORT: 'off', MILLRACE_SESSION_TIMEOUT_MS: '6000', MILLRACE_HEARTBEAT_INTERVAL_MS: '500' });
  }

  #assigned({ process }: Worker): readonly Record<string, unknown>[] {
    return process.said('assigned').filter(({ stage }) => stage === STAGE);
  }

  owned(worker: number): number[] {
    return numbersIn(this.#assigned(this.#workers[worker]!).at(-1));
  }

  #opened({ process }: Worker, from: number): number[] {
    return process.lines.slice(from).filter(({ message, stage }) => message === 'task open' && stage === STAGE).map(({ partition }) => Number(partition));
  }

  #generation(): number {
    return Math.max(-1, ...this.#workers.flatMap((worker) => this.#assigned(worker).map(({ generation }) => Number(generation))));
  }

  async begin(): Promise<void> {
    this.#folder = await mkdtemp(join(tmpdir(), 'millrace-restarts-'));
    await this.lab.topic('events', this.partitions);
    await this.lab.topic('counts', this.partitions);
    for (let i = 0; i < WORKERS; i += 1) {
      const stateDir = join(this.#folder, `worker-${i}`);
      this.#workers.push({ stateDir, process: this.#start(stateDir) });
    }
    await this.#balanced();
    await this.#watch();
    this.#feeder = this.#feed();
    await eventually(() => this.#arrivals.size === this.partitions, () => 'results from every partition');
    await delay(SETTLE_MS);
  }

  #balanced(): Promise<void> {
    const share = this.partitions / WORKERS;
    const all = (): number[] => this.#workers.flatMap((_, i) => this.owned(i));
    return eventually(
      () => this.#workers.every((worker, i) => this.owned(i).length === share && this.owned(i).every((p) => this.#opened(worker, 0).includes(p))) && new Set(all()).size === this.partitions,
      () => JSON.stringify(this.#workers.map((worker) => worker.process.lines.slice(-3))),
    );
  }

  async #watch(): Promise<void> {
    this.#consumer = this.lab.kafka.consumer({ groupId: `${this.lab.app}-watch`, readUncommitted: false, maxWaitTimeInMs: 20 });
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topics: [`${this.lab.app}.counts`] });
    await this.#consumer.run({
      autoCommit: false,
      eachBatch: async ({ batch }) => {
        const times = this.#arrivals.get(batch.partition) ?? [];
        this.#arrivals.set(batch.partition, times);
        if (batch.messages.length > 0) times.push(performance.now());
      },
    });
  }

  async #feed(): Promise<void> {
    while (this.#feeding) {
      const events = Array.from({ length: USERS }, (_, i) => ({ id: this.sent + i, user: `user-${i}`, amount: 1 }));
      await this.lab.send(`${this.lab.app}.events`, events.map((event) => ({ key: String(event.id), value: JSON.stringify(event) })));
      this.sent += USERS;
      await delay(FEED_MS);
    }
  }

  /** The longest pause between two results that touches the time since `fromMs`. */
  #gap(partition: number, fromMs: number): number {
    const times = this.#arrivals.get(partition)!;
    return Math.round(Math.max(...times.slice(1).map((time, i) => (time >= fromMs ? time - Math.max(times[i]!, fromMs) : 0))));
  }

  async restart(index: number, signal: 'SIGTERM' | 'SIGKILL'): Promise<Restart> {
    const worker = this.#workers[index]!;
    const others = this.#workers.filter((other) => other !== worker);
    const before = this.owned(index);
    const theirs = others.map((other) => ({ other, held: this.owned(this.#workers.indexOf(other)), lines: other.process.lines.length, assignments: this.#assigned(other).length }));
    const generation = this.#generation();
    const beganMs = performance.now();
    worker.process.signal(signal);
    await worker.process.exited;
    worker.process = this.#start(worker.stateDir);
    await this.#balanced();
    const settledMs = Math.round(performance.now() - beganMs);
    await delay(SETTLE_MS);
    const disturbed = theirs.flatMap(({ other, held, lines, assignments }) => held.filter((partition) =>
      this.#opened(other, lines).includes(partition) || this.#assigned(other).slice(assignments).some((line) => !numbersIn(line).includes(partition))));
    const all = Array.from({ length: this.partitions }, (_, partition) => partition);
    return {
      rebalances: this.#generation() - generation,
      before,
      after: this.owned(index),
      disturbed,
      movedMs: before.map((partition) => this.#gap(partition, beganMs)),
      keptMs: all.filter((partition) => !before.includes(partition)).map((partition) => this.#gap(partition, beganMs)),
      settledMs,
      fromDisk: worker.process.said('store restored').filter(({ onDisk, partition }) => onDisk === true && before.includes(Number(partition))).length,
    };
  }

  /** Stops the load and waits until all of it is counted. */
  async drain(): Promise<number> {
    this.#feeding = false;
    await this.#feeder;
    let counted = 0;
    await eventually(async () => {
      counted = (await this.lab.read(`${this.lab.app}.counts`)).length;
      return counted >= this.sent;
    }, () => `${this.sent} results, there are ${counted}`);
    return counted;
  }

  async close(): Promise<void> {
    this.#feeding = false;
    await this.#feeder.catch(() => undefined);
    await this.#consumer?.disconnect();
    await Promise.all(this.#workers.map(({ process }) => process.stop()));
    await this.lab.close();
    if (this.#folder !== '') await rm(this.#folder, { recursive: true, force: true });
  }
}
