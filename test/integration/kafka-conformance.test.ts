import { systemClock } from '../../lib/core/clock.ts';
import type { KafkaPort } from '../../lib/kafka/port.ts';
import { describeKafkaPort, type PortSubject } from '../conformance/kafka-port.ts';
import { Broker } from './support/kafka-broker.ts';
import { startKafkaProxy, type KafkaProxy } from './support/kafka-proxy.ts';

const KEYS = 20;
const OWNERS = 4;
const ROUNDS = 6;
/** Segments are cleaned once they are full, so each owner fills one. */
const VALUE_BYTES = 10_000;
const CLEANED_MS = 90_000;
const LIMITS = { maxWaitMs: 100, maxBytes: 4_000_000, maxBytesPerPartition: 1_000_000 };

const compacted = async (port: KafkaPort, topic: string): Promise<Readonly<Record<string, string>>> => {
  const admin = port.admin();
  const config = { 'cleanup.policy': 'compact', 'segment.bytes': '1048576', 'max.compaction.lag.ms': '100', 'min.cleanable.dirty.ratio': '0.01', 'delete.retention.ms': '0' };
  await admin.createTopics([{ topic, partitions: 1, replicationFactor: 1, config }]);
  for (let owner = 0; owner < OWNERS; owner += 1) {
    const producer = port.producer(`${topic}.${owner}`, { transactionTimeoutMs: 20_000 });
    await producer.init();
    for (let round = 0; round < ROUNDS; round += 1) {
      const batch = producer.batch();
      for (let key = 0; key < KEYS; key += 1) batch.append(topic, 0, `k${key}`, `${owner}/${round}`.padEnd(VALUE_BYTES, 'x'), systemClock.now());
      await producer.send(batch);
      await producer.commit();
    }
  }
  const [end] = await admin.endOffsets([{ topic, partition: 0 }], 'read_uncommitted');
  const count = async (): Promise<number> => {
    const reader = port.reader();
    let records = 0;
    for (let offset = 0; offset < end!.offset;) {
      for (const batch of await reader.fetch([{ topic, partition: 0, offset }], LIMITS)) {
        records += batch.count;
        offset = batch.nextOffset;
      }
    }
    await reader.close();
    return records;
  };
  const startedMs = systemClock.monotonic();
  while ((await count()) > (OWNERS * ROUNDS * KEYS) / 2 && systemClock.monotonic() - startedMs < CLEANED_MS) await systemClock.sleep(1_000);
  await admin.close();
  return Object.fromEntries(Array.from({ length: KEYS }, (_, key) => [`k${key}`, `${OWNERS - 1}/${ROUNDS - 1}`.padEnd(VALUE_BYTES, 'x')]));
};

describeKafkaPort('a real broker', async (): Promise<PortSubject> => {
  const broker = new Broker('kconform');
  const proxies: KafkaProxy[] = [];
  return {
    prefix: broker.prefix,
    port: broker.port,
    disturbed: async (requestTimeoutMs) => {
      const proxy = await startKafkaProxy();
      proxies.push(proxy);
      const port = broker.portTo([proxy.address], { requestTimeoutMs });
      return { port, hold: () => proxy.hold(), release: () => proxy.release(), refuse: (forMs) => proxy.refuse(forMs) };
    },
    compacted: (topic) => compacted(broker.port, topic),
    // The broker looks for timed-out transactions every 10 s.
    abortMs: 15_000,
    close: async (topics) => {
      for (const proxy of proxies) await proxy.close();
      const admin = broker.kafka.admin();
      await admin.connect();
      await admin.deleteTopics({ topics: [...topics] });
      await admin.disconnect();
      await broker.close();
    },
  };
});
