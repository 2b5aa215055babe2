import { expect } from 'chai';
import kafkajs from 'kafkajs';
import { after, describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { Connections } from '../../lib/kafka/kafkajs/connections.ts';
import { fetchRecords } from '../../lib/kafka/kafkajs/fetch.ts';
import { kafkaPort } from '../../lib/kafka/kafkajs/index.ts';

const BROKERS = (process.env['MILLRACE_KAFKA_BROKERS'] ?? '127.0.0.1:19092').split(',');
const PREFIX = `kcompact-${process.pid}`;
const LIMITS = { maxWaitMs: 100, maxBytes: 4_000_000, maxBytesPerPartition: 1_000_000 };
const KEYS = 20;
const OWNERS = 4;

describe('reading a compacted topic', function () {
  // The broker's cleaner looks for work every log.cleaner.backoff.ms, 15 s unless the stack sets it lower.
  this.timeout(180_000);
  const settings = { brokers: BROKERS, clientId: PREFIX, clock: systemClock, log: silentLogger, requestTimeoutMs: 5_000 };
  const port = kafkaPort(settings);
  const connections = new Connections(settings);
  const topic = `${PREFIX}-changelog`;

  after(async () => {
    await port.close();
    await connections.close();
    const cleaner = new kafkajs.Kafka({ brokers: BROKERS, logLevel: kafkajs.logLevel.NOTHING }).admin();
    await cleaner.connect();
    await cleaner.deleteTopics({ topics: [topic] });
    await cleaner.disconnect();
  });

  /** Batches by their headers alone, from the first to the last stable offset: [baseOffset, lastOffset, records]. */
  const batchHeaders = async (end: number): Promise<[number, number, number][]> => {
    const headers: [number, number, number][] = [];
    for (let offset = 0; offset < end; ) {
      const [nodeId] = (await connections.byLeader([{ topic, partition: 0 }])).keys();
      const answer = await (await connections.broker(nodeId!)).send(fetchRecords([{ topic, partition: 0, offset }], LIMITS));
      const { records } = answer.partitions[0]!;
      if (records.length === 0) break;
      for (let at = 0; records.length - at > 61; ) {
        const size = records.readInt32BE(at + 8) + 12;
        if (at + size > records.length) break;
        const base = Number(records.readBigInt64BE(at));
        offset = base + records.readInt32BE(at + 23) + 1;
        headers.push([base, offset - 1, records.readInt32BE(at + 57)]);
        at += size;
      }
    }
    return headers;
  };

  it('reaches the end over gaps and empty batches from every offset, and loses no latest value', async () => {
    const admin = port.admin();
    await admin.createTopics([
      {
        topic,
        partitions: 1,
        replicationFactor: 1,
        config: { 'cleanup.policy': 'compact', 'segment.bytes': '1048576', 'max.compaction.lag.ms': '100', 'min.cleanable.dirty.ratio': '0.01', 'delete.retention.ms': '0' },
      },
    ]);
    for (let owner = 0; owner < OWNERS; owner += 1) {
      const producer = port.producer(`${PREFIX}.${owner}`, { transactionTimeoutMs: 20_000 });
      await producer.init();
      for (let round = 0; round < 6; round += 1) {
        const batch = producer.batch();
        for (let key = 0; key < KEYS; key += 1) batch.append(topic, 0, `k${key}`, `${owner}/${round}/${'x'.repeat(10_000)}`, systemClock.now());
        await producer.send(batch);
        await producer.commit();
      }
    }
    const end = (await admin.endOffsets([{ topic, partition: 0 }], 'read_uncommitted'))[0]!.offset;
    let headers = await batchHeaders(end);
    for (let waited = 0; !headers.some(([, , count]) => count === 0) && waited < 60; waited += 1) {
      await systemClock.sleep(1_000);
      headers = await batchHeaders(end);
    }
    const empty = headers.filter(([, , count]) => count === 0);
    expect(empty, 'the cleaner left no empty batch').to.not.deep.equal([]);

    const reader = port.reader();
    const starts = [0, ...empty.flatMap(([base, last]) => [base, last, last + 1])];
    for (const start of starts) {
      const latest = new Map<string, string>();
      let offset = start;
      for (let rounds = 0; offset < end; rounds += 1) {
        expect(rounds, `stuck at ${offset} of ${end}, begun at ${start}`).to.be.below(100);
        for (const batch of await reader.fetch([{ topic, partition: 0, offset }], LIMITS)) {
          expect(batch.nextOffset).to.be.above(offset);
          offset = batch.nextOffset;
          for (let i = 0; i < batch.count; i += 1) latest.set(batch.key(i)!.toString(), batch.value(i)!.toString('utf8', 0, 3));
        }
      }
      const expected = Object.fromEntries(Array.from({ length: KEYS }, (_, key) => [`k${key}`, `${OWNERS - 1}/5`]));
      expect(Object.fromEntries(latest)).to.deep.equal(expected);
    }
  });
});
