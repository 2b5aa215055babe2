import type { FetchedBatch, Position, TopicPartition } from '../kafka/port.ts';
import type { StageContext } from './context.ts';
import type { Engine } from './engine.ts';
import { Pause } from './pause.ts';
import { prepared } from './prepared.ts';
import { Queue, type TaskEntry } from './queue.ts';
import { UnreadableError } from './reading.ts';
import { retrying } from './retry.ts';
import type { Wake } from './wake.ts';

export type { TaskEntry } from './queue.ts';

/** Records that are processed by time before others get a turn. */
const RECORDS_PER_TURN = 2_000;

const earlier = (a: number | null, b: number | null): number | null => (a === null ? b : b === null ? a : Math.min(a, b));

export interface TaskOptions {
  readonly context: StageContext;
  readonly partition: number;
  readonly entries: readonly TaskEntry[];
  readonly engine: Engine;
  readonly wake: Wake;
  /** Aborted when the task is closed at once. */
  readonly signal: AbortSignal;
  /** Called when records were processed, so that their queue may have room. */
  readonly onRoom: () => void;
}

/** One stage x one partition number: queues in front, an engine behind, one loop between. */
export class Task {
  readonly partition: number;
  readonly #options: TaskOptions;
  readonly #queues: readonly Queue[];
  readonly #byTopic: ReadonlyMap<string, Queue>;
  readonly #pause: Pause;
  #stopping = false;
  #failure: unknown = null;

  constructor(options: TaskOptions) {
    this.partition = options.partition;
    this.#options = options;
    this.#queues = options.entries.map((entry) => new Queue(entry));
    this.#byTopic = new Map(this.#queues.map((q) => [q.entry.topic, q]));
    this.#pause = new Pause({ context: options.context, partition: options.partition, wake: options.wake, fail: (error) => this.fail(error) });
  }

  /** Where the task wants to read on: the topics whose queues have room. */
  wanted(): Position[] {
    if (this.#stopping) return [];
    return this.#queues
      .filter((q) => q.bytes < this.#options.context.config.queueBytes)
      .map((q) => ({ topic: q.entry.topic, partition: this.partition, offset: q.fetchAt }));
  }

  /** The partitions that are not wanted because their queues are full. */
  full(): TopicPartition[] {
    return this.#queues.filter((q) => q.bytes >= this.#options.context.config.queueBytes).map((q) => ({ topic: q.entry.topic, partition: this.partition }));
  }

  /** Learns where logs end. */
  ends(positions: readonly Position[]): void {
    for (const { topic, offset } of positions) {
      this.#byTopic.get(topic)?.reaches(offset, this.#options.context.clock.now());
    }
  }

  /** Takes a fetched batch, unless it answers a question of a former owner. */
  offer(batch: FetchedBatch, askedAt: number): void {
    const queue = this.#byTopic.get(batch.topic);
    if (queue === undefined || queue.fetchAt !== askedAt || this.#stopping) return;
    queue.arrive(batch, this.#options.context.clock.now());
    // The tables are asked where their ends are now, after the batch has arrived.
    const tables = batch.count === 0 ? [] : [...this.#options.context.tables.values()].map((table) => this.#retrying('waiting for a table', () => table.caughtUp()));
    const arrived = Promise.all(tables);
    arrived.catch(() => {});
    queue.preparing = queue.preparing.then(async () => {
      await this.#decodable(queue, batch);
      if ((await arrived).includes(false)) this.#options.context.counters.catchupTimeouts += 1;
      queue.prepared();
      this.#options.wake.signal();
    }).catch((error: unknown) => this.fail(error));
  }

  async #decodable(queue: Queue, batch: FetchedBatch): Promise<void> {
    const ready = prepared(batch, queue.entry);
    if (ready === undefined) return;
    // The first attempt below asks again, and is given the question that is on its way.
    ready.catch(() => {});
    await this.#retrying('fetching a schema', async () => void await prepared(batch, queue.entry));
  }

  #retrying<T>(what: string, attempt: () => Promise<T>): Promise<T> {
    const { context, signal } = this.#options;
    const { clock, config, limited, counters, stage } = context;
    return retrying({ clock, config, limited, signal, what: `${what} (${stage.name})`, onRetry: () => { counters.retries += 1; } }, attempt);
  }

  /** Runs until `stop` (resolves when everything is committed), or until something ends the task (rejects). */
  async run(): Promise<void> {
    const { engine, wake, signal, context } = this.#options;
    while (!this.#stopping) {
      if (signal.aborted) throw signal.reason;
      if (this.#failure !== null) throw this.#failure;
      const startedMs = context.clock.monotonic();
      const worked = this.#pause.waits() ? false : engine.concurrency === null ? this.#process() : await this.#processInner(engine.concurrency);
      if (worked) context.counters.processTime.observe(context.clock.monotonic() - startedMs);
      await engine.settle();
      if (worked) {
        this.#options.onRoom();
        await context.clock.turn();
      } else {
        await wake.wait(earlier(engine.dueInMs(), this.#pause.dueInMs()));
      }
    }
    await engine.drain();
  }

  /** Processes what is ready, about a fetch's worth, so that heartbeats and other tasks get their turns. */
  #process(): boolean {
    let worked = true;
    try {
      worked = this.#queues.length === 1 ? this.#processBatch(this.#queues[0]!) : this.#processByTime();
    } catch (error) {
      this.#stand(error);
    }
    this.#report();
    return worked;
  }

  /** What came before the record is processed; the record itself waits, and all that is behind it. */
  #stand(error: unknown): void {
    if (!(error instanceof UnreadableError)) throw error;
    const queue = this.#byTopic.get(error.where!.topic!)!;
    this.#pause.begin(error, () => prepared(queue.head()!, queue.entry));
  }

  /** The same for a stage with inner streams: several records may be under way, and all have ended before anything is committed. */
  async #processInner(concurrency: number): Promise<boolean> {
    const { engine } = this.#options;
    const running = new Set<Promise<void>>();
    let worked = false;
    for (let done = 0; done < RECORDS_PER_TURN && !this.#stopping && (engine.dueInMs() ?? 1) > 0; done += 1) {
      const queue = this.#earliest();
      if (queue === undefined) break;
      worked = true;
      let later: void | Promise<void>;
      try {
        later = this.#take(queue);
      } catch (error) {
        this.#stand(error);
        break;
      }
      if (later === undefined) continue;
      const tracked = later.finally(() => running.delete(tracked));
      // What ends the task shows where it is waited for; the others are cut off with it.
      tracked.catch(() => {});
      running.add(tracked);
      if (running.size >= concurrency) await Promise.race(running);
    }
    await Promise.all(running);
    this.#report();
    return worked;
  }

  #take(queue: Queue): void | Promise<void> {
    const batch = queue.ready[0]!;
    const later = this.#options.engine.record(queue.entry, batch, queue.cursor);
    queue.processedTo = batch.offset(queue.cursor) + 1;
    queue.cursor += 1;
    this.#pause.end();
    return later;
  }

  #report(): void {
    for (const queue of this.#queues) {
      queue.head();
      if (queue.processedTo === queue.reported) continue;
      queue.reported = queue.processedTo;
      this.#options.engine.progressed(queue.entry.topic, queue.processedTo);
    }
  }

  #processBatch(queue: Queue): boolean {
    const batch = queue.head();
    if (batch === undefined) return false;
    const { engine } = this.#options;
    let i = queue.cursor;
    try {
      for (; i < batch.count; i += 1) void engine.record(queue.entry, batch, i);
    } finally {
      if (i > queue.cursor) {
        queue.processedTo = batch.offset(i - 1) + 1;
        queue.cursor = i;
        this.#pause.end();
      }
    }
    return true;
  }

  /** Takes the record with the lowest timestamp among the heads of the queues. */
  #processByTime(): boolean {
    for (let done = 0; done < RECORDS_PER_TURN; done += 1) {
      const queue = this.#earliest();
      if (queue === undefined) return done > 0;
      void this.#take(queue);
    }
    return true;
  }

  #earliest(): Queue | undefined {
    let earliest: Queue | undefined;
    let time = Infinity;
    for (const queue of this.#queues) {
      const head = queue.head();
      if (head !== undefined && head.timestamp(queue.cursor) < time) {
        earliest = queue;
        time = head.timestamp(queue.cursor);
      }
    }
    return earliest;
  }

  requestCommit(): void {
    this.#options.engine.requestCommit();
    this.#options.wake.signal();
  }

  /** Asks the loop to finish: what was processed is committed, what is queued is left to the next owner. */
  stop(): void {
    this.#stopping = true;
    this.#options.engine.stopSoon();
    this.#options.wake.signal();
  }

  /** Wakes the loop so that it notices an aborted signal. */
  interrupt(): void {
    this.#options.engine.stopSoon();
    this.#options.wake.signal();
  }

  /** Ends the task with an error. */
  fail(error: unknown): void {
    this.#failure ??= error;
    this.#options.wake.signal();
  }

  discard(): Promise<void> {
    this.#pause.end();
    return this.#options.engine.discard();
  }

  hasCommitted(): boolean {
    return this.#options.engine.hasCommitted();
  }

  /** Records behind the high watermark as of the last fetch or not yet committed, and for how long the oldest of them has waited. */
  lag(nowMs: number): { readonly records: number; readonly ms: number } {
    const { engine } = this.#options;
    let records = engine.unsettled();
    let oldestMs = engine.oldestMs();
    for (const queue of this.#queues) {
      records += Math.max(0, queue.highWatermark - queue.processedTo);
      oldestMs = earlier(oldestMs, queue.oldestMs());
    }
    return { records, ms: oldestMs === null ? 0 : Math.max(0, nowMs - oldestMs) };
  }
}
