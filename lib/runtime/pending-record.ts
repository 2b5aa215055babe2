import type { FetchedBatch, RecordHeaders } from '../kafka/port.ts';
import type { SinkRecord } from '../sinks/contract.ts';
import type { RecordMeta } from './meta.ts';

/** A record that waits for its write; it holds on to the bytes it came from. */
export class PendingRecord implements SinkRecord {
  readonly value: unknown;
  readonly key: unknown;
  readonly timestamp: number;
  readonly now: number;
  readonly offset: number;
  readonly batch: FetchedBatch;
  readonly index: number;

  constructor(value: unknown, meta: RecordMeta, batch: FetchedBatch, index: number) {
    this.value = value;
    this.key = meta.key;
    this.timestamp = meta.timestamp;
    this.now = meta.now;
    this.offset = meta.offset;
    this.batch = batch;
    this.index = index;
  }

  get topic(): string {
    return this.batch.topic;
  }

  get partition(): number {
    return this.batch.partition;
  }

  get headers(): RecordHeaders {
    return this.batch.headers(this.index);
  }
}
