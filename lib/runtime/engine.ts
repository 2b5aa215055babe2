import type { FetchedBatch } from '../kafka/port.ts';
import type { ValueDecoder } from '../serde/serde.ts';

/** One topic that a task reads. */
export interface Entry {
  readonly topic: string;
  readonly values: ValueDecoder<unknown>;
  decodeKey(bytes: Buffer | null): unknown;
  /** Event time of a decoded value, ms; null: the Kafka record's timestamp. */
  readonly timeOf: ((value: unknown, recordTime: number) => number) | null;
}

/** What a task does with its records: write to topics in transactions, or to an outside sink. */
export interface Engine {
  /** Records that may be under way at once; null when the stage finishes each in the call. */
  readonly concurrency: number | null;
  /**
   * Runs the stage on record `i`. Never throws for what one record causes: that is a dead letter. Throws `UnreadableError` when the record's schema is at fault; the
   * record is then untouched, and may be given again. A promise means that the
   * record has inner streams under way; nothing may be settled before it resolves, and its rejection ends the task.
   */
  record(entry: Entry, batch: FetchedBatch, i: number): void | Promise<void>;
  /** Everything of the topic below this offset has been handed to `record`. */
  progressed(topic: string, nextOffset: number): void;
  /** Commits or writes what is due; waits while more may not be taken. Throws what ends the task. */
  settle(): Promise<void>;
  /** Milliseconds until `settle` has something to do again, or null. */
  dueInMs(): number | null;
  /** Makes the next `settle` commit whatever there is. */
  requestCommit(): void;
  /** No more attempts at what fails: the task is about to be drained or discarded. */
  stopSoon(): void;
  /** Finishes: writes and commits everything that can be. */
  drain(): Promise<void>;
  /** Whether anything has been committed since the task opened: failures without that are failures at one position. */
  hasCommitted(): boolean;
  /** Records taken that are not yet committed, or not yet decided on by the outside sink. */
  unsettled(): number;
  /** Kafka timestamp of the oldest of them, or of those under way; null: none. */
  oldestMs(): number | null;
  /** Drops everything uncommitted and frees what is held. */
  discard(): Promise<void>;
}
