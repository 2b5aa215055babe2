import type { FetchedBatch } from '../kafka/port.ts';
import type { KeyDecoder } from '../serde/serde.ts';
import type { Entry } from './engine.ts';

/** A topic of the task: what was fetched and waits. */
export interface TaskEntry extends Entry {
  readonly partition: number;
  readonly keys: KeyDecoder;
  /** Where to start. */
  readonly start: number;
}

/** The fetched and not yet processed batches of one topic. */
export class Queue {
  readonly entry: TaskEntry;
  /** Next offset to fetch. */
  fetchAt: number;
  /** Next offset to process. */
  processedTo: number;
  /** What the engine was told last. */
  reported: number;
  highWatermark: number;
  bytes = 0;
  readonly ready: FetchedBatch[] = [];
  /** Those before they are ready: their schemas or tables are waited for. */
  readonly #arriving: FetchedBatch[] = [];
  /** Next record of ready[0]. */
  cursor = 0;
  /** Keeps batches in order while their schemas and tables are waited for. */
  preparing: Promise<void> = Promise.resolve();
  /** Kafka timestamp of the record in front of what can be read and is not fetched yet; null: there is no more. */
  #followsMs: number | null = null;
  /** While something is not fetched: an end of the log that lies behind it, and since when it is known. */
  #unread: { readonly end: number; readonly sinceMs: number } | null = null;

  constructor(entry: TaskEntry) {
    this.entry = entry;
    this.fetchAt = entry.start;
    this.processedTo = entry.start;
    this.reported = entry.start;
    this.highWatermark = entry.start;
  }

  /** Takes a batch that was fetched, and that is not ready yet. */
  arrive(batch: FetchedBatch, nowMs: number): void {
    this.fetchAt = batch.nextOffset;
    this.highWatermark = batch.highWatermark;
    this.bytes += batch.byteLength;
    this.#arriving.push(batch);
    // What stands in an open transaction says nothing by what lies before it: that may be old.
    if (batch.nextOffset >= batch.lastStableOffset) this.#followsMs = null;
    else if (batch.count > 0) this.#followsMs = batch.timestamp(batch.count - 1);
    this.#look(nowMs);
  }

  /** The batch that arrived first is ready. */
  prepared(): void {
    this.ready.push(this.#arriving.shift()!);
  }

  /** Learns where the log ends. */
  reaches(end: number, nowMs: number): void {
    this.highWatermark = Math.max(this.highWatermark, end);
    this.#look(nowMs);
  }

  #look(nowMs: number): void {
    if (this.highWatermark <= this.fetchAt) this.#unread = null;
    else if (this.#unread === null || this.fetchAt >= this.#unread.end) this.#unread = { end: this.highWatermark, sinceMs: nowMs };
  }

  /**
   * Since when the oldest record that is not processed waits, ms since the epoch: its Kafka timestamp, or that of the one before it; where only an open
   * transaction is left, since when one knows. Null: nothing waits.
   */
  oldestMs(): number | null {
    let { cursor } = this;
    for (const batch of [...this.ready, ...this.#arriving]) {
      if (cursor < batch.count) return batch.timestamp(cursor);
      cursor = 0;
    }
    return this.#unread === null ? null : (this.#followsMs ?? this.#unread.sinceMs);
  }

  /** The batch whose record is next; batches without records are passed over. */
  head(): FetchedBatch | undefined {
    for (;;) {
      const batch = this.ready[0];
      if (batch === undefined || this.cursor < batch.count) return batch;
      this.ready.shift();
      this.cursor = 0;
      this.bytes -= batch.byteLength;
      this.processedTo = batch.nextOffset;
    }
  }
}
