import type { Headers } from '../../topology/meta.ts';
import type { FetchedBatch } from '../kafka/port.ts';
import type { StageMeta } from '../plan/compile.ts';

const UNREAD: unique symbol = Symbol('unread');

/** The record under way, one object per task. Key and headers are read from the batch when somebody asks. */
export class RecordMeta implements StageMeta {
  topic = '';
  partition = 0;
  offset = 0;
  timestamp = 0;
  now = 0;
  #batch: FetchedBatch | null = null;
  #index = 0;
  #decodeKey: (bytes: Buffer | null) => unknown = () => null;
  #key: unknown = null;

  at(batch: FetchedBatch, index: number, decodeKey: (bytes: Buffer | null) => unknown, now: number): void {
    this.topic = batch.topic;
    this.partition = batch.partition;
    this.offset = batch.offset(index);
    this.timestamp = batch.timestamp(index);
    this.now = now;
    this.#batch = batch;
    this.#index = index;
    this.#decodeKey = decodeKey;
    this.#key = UNREAD;
  }

  get key(): unknown {
    if (this.#key === UNREAD) this.#key = this.#decodeKey(this.#batch!.key(this.#index));
    return this.#key;
  }

  get headers(): Headers {
    return this.#batch === null ? [] : this.#batch.headers(this.#index);
  }

  swapKey(key: unknown): unknown {
    const saved = this.#key;
    this.#key = key;
    return saved;
  }

  restoreKey(saved: unknown): void {
    this.#key = saved;
  }
}
