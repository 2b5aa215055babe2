import { systemClock } from '../../lib/core/clock.ts';
import { createNetwork, MemoryBroker, memoryPort } from '../../lib/kafka/memory/index.ts';
import type { KafkaPort } from '../../lib/kafka/port.ts';
import { describeKafkaPort, type DisturbedPort, type PortSubject } from '../conformance/kafka-port.ts';

const KEYS = 20;
const ROUNDS = 6;

/** A way to the broker that can be blocked or cut. */
const disturbedPort = (broker: MemoryBroker, requestTimeoutMs: number): DisturbedPort => {
  const wire = { wire: systemClock, client: systemClock, requestTimeoutMs };
  let isRefusing = false;
  let held: (() => void)[] | null = null;
  const network = createNetwork({
    ...wire,
    fate: () => ({ requestMs: isRefusing ? null : 0.2, answerMs: 0.2, brokenAfterMs: isRefusing ? 1 : null, held: false }),
  });
  return {
    port: memoryPort({
      broker, requestTimeoutMs,
      network: {
        call: (name, apply, timeoutMs) => network.call(name, () => (held === null ? apply() : new Promise((resolve, reject) => {
          held!.push(() => void Promise.resolve().then(apply).then(resolve, reject));
        })), timeoutMs),
      },
    }),
    hold: () => { held = []; },
    release: () => {
      for (const go of held ?? []) go();
      held = null;
    },
    refuse: async (forMs) => {
      isRefusing = true;
      await systemClock.sleep(forMs);
      isRefusing = false;
    },
  };
};

const compacted = async (broker: MemoryBroker, port: KafkaPort, topic: string): Promise<Readonly<Record<string, string>>> => {
  broker.createTopics([{ topic, partitions: 1, replicationFactor: 1, config: { 'cleanup.policy': 'compact' } }]);
  const producer = port.producer(`${topic}.1`, { transactionTimeoutMs: 20_000 });
  await producer.init();
  for (let round = 0; round < ROUNDS; round += 1) {
    const batch = producer.batch();
    for (let key = 0; key < KEYS; key += 1) batch.append(topic, 0, `k${key}`, `${round}`, systemClock.now());
    await producer.send(batch);
    await producer.commit();
  }
  while (broker.transactions.isBusy(`${topic}.1`)) await systemClock.sleep(5);
  let marker = 0;
  broker.compact({ topic, partition: 0 }, broker.log({ topic, partition: 0 }).end, () => (marker += 1) % 2 === 0);
  return Object.fromEntries(Array.from({ length: KEYS }, (_, key) => [`k${key}`, `${ROUNDS - 1}`]));
};

describeKafkaPort('a cluster in memory', async (): Promise<PortSubject> => {
  const broker = new MemoryBroker({ clock: systemClock });
  const port = memoryPort({ broker, requestTimeoutMs: 3_000 });
  return {
    prefix: 'memory',
    port,
    disturbed: (requestTimeoutMs) => Promise.resolve(disturbedPort(broker, requestTimeoutMs)),
    compacted: (topic) => compacted(broker, port, topic),
    abortMs: 2_000,
    close: () => port.close(),
  };
});
