import type { BatchReader, FetchLimits, KafkaAdmin, KafkaPort, TopicPartition } from '../kafka/port.ts';

/** Offsets of one partition: from `start` up to `end`, without it. */
export interface Span extends TopicPartition {
  readonly start: number;
  readonly end: number;
}

/** Whether records lie between offsets: markers, and what was aborted or compacted away, take offsets too. */
export class SpanReader {
  readonly #options: { readonly admin: KafkaAdmin; readonly port: KafkaPort; readonly limits: FetchLimits; readonly signal: AbortSignal };
  #reader: BatchReader | null = null;

  constructor(options: { readonly admin: KafkaAdmin; readonly port: KafkaPort; readonly limits: FetchLimits; readonly signal: AbortSignal }) {
    this.#options = options;
  }

  /** What the partitions hold, to the last stable offset; in their order. */
  async of(places: readonly TopicPartition[]): Promise<readonly Span[]> {
    const ends = await this.#options.admin.endOffsets(places, 'read_committed');
    const starts = await this.#options.admin.startOffsets(places);
    return places.map((place, i) => ({ ...place, start: starts[i]!.offset, end: ends[i]!.offset }));
  }

  /** Reads to the first committed record. */
  async holdsRecord({ topic, partition, start, end }: Span): Promise<boolean> {
    const { port, limits, signal } = this.#options;
    this.#reader ??= port.reader();
    for (let offset = start; offset < end;) {
      signal.throwIfAborted();
      const [batch] = await this.#reader.fetch([{ topic, partition, offset }], limits);
      if (batch === undefined) continue;
      if (batch.count > 0 && batch.offset(0) < end) return true;
      offset = batch.nextOffset;
    }
    return false;
  }

  async close(): Promise<void> {
    await this.#reader?.close();
  }
}
