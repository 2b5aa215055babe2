/** Counters of one stage in one worker. All grow from the worker's start but `tasks`, `lagRecords` and `lagMs`, which are as of now. */
export interface StageFigures {
  readonly stage: string;
  /** Name of the outside sink the stage ends in, or null. */
  readonly sink: string | null;
  readonly tasks: number;
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
  readonly commits: number;
  readonly commitMs: number;
  /** Table catch-up waits that ran out. */
  readonly catchupTimeouts: number;
  readonly lagRecords: number;
  /** Age of the oldest record read but not yet processed or of the last one processed while there is lag; 0 without lag. */
  readonly lagMs: number;
}

/** What a worker tells its parent each second: `{ type: 'figures', ... }` over the process channel, or `run(...).figures()`. */
export interface WorkerFigures {
  readonly worker: string;
  readonly stages: readonly StageFigures[];
}

/** The mutable side of `StageFigures`. */
export class StageCounters {
  readonly stage: string;
  readonly sink: string | null;
  tasks = 0;
  recordsIn = 0;
  recordsOut = 0;
  deadLetters = 0;
  readonly dropped: Record<string, number> = {};
  retries = 0;
  aborts = 0;
  commits = 0;
  commitMs = 0;
  catchupTimeouts = 0;
  lagRecords = 0;
  lagMs = 0;

  constructor(stage: string, sink: string | null) {
    this.stage = stage;
    this.sink = sink;
  }

  drop(reason: string): void {
    this.dropped[reason] = (this.dropped[reason] ?? 0) + 1;
  }

  snapshot(): StageFigures {
    return { ...this, dropped: { ...this.dropped } };
  }
}
