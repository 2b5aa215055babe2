import type { BatchReader, KafkaPort, Position } from '../../lib/kafka/port.ts';

const LIMITS = { maxWaitMs: 200, maxBytes: 16_777_216, maxBytesPerPartition: 8_388_608 };

/** Counts a topic's committed records: offsets do not tell, since transactions leave markers. */
export class TopicCount {
  readonly #reader: BatchReader;
  #positions: readonly Position[];
  #count = 0;

  private constructor(reader: BatchReader, positions: readonly Position[]) {
    this.#reader = reader;
    this.#positions = positions;
  }

  static async open(port: KafkaPort, topic: string): Promise<TopicCount> {
    const [description] = await port.admin().describeTopics([topic]);
    if (description === undefined) throw new Error(`there is no topic ${topic}`);
    const partitions = Array.from({ length: description.partitions }, (_, partition) => ({ topic, partition }));
    const reader = port.reader();
    return new TopicCount(reader, await reader.startOffsets(partitions));
  }

  /** Reads on to the end as of now. @returns the records so far */
  async read(): Promise<number> {
    const ends = await this.#reader.endOffsets(this.#positions, 'read_committed');
    const behind = (): Position[] => this.#positions.filter((p) => ends.some((end) => end.partition === p.partition && p.offset < end.offset));
    for (let wanted = behind(); wanted.length > 0; wanted = behind()) {
      for (const batch of await this.#reader.fetch(wanted, LIMITS)) {
        this.#count += batch.count;
        this.#positions = this.#positions.map((p) => (p.partition === batch.partition ? { ...p, offset: batch.nextOffset } : p));
      }
    }
    return this.#count;
  }
}
