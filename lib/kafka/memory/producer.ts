import type { Clock } from '../../core/clock.ts';
import { StopError } from '../../core/errors.ts';
import { ProducerCalls } from '../calls.ts';
import type { CommittedPosition, Membership, OutputBatch, ProducerOwner, Sent, TransactionalProducer } from '../port.ts';
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

/** What a send gives to each leader. Throws `StopError` for a batch of another producer's making. */
export const byLeader = (batch: OutputBatch): ProducedRecords[][] => {
  if (!(batch instanceof MemoryOutput)) throw new StopError('send takes a batch that this producer made');
  const partitions = batch.seal();
  return Array.from({ length: LEADERS }, (_, leader) => partitions.filter((p) => (p.topic.length + p.partition) % LEADERS === leader)).filter((group) => group.length > 0);
};

/** One transactional id's owner. Any rejected call leaves it dead, since what the broker did is then unknown. */
export class MemoryProducer implements TransactionalProducer {
  readonly transactionalId: string;
  readonly #options: ProducerOptions;
  readonly #calls: ProducerCalls<ProducerOwner>;
  readonly #partitions = new Set<string>();
  readonly #groups = new Set<string>();

  constructor(transactionalId: string, options: ProducerOptions) {
    this.transactionalId = transactionalId;
    this.#options = options;
    this.#calls = new ProducerCalls(transactionalId);
  }

  init(): Promise<ProducerOwner> {
    const { broker, transactionTimeoutMs } = this.#options;
    return this.#calls.init(async () => {
      const owner = await this.#ask('InitProducerId', () => broker.transactions.init(this.transactionalId, transactionTimeoutMs));
      this.#forget();
      return owner;
    });
  }

  batch(): OutputBatch {
    return new MemoryOutput();
  }

  send(batch: OutputBatch): Promise<readonly Sent[]> {
    const { broker, network } = this.#options;
    return this.#calls.run('send', async () => {
      const groups = byLeader(batch);
      if (groups.length === 0) return [];
      const { owner } = this.#calls;
      const missing = groups.flat().filter((p) => !this.#partitions.has(nameOf(p)));
      if (missing.length > 0) {
        await this.#ask('AddPartitionsToTxn', () => broker.addPartitions(this.transactionalId, owner, missing));
        for (const partition of missing) this.#partitions.add(nameOf(partition));
      }
      return (await Promise.all(groups.map((group) => network.call('Produce', () => broker.produce(this.transactionalId, owner, group))))).flat();
    });
  }

  sendOffsets(groupId: string, positions: readonly CommittedPosition[], member?: Membership): Promise<void> {
    const { broker } = this.#options;
    return this.#calls.run('sendOffsets', async () => {
      if (positions.length === 0) return;
      const { owner } = this.#calls;
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
    this.#calls.close();
  }

  #end(name: string, outcome: 'committed' | 'aborted'): Promise<void> {
    return this.#calls.run(name, async () => {
      const { owner } = this.#calls;
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
}

const nameOf = ({ topic, partition }: Pick<ProducedRecords, 'topic' | 'partition'>): string => `${topic}/${partition}`;
