import type { Clock } from '../core/clock.ts';
import type { BatchReader, FetchedBatch, FetchLimits, Isolation, KafkaAdmin, KafkaPort, Position, TopicPartition } from '../kafka/port.ts';
import type { TokenBucket } from './bucket.ts';

export const placeKey = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

export interface HistoryOptions {
  readonly clock: Clock;
  /** Where history begins, of each partition of the topics that the backfill reads, and where it ends; other topics are read whole, without end. */
  readonly starts: readonly Position[];
  readonly ends: readonly Position[];
  /** Shared by all readers. */
  readonly bucket: TokenBucket;
}

/** A log begins where history begins: no task starts below, whatever its sink has. */
const historyAdmin = (admin: KafkaAdmin, { starts }: HistoryOptions): KafkaAdmin => {
  const first = new Map(starts.map((start) => [placeKey(start), start.offset]));
  const startOffsets = admin.startOffsets.bind(admin);
  admin.startOffsets = async (partitions) => (await startOffsets(partitions)).map((start) => ({ ...start, offset: Math.max(start.offset, first.get(placeKey(start)) ?? 0) }));
  return admin;
};

/** A port whose stages see history only, and no faster than the bucket lets them. Tables are read as ever. */
export const historyPort = (port: KafkaPort, options: HistoryOptions): KafkaPort => ({
  admin: () => historyAdmin(port.admin(), options),
  reader: (stage) => (stage === undefined ? port.reader() : new HistoryReader(port.reader(stage), options)),
  producer: (id, settings) => port.producer(id, settings),
  directProducer: (id, settings) => port.directProducer(id, settings),
  group: (settings) => port.group(settings),
  close: () => port.close(),
});

/** A fetched batch whose records are handed on as the bucket has tokens. */
interface Held {
  readonly batch: FetchedBatch;
  /** Records of the batch that lie before the end. */
  readonly count: number;
  readonly end: number;
  cursor: number;
  /** What the stage asks for next. */
  next: number;
}

const part = ({ batch, cursor, end }: Held, count: number, nextOffset: number): FetchedBatch => ({
  topic: batch.topic, partition: batch.partition, count, nextOffset,
  highWatermark: Math.min(batch.highWatermark, end), lastStableOffset: Math.min(batch.lastStableOffset, end),
  byteLength: batch.count === 0 ? 0 : Math.ceil(batch.byteLength * count / batch.count),
  offset: (i) => batch.offset(cursor + i),
  timestamp: (i) => batch.timestamp(cursor + i),
  key: (i) => batch.key(cursor + i),
  value: (i) => batch.value(cursor + i),
  headers: (i) => batch.headers(cursor + i),
});

class HistoryReader implements BatchReader {
  readonly #reader: BatchReader;
  readonly #clock: Clock;
  readonly #bucket: TokenBucket;
  readonly #ends: ReadonlyMap<string, number>;
  readonly #held = new Map<string, Held>();
  readonly #closed = new AbortController();

  constructor(reader: BatchReader, { clock, ends, bucket }: HistoryOptions) {
    this.#reader = reader;
    this.#clock = clock;
    this.#bucket = bucket;
    this.#ends = new Map(ends.map((end) => [placeKey(end), end.offset]));
  }

  async fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedBatch[]> {
    const open = positions.filter((position) => position.offset < this.#endOf(position));
    const missing = open.filter((position) => !this.#holds(position));
    const wanted = open.filter((position) => this.#holds(position));
    const waitMs = Math.min(limits.maxWaitMs, wanted.length === 0 ? Infinity : this.#bucket.waitMs());
    const there: FetchedBatch[] = [];
    if (missing.length > 0) {
      for (const batch of await this.#reader.fetch(missing, { ...limits, maxWaitMs: waitMs })) {
        const asked = missing.find(({ topic, partition }) => topic === batch.topic && partition === batch.partition)!;
        if (this.#endOf(batch) === Infinity) there.push(batch);
        else wanted.push(this.#hold(batch, asked));
      }
    } else if (waitMs > 0) {
      await this.#clock.sleep(waitMs, this.#closed.signal).catch(() => undefined);
    }
    return [...there, ...wanted.flatMap((position) => this.#handOn(this.#held.get(placeKey(position))!))];
  }

  #endOf(place: TopicPartition): number {
    return this.#ends.get(placeKey(place)) ?? Infinity;
  }

  #holds(position: Position): boolean {
    return this.#held.get(placeKey(position))?.next === position.offset;
  }

  #hold(batch: FetchedBatch, asked: Position): Position {
    const end = this.#endOf(batch);
    let count = batch.count;
    while (count > 0 && batch.offset(count - 1) >= end) count -= 1;
    this.#held.set(placeKey(batch), { batch, count, end, cursor: 0, next: asked.offset });
    return asked;
  }

  #handOn(held: Held): FetchedBatch[] {
    const { batch, count, end, cursor } = held;
    const taken = this.#bucket.take(count - cursor);
    if (taken === 0 && cursor < count) return [];
    const done = cursor + taken === count;
    held.next = done ? Math.min(batch.nextOffset, end) : batch.offset(cursor + taken);
    const handed = part(held, taken, held.next);
    held.cursor += taken;
    if (done) this.#held.delete(placeKey(batch));
    return [handed];
  }

  async endOffsets(partitions: readonly TopicPartition[], isolation: Isolation): Promise<readonly Position[]> {
    return (await this.#reader.endOffsets(partitions, isolation)).map((end) => ({ ...end, offset: Math.min(end.offset, this.#endOf(end)) }));
  }

  startOffsets(partitions: readonly TopicPartition[]): Promise<readonly Position[]> {
    return this.#reader.startOffsets(partitions);
  }

  close(): Promise<void> {
    this.#closed.abort();
    return this.#reader.close();
  }
}
