/** What must not be left out, left out: a simulation that does not notice is worth nothing. */
import type { KafkaPort, ProducerOwner, TransactionalProducer } from '../../lib/kafka/port.ts';
import { MemoryStore } from '../../lib/state/memory.ts';
import { memoryHome } from '../../lib/state/memory-home.ts';
import type { StoreSpec } from '../../lib/state/home.ts';
import type { StorePosition } from '../../lib/state/store.ts';
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

/** What a task had written to its stores and not committed is still there when the task is opened again in the same worker. */
export const dirtyStateKept: Mutation = {
  home: () => {
    const kept = new Map<string, Map<string, unknown>>();
    return memoryHome({ makeStore: (spec, partition) => new KeepingStore(spec, kept, `${spec.name}/${partition}`) });
  },
};

/** Records of a task reach its topics outside its transaction too. */
export const outsideTransaction: Mutation = {
  port: (port, broker) => withProducers(port, (producer) => ({
    transactionalId: producer.transactionalId,
    init: () => producer.init(),
    batch: () => producer.batch(),
    send: async (batch) => {
      const sent = await producer.send(batch);
      const [place] = sent;
      if (place !== undefined) broker.append(place, [{ key: Buffer.from('k'), value: Buffer.from('1'), timestamp: 1_700_000_000_000, headers: [] }]);
      return sent;
    },
    sendOffsets: (...offsets) => producer.sendOffsets(...offsets),
    commit: () => producer.commit(),
    abort: () => producer.abort(),
    close: () => producer.close(),
  })),
};

/** State on disk is taken for new however old it is: keys that were deleted meanwhile come back when the cleaner has taken the deletes. */
export const ageIgnored: Mutation = {
  home: (place, kept) => kept.home(place, ({ name, decoder }, _, entries) => new AgelessStore(name, decoder, entries)),
};

class AgelessStore extends MemoryStore {
  override get position(): StorePosition | null {
    const position = super.position;
    // Beyond all that a run brings, and not so far in the future that it is noticed.
    return position === null ? null : { ...position, validAtMs: position.validAtMs + 30_000 };
  }
}

/** State on disk has the writes of a commit before Kafka has them. */
export const aheadOfKafka: Mutation = {
  home: (place, kept) => kept.home(place, ({ name, decoder }, _, entries) => new HastyStore(name, decoder, entries)),
};

class HastyStore extends MemoryStore {
  override seal(): ReadonlyMap<string, unknown> {
    const writes = super.seal();
    for (const [key, value] of writes) this.set(key, value);
    return writes;
  }
}

class KeepingStore extends MemoryStore {
  readonly #kept: Map<string, Map<string, unknown>>;
  readonly #place: string;
  #dirty = new Map<string, unknown>();
  #sealed = new Map<string, unknown>();
  #isRestored = false;

  constructor({ name, decoder }: StoreSpec, kept: Map<string, Map<string, unknown>>, place: string) {
    super(name, decoder);
    this.#kept = kept;
    this.#place = place;
  }

  override begin(): void {
    if (!this.#isRestored) {
      this.#isRestored = true;
      for (const [key, value] of this.#kept.get(this.#place) ?? []) super.set(key, value);
    }
    super.begin();
  }

  override put(key: string, value: unknown): void {
    this.#dirty.set(key, value);
    super.put(key, value);
  }

  override seal(): ReadonlyMap<string, unknown> {
    this.#sealed = this.#dirty;
    this.#dirty = new Map();
    return super.seal();
  }

  override committed(): void {
    this.#sealed = new Map();
    super.committed();
  }

  override discard(): void {
    this.#kept.set(this.#place, new Map([...this.#sealed, ...this.#dirty]));
    super.discard();
  }
}
