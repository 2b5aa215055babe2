/** A port to the real broker with what the tests around it need: topics that are deleted afterwards, producers, whole reads. */
import { expect } from 'chai';
import kafkajs from 'kafkajs';
import { systemClock } from '../../../lib/core/clock.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { kafkaPort, type KafkaPortOptions } from '../../../lib/kafka/kafkajs/index.ts';
import type { BatchReader, FetchedBatch, KafkaAdmin, KafkaPort, RecordHeaders, TransactionalProducer } from '../../../lib/kafka/port.ts';

export const BROKERS = (process.env['MILLRACE_KAFKA_BROKERS'] ?? '127.0.0.1:19092').split(',');
export const LIMITS = { maxWaitMs: 100, maxBytes: 8_000_000, maxBytesPerPartition: 1_000_000 };

export interface Plain {
  readonly offset: number;
  readonly timestamp: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: RecordHeaders;
}

export const plain = (batch: FetchedBatch): Plain[] =>
  Array.from({ length: batch.count }, (_, i) => ({
    offset: batch.offset(i),
    timestamp: batch.timestamp(i),
    key: batch.key(i)?.toString() ?? null,
    value: batch.value(i)?.toString() ?? null,
    headers: batch.headers(i),
  }));

export const values = (records: readonly Plain[]): (string | null)[] => records.map(({ value }) => value);

/** What a promise rejects with. */
export const failure = async (promise: Promise<unknown>): Promise<unknown> => {
  try {
    await promise;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('expected a rejection');
};

export class Broker {
  readonly prefix: string;
  readonly kafka: kafkajs.Kafka;
  readonly port: KafkaPort;
  readonly admin: KafkaAdmin;
  readonly reader: BatchReader;
  readonly #topics: string[] = [];
  #ids = 0;

  constructor(name: string) {
    this.prefix = `${name}-${process.pid}`;
    this.kafka = new kafkajs.Kafka({ brokers: BROKERS, clientId: this.prefix, logLevel: kafkajs.logLevel.NOTHING });
    this.port = this.portTo(BROKERS);
    this.admin = this.port.admin();
    this.reader = this.port.reader();
  }

  portTo(brokers: readonly string[], options: Partial<KafkaPortOptions> = {}): KafkaPort {
    return kafkaPort({ brokers, clientId: this.prefix, clock: systemClock, log: silentLogger, requestTimeoutMs: 3_000, ...options });
  }

  async newTopic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const topic = `${this.prefix}-${this.#topics.length}`;
    this.#topics.push(topic);
    expect(await this.admin.createTopics([{ topic, partitions, replicationFactor: 1, config }])).to.deep.equal([topic]);
    return topic;
  }

  async newProducer(transactionalId = `${this.prefix}.${(this.#ids += 1)}`, from = this.port): Promise<TransactionalProducer> {
    const producer = from.producer(transactionalId, { transactionTimeoutMs: 20_000 });
    await producer.init();
    return producer;
  }

  /** Sends within the producer's transaction; the caller ends it. */
  async write(producer: TransactionalProducer, topic: string, texts: readonly string[], partition = 0): Promise<void> {
    const batch = producer.batch();
    // Present times: an old one followed by a marker of today makes the broker roll the segment, and a fetch ends with its segment.
    for (const text of texts) batch.append(topic, partition, 'key', text, systemClock.now());
    await producer.send(batch);
  }

  /** Reads one partition until its position is `end`. */
  async readTo(topic: string, end: number, from = 0, partition = 0, limits = LIMITS): Promise<Plain[]> {
    const records: Plain[] = [];
    const deadline = systemClock.monotonic() + 8_000;
    for (let offset = from; offset < end; ) {
      if (systemClock.monotonic() > deadline) throw new Error(`stuck at ${offset} of ${end}`);
      for (const batch of await this.reader.fetch([{ topic, partition, offset }], limits)) {
        expect(batch.nextOffset).to.be.above(offset);
        offset = batch.nextOffset;
        records.push(...plain(batch));
      }
    }
    return records;
  }

  async close(): Promise<void> {
    await this.port.close();
    const admin = this.kafka.admin();
    await admin.connect();
    if (this.#topics.length > 0) await admin.deleteTopics({ topics: this.#topics });
    await admin.disconnect();
  }
}
