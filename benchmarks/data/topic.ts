import type { BatchReader, FetchedBatch, KafkaPort, Position, TopicPartition } from '../../lib/kafka/port.ts';

const LIMITS = { maxWaitMs: 200, maxBytes: 16_777_216, maxBytesPerPartition: 8_388_608 };

/** Reads a topic's committed records on from where it was left, as often as asked. */
export class TopicReader {
  readonly #reader: BatchReader;
  #positions: readonly Position[];

  private constructor(reader: BatchReader, positions: readonly Position[]) {
    this.#reader = reader;
    this.#positions = positions;
  }

  static async open(port: KafkaPort, topic: string, from: 'start' | 'end'): Promise<TopicReader> {
    const [description] = await port.admin().describeTopics([topic]);
    if (description === undefined) throw new Error(`there is no topic ${topic}`);
    const partitions: readonly TopicPartition[] = Array.from({ length: description.partitions }, (_, partition) => ({ topic, partition }));
    const reader = port.reader();
    return new TopicReader(reader, await (from === 'start' ? reader.startOffsets(partitions) : reader.endOffsets(partitions, 'read_committed')));
  }

  /** What there is up to the end as of now; of each partition in order. */
  async *read(): AsyncGenerator<FetchedBatch> {
    const ends = await this.#reader.endOffsets(this.#positions, 'read_committed');
    const behind = (): Position[] => this.#positions.filter((p) => ends.some((end) => end.partition === p.partition && p.offset < end.offset));
    for (let wanted = behind(); wanted.length > 0; wanted = behind()) {
      for (const batch of await this.#reader.fetch(wanted, LIMITS)) {
        yield batch;
        this.#positions = this.#positions.map((p) => (p.partition === batch.partition ? { ...p, offset: batch.nextOffset } : p));
      }
    }
  }
}
