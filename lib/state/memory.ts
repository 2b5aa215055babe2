import { StopError } from '../core/errors.ts';
import type { FetchedBatch } from '../kafka/port.ts';
import { NO_VALUE, type RecordBytes, type ValueDecoder } from '../serde/serde.ts';
import { changelogKey } from './changelog-key.ts';
import { LayeredStore } from './layers.ts';
import type { RestorableStore, StorePosition } from './store.ts';

/** The committed entries of a store in memory, decoded, and how far they go. */
export interface Kept {
  readonly entries: Map<string, unknown>;
  position: StorePosition | null;
}

/** A store in memory; its changelog makes it durable. */
export class MemoryStore extends LayeredStore implements RestorableStore {
  readonly #kept: Kept;
  readonly #decoder: ValueDecoder<unknown> | null;

  /** A store that is never restored needs no decoder. `kept` may outlive the store. */
  constructor(name: string, decoder: ValueDecoder<unknown> | null = null, kept: Kept = { entries: new Map(), position: null }) {
    super(name);
    this.#decoder = decoder;
    this.#kept = kept;
  }

  getCommitted(key: string): unknown {
    return this.#kept.entries.get(key);
  }

  protected committedRange(from: string, to: string): Iterable<readonly [string, unknown]> {
    return [...this.#kept.entries].filter(([key]) => key >= from && key < to).sort(([a], [b]) => (a < b ? -1 : 1));
  }

  get size(): number {
    return this.#kept.entries.size;
  }

  encoded(): void {
    // Values stay decoded here.
  }

  /** The sealed writes are committed in Kafka. */
  committed(): void {
    for (const [key, value] of this.unseal()) this.set(key, value);
  }

  /** Puts a committed value (undefined: deleted). */
  set(key: string, value: unknown): void {
    if (value === undefined) this.#kept.entries.delete(key);
    else this.#kept.entries.set(key, value);
  }

  get position(): StorePosition | null {
    return this.#kept.position;
  }

  prepare(batch: RecordBytes): Promise<void> | undefined {
    return this.#decoder?.prepare(batch);
  }

  restore(batch: FetchedBatch, position: StorePosition): void {
    if (this.#decoder === null) throw new StopError(`store ${this.name} has no decoder`);
    for (let i = 0; i < batch.count; i += 1) {
      const value = this.#decoder.decode(batch.value(i));
      this.set(changelogKey(batch, i).toString('utf8'), value === NO_VALUE ? undefined : value);
    }
    this.#kept.position = position;
  }

  restored(position: StorePosition): void {
    this.#kept.position = position;
  }

  wipe(): void {
    this.#kept.entries.clear();
    this.#kept.position = null;
  }
}
