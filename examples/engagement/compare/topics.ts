import { ConfigurationError } from '../../../lib/core/errors.ts';
import { systemClock } from '../../../lib/core/clock.ts';
import { createLogger } from '../../../lib/core/logger.ts';
import { kafkaPort } from '../../../lib/kafka/kafkajs/index.ts';
import type { KafkaPort, RecordHeaders } from '../../../lib/kafka/port.ts';

export interface TopicRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

const LIMITS = { maxWaitMs: 500, maxBytes: 16_777_216, maxBytesPerPartition: 4_194_304 };

export const openKafka = (brokers: string): KafkaPort =>
  kafkaPort({
    brokers: brokers.split(','),
    clientId: 'engagement-compare',
    requestTimeoutMs: 30_000,
    clock: systemClock,
    log: createLogger({ level: 'warn', service: 'compare', correlationId: 'compare' }),
  });

/** Every committed record of a topic, from its start to the end it has now; none when there is no such topic. */
export async function* readTopic(kafka: KafkaPort, topic: string): AsyncGenerator<TopicRecord> {
  const admin = kafka.admin();
  const [description] = await admin.describeTopics([topic]);
  if (description === undefined) return;
  const partitions = Array.from({ length: description.partitions }, (_, partition) => ({ topic, partition }));
  const ends = new Map((await admin.endOffsets(partitions, 'read_committed')).map((p) => [p.partition, p.offset]));
  let positions = (await admin.startOffsets(partitions)).filter((p) => p.offset < ends.get(p.partition)!);
  const reader = kafka.reader();
  while (positions.length > 0) {
    const batches = await reader.fetch(positions, LIMITS);
    for (const batch of batches) {
      for (let i = 0; i < batch.count; i += 1) {
        if (batch.offset(i) < ends.get(batch.partition)!) yield { key: batch.key(i), value: batch.value(i), headers: batch.headers(i) };
      }
      positions = positions.map((p) => (p.partition === batch.partition ? { ...p, offset: batch.nextOffset } : p));
    }
    positions = positions.filter((p) => p.offset < ends.get(p.partition)!);
  }
  await reader.close();
  await admin.close();
}

export const required = (environment: Readonly<Record<string, string | undefined>>, name: string): string => {
  const value = environment[name];
  if (value === undefined || value === '') throw new ConfigurationError([`${name} is not set`]);
  return value;
};
