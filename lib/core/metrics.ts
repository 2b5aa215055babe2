import { AGE_BOUNDS_MS, DURATION_BOUNDS_MS, Histogram, type HistogramFigures } from './histogram.ts';

/** Whether a sink is written to: `open` waits, `half-open` tries with one write. */
export type BreakerState = 'closed' | 'open' | 'half-open';

/** Figures of one stage in one worker. Those that are named "now" are as of this moment; all others grow from the worker's start. */
export interface StageFigures {
  readonly stage: string;
  /** Name of the outside sink the stage ends in, or null. */
  readonly sink: string | null;
  /** Now: tasks that are open. */
  readonly tasks: number;
  /** Now: tasks that the group has given to this worker; null while the worker is no member. */
  readonly assigned: number | null;
  /** Now: tasks among them that are not open yet. */
  readonly opening: number;
  /** Completed joins of the group. */
  readonly rebalances: number;
  readonly recordsIn: number;
  /** Records written to topics of the topology, or accepted by the sink. */
  readonly recordsOut: number;
  readonly deadLetters: number;
  /** Reason -> records dropped for it: tombstone, delete, update, no-match, ... */
  readonly dropped: Readonly<Record<string, number>>;
  /** Failed attempts that were tried again (sink, broker, registry). */
  readonly retries: number;
  /** Tasks closed by a fence or a failed commit. */
  readonly aborts: number;
  /** Those of them that a newer owner has shut out. */
  readonly fences: number;
  readonly commits: number;
  readonly commitMs: number;
  readonly commitTime: HistogramFigures;
  /** Turns of a task: the records of about one fetch through the stage's functions. */
  readonly processTime: HistogramFigures;
  /** Attempts at writing a batch to the sink; the count is their number. */
  readonly sinkWriteTime: HistogramFigures;
  /** Attempts after which records had to be written again. */
  readonly sinkErrors: number;
  /** Records that the sink refused for good; they are dead letters. */
  readonly sinkRefusals: number;
  /** How old events were when the sink had taken them: then minus their event time. */
  readonly eventAge: HistogramFigures;
  /** Now: the sink's circuit breaker; null without an outside sink. */
  readonly breaker: BreakerState | null;
  /** Now: why the last attempt at the sink failed, without secrets; null after one that did not. */
  readonly sinkDown: string | null;
  /** Table catch-up waits that ran out. */
  readonly catchupTimeouts: number;
  /** Now: tasks that stand at a record whose schema they cannot read. */
  readonly paused: number;
  /** Now: why one of them does; null while none does. */
  readonly pausedBy: string | null;
  /** Now: changelog offsets that tasks have still to read before they open. */
  readonly restoreRemaining: number;
  /** Now: how long the longest of the restores under way still takes, ms, at its rate so far; null: none runs, or none has got far enough to say. */
  readonly restoreMs: number | null;
  /** Now: records of this worker's tasks that are not processed, committed or decided on by the sink yet, up to the ends of the topics as of the last fetch. */
  readonly lagRecords: number;
  /**
   * Now: records behind the ends of all partitions by what the group has committed, while the stage waits to join it (for its sink, or its tables) and nobody else is
   * a member. Each worker that waits tells the same.
   */
  readonly waitingRecords: number;
  /**
   * Now: age of the oldest record that is read and not finished, by its Kafka timestamp. While nothing of what is behind has been read: the age of the record before it, or
   * the time since it is known to be there. 0 without lag.
   */
  readonly lagMs: number;
}

/** A joined table in one worker, now. */
export interface TableFigures {
  readonly topic: string;
  readonly rows: number;
  /** Read to its end once; the stages start after that. */
  readonly loaded: boolean;
  /** Records that could not be read since the worker's start: a row of theirs is missing, or is as it was before. */
  readonly unreadable: number;
  /** Values since the worker's start that the connector did not send and no row before had (unchanged TOAST). */
  readonly valuesUnavailable: number;
  /** Why it is not read on: a schema that cannot be read. The stages that join with it wait. */
  readonly pausedBy?: string;
}

/** `starting`: topics, tables and sinks are prepared. `running`: every stage has asked to join. `failed`: what no retry mends. */
export type WorkerState = 'starting' | 'running' | 'stopping' | 'stopped' | 'failed';

/** What a worker tells its parent each second: `{ type: 'figures', ... }` over the process channel, or `run(...).figures()`. */
export interface WorkerFigures {
  readonly worker: string;
  readonly state: WorkerState;
  readonly stages: readonly StageFigures[];
  readonly tables: readonly TableFigures[];
}

/** The mutable side of `StageFigures`. */
export class StageCounters {
  readonly stage: string;
  readonly sink: string | null;
  tasks = 0;
  assigned: number | null = null;
  opening = 0;
  rebalances = 0;
  recordsIn = 0;
  recordsOut = 0;
  deadLetters = 0;
  readonly dropped: Record<string, number> = {};
  retries = 0;
  aborts = 0;
  fences = 0;
  commits = 0;
  commitMs = 0;
  readonly commitTime = new Histogram(DURATION_BOUNDS_MS);
  readonly processTime = new Histogram(DURATION_BOUNDS_MS);
  readonly sinkWriteTime = new Histogram(DURATION_BOUNDS_MS);
  sinkErrors = 0;
  sinkRefusals = 0;
  readonly eventAge = new Histogram(AGE_BOUNDS_MS);
  breaker: BreakerState | null;
  sinkDown: string | null = null;
  catchupTimeouts = 0;
  paused = 0;
  pausedBy: string | null = null;
  readonly #pauses = new Map<object, string>();
  restoreRemaining = 0;
  restoreMs: number | null = null;
  readonly #restores = new Map<object, number>();
  lagRecords = 0;
  waitingRecords = 0;
  lagMs = 0;

  constructor(stage: string, sink: string | null) {
    this.stage = stage;
    this.sink = sink;
    this.breaker = sink === null ? null : 'closed';
  }

  drop(reason: string): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  committed(ms: number): void {
    this.commits += 1;
    this.commitMs += ms;
    this.commitTime.observe(ms);
  }

  /** Takes what one restore has left, and how long that takes if that is known, as often as it changes; it ends with 0. */
  restoring(): (remaining: number, leftMs?: number | null) => void {
    const restore = {};
    let known = 0;
    return (remaining, leftMs = null) => {
      this.restoreRemaining += remaining - known;
      known = remaining;
      if (leftMs === null || remaining === 0) this.#restores.delete(restore);
      else this.#restores.set(restore, leftMs);
      this.restoreMs = this.#restores.size === 0 ? null : Math.max(...this.#restores.values());
    };
  }

  /** A task comes to stand; the answer is called when it goes on, or is closed. */
  pausing(why: string): () => void {
    const pause = {};
    this.#pauses.set(pause, why);
    const count = (): void => {
      this.paused = this.#pauses.size;
      this.pausedBy = this.#pauses.values().next().value ?? null;
    };
    count();
    return () => {
      this.#pauses.delete(pause);
      count();
    };
  }

  snapshot(): StageFigures {
    const { commitTime, processTime, sinkWriteTime, eventAge } = this;
    return {
      ...this,
      dropped: { ...this.dropped },
      commitTime: commitTime.snapshot(),
      processTime: processTime.snapshot(),
      sinkWriteTime: sinkWriteTime.snapshot(),
      eventAge: eventAge.snapshot(),
    };
  }
}
