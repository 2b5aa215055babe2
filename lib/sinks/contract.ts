/**
 * The contract between the runtime and an outside sink. A driver serves all tasks of one sink in a worker; each task
 * gets a writer of its own. The runtime calls a writer's `write` with one batch at a time, never two at once, and commits
 * offsets only behind what `write` has reported as written or refused.
 *
 * A driver MUST make a repeated write harmless as far as its page in docs/DELIVERY.md promises, because after a crash the
 * same records come again, batched differently. It MUST NOT report a record as written before the outside system has it.
 */
import type { Clock } from '../core/clock.ts';
import type { DeadLetterError, RetryError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Headers, Meta } from '../../topology/meta.ts';

/** A record on its way out, and where its stage read it. Doubles as the `meta` that the sink's callbacks get. */
export interface SinkRecord extends Meta<unknown> {
  readonly value: unknown;
  readonly key: unknown;
  readonly timestamp: number;
  readonly headers: Headers;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly now: number;
}

/** What a driver gets from the worker. */
export interface SinkContext {
  readonly app: string;
  /** The sink's name, which is its stage's too. */
  readonly sink: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Longest time of one write. */
  readonly timeoutMs: number;
  /** The application whose history this one writes, in a backfill. Default: none, this is live traffic. */
  readonly backfillOf?: string;
}

/** The task that a writer writes for. */
export interface SinkTask {
  /** One partition of each topic the stage reads. */
  readonly partitions: readonly { readonly topic: string; readonly partition: number }[];
  /** Orders owners of this task: (producerId, epoch) only grows. */
  readonly owner: { readonly producerId: number; readonly epoch: number };
}

/** What became of a batch; what is named in neither list was written. Indexes are those of the batch. */
export interface WriteResult {
  /**
   * Refused for good: dead letters. `by` the outside system, or by the writer itself, which sent nothing of the record: that says nothing about
   * whether the system works.
   */
  readonly refused: readonly { readonly index: number; readonly error: DeadLetterError; readonly by: 'system' | 'writer' }[];
  /** To be written again after a pause, in this order. A record behind one of these with the same ordering key is here too. */
  readonly retry: readonly { readonly index: number; readonly error: RetryError }[];
}

export const ALL_WRITTEN: WriteResult = { refused: [], retry: [] };

/** How much one write may ask of the outside system. `probe`, while nobody knows whether it works: one request at a time, and none after one that fails. */
export type Effort = 'full' | 'probe';

export interface SinkWriter {
  /**
   * The next offset of each of the task's partitions as the outside system knows it, or null where it knows none or does not
   * keep positions. The task starts at the lower of this and Kafka's. `endOffsets` are the ends of the partitions' logs, asked for
   * after the writer was made, since until then an older owner may have written behind them: a position beyond its log's end
   * belongs to a topic that is gone, and the writer begins anew at 0.
   */
  positions(endOffsets: readonly number[]): Promise<readonly (number | null)[]>;
  /**
   * Writes a batch in offset order; all records of one offset are in one batch. Rejects with `RetryError` when the whole
   * batch is to be tried again, with `RejoinError` when a newer owner has fenced this task. A callback of the user that
   * throws refuses its record. Stops early, with the rest in `retry`, when the signal aborts. Effort: `full` by default.
   */
  write(batch: readonly SinkRecord[], signal: AbortSignal, effort?: Effort): Promise<WriteResult>;
  /**
   * Asks whether the outside system still has everything that it has confirmed to this writer. Rejects with `RejoinError` when it
   * has not, or knows a newer owner, with `RetryError` while it is down. Sinks that keep no positions leave it out. Never called while `write` runs.
   */
  verify?(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface SinkDriver {
  /** The outside system keeps positions, so that `writer` asks it. Sinks that keep none leave it out; their `writer` and `positions` ask nobody. */
  readonly keepsPositions?: true;
  /** Connects and creates what is needed (a table, say). Rejects with `RetryError` while the system is down, `StopError` when it refuses for good. */
  open(): Promise<void>;
  /** A writer for a task; for fenced sinks this shuts out older owners. */
  writer(task: SinkTask): Promise<SinkWriter>;
  /**
   * Before a backfill settles where it ends: from now on live traffic leaves word of what it writes, and this backfill leaves that alone. 'resumed': that must
   * have been so since its first start. Rejects with `StopError` when it was not, or when another backfill writes to the sink. A sink whose writes
   * need no such order leaves it out, as `release`.
   */
  protect?(start: 'first' | 'resumed'): Promise<void>;
  /** After a backfill: takes away what `protect` and its writers have left of themselves. */
  release?(partitions: SinkTask['partitions']): Promise<void>;
  /** Resolves when the system answers. */
  health(): Promise<void>;
  close(): Promise<void>;
}
