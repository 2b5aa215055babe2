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
  /** Next record of ready[0]. */
  cursor = 0;
  /** Keeps batches in order while their schemas and tables are waited for. */
  preparing: Promise<void> = Promise.resolve();

  constructor(entry: TaskEntry) {
    this.entry = entry;
    this.fetchAt = entry.start;
    this.processedTo = entry.start;
    this.reported = entry.start;
    this.highWatermark = entry.start;
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
