/** A Kafka cluster in memory and the port to it: the same rules as the real one, on any clock, over a network that may fail. */
import type { Clock } from '../../core/clock.ts';
import type { KafkaPort } from '../port.ts';
import { MemoryAdmin } from './admin.ts';
import type { MemoryBroker } from './broker.ts';
import { MemoryDirectProducer } from './direct-producer.ts';
import { MemoryMember } from './member.ts';
import { createNetwork, type Network } from './network.ts';
import { MemoryProducer } from './producer.ts';
import { MemoryReader } from './reader.ts';

export { MemoryBroker, type FetchedEntries, type MemoryBrokerOptions } from './broker.ts';
export type { LogEntry, LogRecord, PartitionLog, Transaction } from './log.ts';
export { createNetwork, smooth, type Fate, type Network, type NetworkOptions } from './network.ts';

export interface MemoryPortOptions {
  readonly broker: MemoryBroker;
  /** The client's clock. Default: the broker's. */
  readonly clock?: Clock;
  /** Default 10,000. */
  readonly requestTimeoutMs?: number;
  /** How long a busy coordinator is asked again before a call fails. Default 30,000. */
  readonly coordinatorWaitMs?: number;
  /** The way to the broker. Default: one on which nothing goes wrong. */
  readonly network?: Network;
}

/** One client's port to a cluster in memory. */
export const memoryPort = (options: MemoryPortOptions): KafkaPort => {
  const { broker } = options;
  const clock = options.clock ?? broker.clock;
  const requestTimeoutMs = options.requestTimeoutMs ?? 10_000;
  const coordinatorWaitMs = options.coordinatorWaitMs ?? 30_000;
  const network = options.network ?? createNetwork({ wire: broker.clock, client: clock, requestTimeoutMs });
  const members = new Set<MemoryMember>();
  return {
    admin: () => new MemoryAdmin({ broker, network, clock, coordinatorWaitMs }),
    reader: () => new MemoryReader(broker, network, requestTimeoutMs),
    producer: (transactionalId, { transactionTimeoutMs }) => new MemoryProducer(transactionalId, { broker, network, clock, transactionTimeoutMs, coordinatorWaitMs }),
    directProducer: (transactionalId, { transactionTimeoutMs, membership }) =>
      new MemoryDirectProducer(transactionalId, { broker, network, clock, transactionTimeoutMs, coordinatorWaitMs, membership }),
    group: (group) => {
      const member = new MemoryMember({ broker, network, clock, requestTimeoutMs }, group);
      members.add(member);
      return member;
    },
    close: async () => {
      const left = [...members];
      members.clear();
      await Promise.all(left.map((member) => member.leave()));
    },
  };
};
