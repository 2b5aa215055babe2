/** What the cases share: names, topics, producers, whole reads. */
import { expect } from 'chai';
import { systemClock } from '../../../lib/core/clock.ts';
import type { FetchedBatch, KafkaPort, TaskProducer, TransactionalProducer } from '../../../lib/kafka/port.ts';

/** A port whose way to the broker can be disturbed. */
export interface DisturbedPort {
  readonly port: KafkaPort;
  /** Requests no longer arrive... */
  hold(): void;
  /** ...and now those that were held do. */
  release(): void;
  /** Every connection breaks, and none can be made for a while. */
  refuse(forMs: number): Promise<void>;
}

export interface PortSubject {
  /** Begins the names of topics, groups and transactional ids. */
  readonly prefix: string;
  readonly port: KafkaPort;
  disturbed(requestTimeoutMs: number): Promise<DisturbedPort>;
  /** Fills a compacted topic of one partition, whose records of 20 keys then have gaps between them; returns the latest value of each key. */
  compacted(topic: string): Promise<Readonly<Record<string, string>>>;
  /** Longest time in which a transaction that has timed out is aborted, ms. */
  readonly abortMs: number;
  /** Leaves none of these topics behind. */
  close(topics: readonly string[]): Promise<void>;
}

export const LIMITS = { maxWaitMs: 100, maxBytes: 8_000_000, maxBytesPerPartition: 1_000_000 };

export interface Read {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

const recordsOf = (batch: FetchedBatch): Read[] =>
  Array.from({ length: batch.count }, (_, i) => ({ offset: batch.offset(i), key: batch.key(i)?.toString() ?? null, value: batch.value(i)?.toString() ?? null }));

/** What a promise rejects with. */
export const failure = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('expected a rejection');
};

/** Names and calls that the cases share. */
export class Place {
  readonly subject: PortSubject;
  readonly port: KafkaPort;
  readonly topics: string[] = [];
  #names = 0;

  constructor(subject: PortSubject) {
    this.subject = subject;
    this.port = subject.port;
  }

  name(kind: string): string {
    this.#names += 1;
    return `${this.subject.prefix}-${kind}-${this.#names}`;
  }

  async topic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const topic = this.name('topic');
    this.topics.push(topic);
    const admin = this.port.admin();
    await admin.createTopics([{ topic, partitions, replicationFactor: 1, config }]);
    await admin.close();
    return topic;
  }

  async producer(id = this.name('id'), port = this.port, transactionTimeoutMs = 20_000): Promise<TransactionalProducer> {
    const producer = port.producer(id, { transactionTimeoutMs });
    await producer.init();
    return producer;
  }

  async write(producer: TaskProducer, topic: string, values: readonly string[]): Promise<void> {
    const batch = producer.batch();
    for (const value of values) batch.append(topic, 0, 'key', value, systemClock.now());
    await producer.send(batch);
  }

  async ends(topic: string): Promise<readonly [stable: number, high: number]> {
    const admin = this.port.admin();
    const [stable] = await admin.endOffsets([{ topic, partition: 0 }], 'read_committed');
    const [high] = await admin.endOffsets([{ topic, partition: 0 }], 'read_uncommitted');
    await admin.close();
    return [stable!.offset, high!.offset];
  }

  /** Reads partition 0 until the position is `end`. */
  async read(topic: string, end: number, from = 0): Promise<Read[]> {
    const reader = this.port.reader();
    const records: Read[] = [];
    for (let offset = from, rounds = 0; offset < end; rounds += 1) {
      if (rounds > 200) throw new Error(`stuck at ${offset} of ${end}`);
      for (const batch of await reader.fetch([{ topic, partition: 0, offset }], LIMITS)) {
        expect(batch.nextOffset).to.be.above(offset);
        offset = batch.nextOffset;
        records.push(...recordsOf(batch));
      }
    }
    await reader.close();
    return records;
  }

  async until(holds: () => Promise<boolean>, withinMs: number): Promise<void> {
    const deadline = systemClock.monotonic() + withinMs;
    while (!(await holds())) {
      if (systemClock.monotonic() > deadline) throw new Error(`not in ${withinMs} ms`);
      await systemClock.sleep(20);
    }
  }
}

export const values = (records: readonly Read[]): (string | null)[] => records.map(({ value }) => value);
