import { expect } from 'chai';
import kafkajs from 'kafkajs';
import { after, before, describe, it } from 'mocha';
import { RetryError } from '../../lib/core/errors.ts';
import { OffsetOutOfRangeError } from '../../lib/kafka/errors.ts';
import { Broker, BROKERS, failure, LIMITS, values, type Plain } from './support/kafka-broker.ts';

describe('the Kafka port: topics and records', function () {
  this.timeout(15_000);
  let broker: Broker;

  before(() => {
    broker = new Broker('kport');
  });

  after(() => broker.close());

  const readByKafkaJs = async (topic: string, count: number): Promise<unknown[]> => {
    const consumer = broker.kafka.consumer({ groupId: `${topic}-check`, maxWaitTimeInMs: 50 });
    await consumer.connect();
    await consumer.subscribe({ topic, fromBeginning: true });
    const seen: unknown[] = [];
    await new Promise<void>((resolve, reject) => {
      consumer
        .run({
          autoCommit: false,
          eachMessage: async ({ message }) => {
            seen.push([message.offset, message.timestamp, message.key?.toString() ?? null, message.value?.toString() ?? null, Object.entries(message.headers ?? {}).map(([name, value]) => [name, value?.toString()])]);
            if (seen.length >= count) resolve();
          },
        })
        .catch(reject);
    });
    await consumer.disconnect();
    return seen;
  };

  it('creates topics once and describes those that exist', async () => {
    const topic = await broker.newTopic(3, { 'cleanup.policy': 'compact' });
    expect(await broker.admin.createTopics([{ topic, partitions: 5, replicationFactor: 1, config: {} }])).to.deep.equal([]);
    const described = await broker.admin.describeTopics([topic, `${broker.prefix}-absent`]);
    expect(described.map((entry) => [entry.topic, entry.partitions, entry.config['cleanup.policy']])).to.deep.equal([[topic, 3, 'compact']]);
  });

  it('writes what it and KafkaJS read back alike: keys, nulls, headers, times out of order, batches that are split', async () => {
    const topic = await broker.newTopic();
    const producer = await broker.newProducer();
    const batch = producer.batch();
    batch.append(topic, 0, 'a', 'one', 1_700_000_000_500, [['trace', Buffer.from('t1')], ['none', Buffer.alloc(0)]]);
    batch.append(topic, 0, null, Buffer.from('ünï'), 1_600_000_000_000);
    batch.append(topic, 0, 'gone', null, 1_700_000_000_600);
    for (let i = 0; i < 4; i += 1) batch.append(topic, 0, `big${i}`, `${i}`.repeat(500_000), 1_700_000_001_000 + i);
    await producer.send(batch);
    await producer.commit();
    const expected: Plain[] = [
      { offset: 0, timestamp: 1_700_000_000_500, key: 'a', value: 'one', headers: [['trace', Buffer.from('t1')], ['none', Buffer.alloc(0)]] },
      { offset: 1, timestamp: 1_600_000_000_000, key: null, value: 'ünï', headers: [] },
      { offset: 2, timestamp: 1_700_000_000_600, key: 'gone', value: null, headers: [] },
      ...[0, 1, 2, 3].map((i) => ({ offset: 3 + i, timestamp: 1_700_000_001_000 + i, key: `big${i}`, value: `${i}`.repeat(500_000), headers: [] })),
    ];
    expect(await broker.readTo(topic, 8)).to.deep.equal(expected);
    expect(await readByKafkaJs(topic, 7)).to.deep.equal(
      expected.map(({ offset, timestamp, key, value, headers }) => [`${offset}`, `${timestamp}`, key, value, headers.map(([name, content]) => [name, content?.toString()])]),
    );
  });

  it('reads what KafkaJS writes, plain and gzip', async () => {
    const topic = await broker.newTopic();
    const producer = broker.kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
    await producer.connect();
    const messages = (from: number) =>
      Array.from({ length: 50 }, (_, i) => ({ key: `k${from + i}`, value: `v${from + i}`, timestamp: `${1_700_000_000_000 + from + i}`, headers: { n: `${from + i}` } }));
    await producer.send({ topic, messages: messages(0) });
    await producer.send({ topic, messages: messages(50), compression: kafkajs.CompressionTypes.GZIP });
    await producer.disconnect();
    expect(await broker.readTo(topic, 100)).to.deep.equal(
      Array.from({ length: 100 }, (_, i) => ({ offset: i, timestamp: 1_700_000_000_000 + i, key: `k${i}`, value: `v${i}`, headers: [['n', Buffer.from(`${i}`)]] })),
    );
  });

  it('keeps the order of records over many batches, requests and transactions', async () => {
    const topic = await broker.newTopic(2);
    const small = broker.portTo(BROKERS, { maxBatchBytes: 500 });
    const producer = await broker.newProducer(undefined, small);
    for (let round = 0; round < 3; round += 1) {
      const batch = producer.batch();
      for (let i = 0; i < 500; i += 1) batch.append(topic, i % 2, null, `${round * 500 + i}`, 0);
      await producer.send(batch);
      await producer.commit();
    }
    await small.close();
    const odd = Array.from({ length: 750 }, (_, i) => `${i * 2 + 1}`);
    expect(values(await broker.readTo(topic, 753, 0, 1))).to.deep.equal(odd);
  });

  it('reads a batch that is larger than both limits, behind another partition too', async () => {
    const topic = await broker.newTopic(2);
    const producer = await broker.newProducer();
    await broker.write(producer, topic, ['x'.repeat(300_000)], 1);
    for (let i = 0; i < 20; i += 1) await broker.write(producer, topic, ['y'.repeat(1_000)], 0);
    await producer.commit();
    const limits = { maxWaitMs: 50, maxBytes: 2_000, maxBytesPerPartition: 2_000 };
    expect(await broker.readTo(topic, 2, 0, 1, limits)).to.have.length(1);
    const positions = [{ topic, partition: 0, offset: 0 }, { topic, partition: 1, offset: 0 }];
    let rounds = 0;
    for (let big = 0; big === 0; rounds += 1) {
      const batches = await broker.reader.fetch(positions, limits);
      big = batches.filter(({ partition }) => partition === 1).length;
    }
    expect(rounds).to.be.at.most(3);
  });

  it('rejects with the positions that the log does not hold', async () => {
    const topic = await broker.newTopic(2);
    const producer = await broker.newProducer();
    await broker.write(producer, topic, ['a', 'b', 'c']);
    await producer.commit();
    await broker.readTo(topic, 4);
    await broker.admin.deleteRecordsBefore([{ topic, partition: 0, offset: 2 }]);
    expect(await broker.admin.startOffsets([{ topic, partition: 0 }])).to.deep.equal([{ topic, partition: 0, offset: 2 }]);
    for (const offset of [1, 50]) {
      const thrown = await failure(broker.reader.fetch([{ topic, partition: 0, offset }, { topic, partition: 1, offset: 0 }], LIMITS));
      expect(thrown).to.be.instanceOf(OffsetOutOfRangeError);
      expect((thrown as OffsetOutOfRangeError).positions).to.deep.equal([{ topic, partition: 0, offset }]);
    }
    expect(values(await broker.readTo(topic, 4, 2))).to.deep.equal(['c']);
  });

  it('asks to retry for a topic that does not exist', async () => {
    expect(await failure(broker.reader.fetch([{ topic: `${broker.prefix}-absent`, partition: 0, offset: 0 }], LIMITS))).to.be.instanceOf(RetryError);
  });
});
