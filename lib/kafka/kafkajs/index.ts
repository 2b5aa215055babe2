/** The port over a real cluster. KafkaJS brings connections, TLS, SASL and group membership; the calls that move records are ours. */
import type { KafkaPort } from '../port.ts';
import { TopicAdmin } from './admin.ts';
import { Connections } from './connections.ts';
import { DirectProducer } from './direct-producer.ts';
import { SupervisedMember } from './group.ts';
import type { ConnectionSettings } from './internals.ts';
import { Transactions } from './producer.ts';
import { FetchReader } from './reader.ts';

export interface KafkaPortOptions extends ConnectionSettings {
  /** A record batch holds at most this many bytes, unless one record alone is larger. Default 800,000; topics whose `max.message.bytes` is less get smaller ones, where the producer is told. */
  readonly maxBatchBytes?: number;
  /** How long a busy, loading or moving coordinator is asked again before the call fails. Default 30,000. */
  readonly coordinatorWaitMs?: number;
}

const DEFAULT_MAX_BATCH_BYTES = 800_000;
const DEFAULT_COORDINATOR_WAIT_MS = 30_000;

/** Opens nothing by itself: connections are made by the first call that needs them. */
export const kafkaPort = (options: KafkaPortOptions): KafkaPort => {
  const maxBatchBytes = options.maxBatchBytes ?? DEFAULT_MAX_BATCH_BYTES;
  const coordinatorWaitMs = options.coordinatorWaitMs ?? DEFAULT_COORDINATOR_WAIT_MS;
  const opened = new Set<{ close(): Promise<void> }>();
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    opened.add(part);
    const close = part.close.bind(part);
    part.close = async () => {
      opened.delete(part);
      await close();
    };
    return part;
  };
  let producers: Connections | undefined;
  const forProducers = (): Connections => (producers ??= keep(new Connections(options)));
  return {
    admin: () => keep(new TopicAdmin(new Connections(options), { coordinatorWaitMs })),
    reader: () => keep(new FetchReader(new Connections(options))),
    producer: (transactionalId, settings) => new Transactions(forProducers(), { ...settings, transactionalId, maxBatchBytes, coordinatorWaitMs }),
    directProducer: (transactionalId, settings) => new DirectProducer(forProducers(), { ...settings, transactionalId, maxBatchBytes, coordinatorWaitMs }),
    group: (group) => {
      const member = new SupervisedMember(options, group);
      opened.add({ close: () => member.leave() });
      return member;
    },
    close: async () => {
      const parts = [...opened];
      opened.clear();
      await Promise.all(parts.map((part) => part.close()));
    },
  };
};
