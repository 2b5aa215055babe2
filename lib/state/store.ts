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
  /** Entries with from <= key < to in code unit order, uncommitted writes included. */
  range(from: string, to: string): Iterable<readonly [key: string, value: unknown]>;
  readonly size: number;

  /** Marks the start of one input record's writes... */
  begin(): void;
  /** ...so that they can be taken back. */
  rollback(): void;

  /** Closes the writes so far for a commit and returns them (undefined: deleted); later writes belong to the next one. */
  seal(): ReadonlyMap<string, unknown>;
  /** The sealed writes are committed in Kafka. */
  committed(): void;
  /** Throws away everything that is not committed. */
  discard(): void;

  /** Puts a committed value while the store is restored (undefined: deleted). */
  restore(key: string, value: unknown): void;
  close(): void;
}
