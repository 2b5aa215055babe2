import type { FetchedBatch } from '../kafka/port.ts';
import type { RecordBytes } from '../serde/serde.ts';

/** How far the committed entries of a store follow its changelog. */
export interface StorePosition {
  /** The changelog's topic id: a topic that was made anew under the same name has another one. Null where it is not known. */
  readonly topicId: string | null;
  /** The next offset to read. */
  readonly offset: number;
  /** A transaction ended there, whose marker takes that offset: nothing can be missed below the next one. */
  readonly marked: boolean;
  /** When that was everything there was, ms since the epoch: deletes older than this are in. */
  readonly validAtMs: number;
}

/**
 * A task's keyed state. Reads see the task's own uncommitted writes; what is not committed can be thrown away, by record
 * (`rollback`) or whole (`discard`). Values are decoded; a value must not be changed after it was put.
 */
export interface Store {
  readonly name: string;
  get(key: string): unknown;
  put(key: string, value: unknown): void;
  delete(key: string): void;
  /** The committed value, whatever has been written since. */
  getCommitted(key: string): unknown;
  /** Entries with from <= key < to in code unit order, uncommitted writes included. To be read to its end before the record's next write. */
  range(from: string, to: string): Iterable<readonly [key: string, value: unknown]>;
  /** Committed entries. */
  readonly size: number;

  /** Marks the start of one input record's writes... */
  begin(): void;
  /** ...so that they can be taken back. */
  rollback(): void;

  /** Closes the writes so far for a commit and returns them (undefined: deleted); later writes belong to the next one. */
  seal(): ReadonlyMap<string, unknown>;
  /** What the changelog gets for a sealed write (null: deleted); to be called for each of them before the commit. */
  encoded(key: string, bytes: Buffer | string | null): void;
  /** Throws away everything that is not committed. */
  discard(): void;
}

/** A store while it is opened. */
export interface RestorableStore extends Store {
  /** Null: nothing is there, it is to be restored from the changelog's beginning. */
  readonly position: StorePosition | null;
  /** Waits for the schemas that the batch names. */
  prepare(batch: RecordBytes): Promise<void> | undefined;
  /** Takes committed records of the changelog, and the position behind them, in one local step; it may gather several before it takes that step. */
  restore(batch: FetchedBatch, position: StorePosition): void;
  /** Everything up to the position is in: takes what was gathered. */
  restored(position: StorePosition): void;
  /** Forgets all entries and the position. */
  wipe(): void;
}
