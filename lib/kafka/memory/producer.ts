import type { Clock } from '../../core/clock.ts';
import { MillraceError, messageOf, RetryError, StopError } from '../../core/errors.ts';
import type { Membership, OutputBatch, Position, ProducerOwner, TransactionalProducer } from '../port.ts';
import type { MemoryBroker, ProducedRecords } from './broker.ts';
import type { Network } from './network.ts';
import { MemoryOutput } from './output.ts';
import { patiently } from './patience.ts';

export interface ProducerOptions {
  readonly broker: MemoryBroker;
  readonly network: Network;
  readonly clock: Clock;
  readonly transactionTimeoutMs: number;
  readonly coordinatorWaitMs: number;
}

/** Partitions are led by this many brokers: their parts of one send arrive at different moments, or not at all. */
const LEADERS = 2;

/** One transactional id's owner. Any rejected call leaves it dead, since what the broker did is then unknown. */
export class MemoryProducer implements TransactionalProducer {
  readonly transactionalId: string;
  readonly #options: ProducerOptions;
  readonly #partitions = new Set<string>();
  readonly #groups = new Set<string>();
  #owner: ProducerOwner | null = null;
  #under: string | null = null;
  #death: MillraceError | null = null;
  #closed = false;

  constructor(transactionalId: string, options: ProducerOptions) {
    this.transactionalId = transactionalId;
    this.#options = options;
  }

  init(): Promise<ProducerOwner> {
    const { broker, transactionTimeoutMs } = this.#options;
    return this.#alone('init', async () => {
      this.#owner = await this.#ask('InitProducerId', () => broker.transactions.init(this.transactionalId, transactionTimeoutMs));
      this.#forget();
      return this.#owner;
    });
  }

  batch(): OutputBatch {
    return new MemoryOutput();
  }

  send(batch: OutputBatch): Promise<void> {
    const { broker, network } = this.#options;
    return this.#alone('send', async () => {
      if (!(batch instanceof MemoryOutput)) throw new StopError('send takes a batch that this producer made');
      const partitions = batch.seal();
      if (partitions.length === 0) return;
      const owner = this.#ready();
      const missing = partitions.filter((p) => !this.#partitions.has(nameOf(p)));
      if (missing.length > 0) {
        await this.#ask('AddPartitionsToTxn', () => broker.addPartitions(this.transactionalId, owner, missing));
        for (const partition of missing) this.#partitions.add(nameOf(partition));
      }
      const byLeader = Array.from({ length: LEADERS }, (_, leader) => partitions.filter((p) => (p.topic.length + p.partition) % LEADERS === leader)).filter((group) => group.length > 0);
      await Promise.all(byLeader.map((group) => network.call('Produce', () => broker.produce(this.transactionalId, owner, group))));
    });
  }

  sendOffsets(groupId: string, positions: readonly Position[], member?: Membership): Promise<void> {
    const { broker } = this.#options;
    return this.#alone('sendOffsets', async () => {
      if (positions.length === 0) return;
      const owner = this.#ready();
      if (!this.#groups.has(groupId)) {
        await this.#ask('AddOffsetsToTxn', () => broker.addOffsets(this.transactionalId, owner, groupId));
        this.#groups.add(groupId);
      }
      await this.#ask('TxnOffsetCommit', () => broker.sendOffsets(this.transactionalId, owner, groupId, positions, member));
    });
  }

  commit(): Promise<void> {
    return this.#end('commit', 'committed');
  }

  abort(): Promise<void> {
    return this.#end('abort', 'aborted');
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #end(name: string, outcome: 'committed' | 'aborted'): Promise<void> {
    return this.#alone(name, async () => {
      const owner = this.#ready();
      if (this.#partitions.size === 0 && this.#groups.size === 0) return;
      await this.#ask('EndTxn', () => this.#options.broker.transactions.end(this.transactionalId, owner, outcome));
      this.#forget();
    });
  }

  #forget(): void {
    this.#partitions.clear();
    this.#groups.clear();
  }

  #ask<T>(name: string, apply: () => T): Promise<T> {
    const { network, clock, coordinatorWaitMs } = this.#options;
    return patiently(clock, coordinatorWaitMs, () => network.call(name, apply));
  }

  #ready(): ProducerOwner {
    if (this.#owner === null) throw new StopError(`Producer ${this.transactionalId} was used before init`);
    return this.#owner;
  }

  /** One call at a time, none after a failed one. */
  async #alone<T>(name: string, act: () => Promise<T>): Promise<T> {
    if (this.#death !== null) throw this.#death;
    if (this.#closed) throw new StopError(`${name} was called on the closed producer ${this.transactionalId}`);
    if (this.#under !== null) throw new StopError(`${name} was called while ${this.#under} of producer ${this.transactionalId} is under way`);
    if (name !== 'init') this.#ready();
    this.#under = name;
    try {
      return await act();
    } catch (thrown) {
      this.#death = thrown instanceof MillraceError ? thrown : new RetryError(`${name} of producer ${this.transactionalId}: ${messageOf(thrown)}`, { cause: thrown });
      throw this.#death;
    } finally {
      this.#under = null;
    }
  }
}

const nameOf = ({ topic, partition }: Pick<ProducedRecords, 'topic' | 'partition'>): string => `${topic}/${partition}`;
