/** What must not be left out, left out: a simulation that does not notice is worth nothing. */
import type { KafkaPort, ProducerOwner, TransactionalProducer } from '../../lib/kafka/port.ts';
import type { Mutation } from '../../lib/testing/simulation/world.ts';

const withProducers = (port: KafkaPort, change: (producer: TransactionalProducer) => TransactionalProducer): KafkaPort =>
  ({ ...port, producer: (id, options) => change(port.producer(id, options)) });

/** The owner is fenced with the first send only, not before the committed offsets are read. */
export const lateFence: Mutation = {
  port: (port) => withProducers(port, (producer) => {
    let owner: Promise<ProducerOwner> | null = null;
    const fenced = async <T>(act: () => Promise<T>): Promise<T> => {
      owner ??= producer.init();
      await owner;
      return act();
    };
    return {
      transactionalId: producer.transactionalId,
      init: () => Promise.resolve({ producerId: 0, epoch: 0 }),
      batch: () => producer.batch(),
      send: (batch) => fenced(() => producer.send(batch)),
      sendOffsets: (...offsets) => fenced(() => producer.sendOffsets(...offsets)),
      commit: () => fenced(() => producer.commit()),
      abort: () => fenced(() => producer.abort()),
      close: () => producer.close(),
    };
  }),
};

/** Offsets are committed by themselves, just before the transaction. */
export const offsetsOutside: Mutation = {
  port: (port, broker) => withProducers(port, (producer) => ({
    transactionalId: producer.transactionalId,
    init: () => producer.init(),
    batch: () => producer.batch(),
    send: (batch) => producer.send(batch),
    sendOffsets: (group, positions) => {
      const known = broker.group(group);
      known.commitOffsets(positions.filter((p) => p.offset > (known.offsetOf(p) ?? -1)));
      return Promise.resolve();
    },
    commit: () => producer.commit(),
    abort: () => producer.abort(),
    close: () => producer.close(),
  })),
};

/** Redis takes every write of everybody. */
export const noSinkFence: Mutation = { sinkFence: 'ignored' };
