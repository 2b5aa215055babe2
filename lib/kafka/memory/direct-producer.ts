import { RejoinError } from '../../core/errors.ts';
import { ProducerCalls } from '../calls.ts';
import type { CommittedPosition, Membership, OutputBatch, ProducerOwner, Sent, TaskProducer } from '../port.ts';
import { MemoryOutput } from './output.ts';
import { patiently } from './patience.ts';
import { byLeader, type ProducerOptions } from './producer.ts';

export interface DirectOptions extends ProducerOptions {
  readonly membership: () => Membership | null;
}

/** Records and offsets that count as soon as the broker has them. */
export class MemoryDirectProducer implements TaskProducer {
  readonly transactionalId: string;
  readonly #options: DirectOptions;
  readonly #calls: ProducerCalls<ProducerOwner>;

  constructor(transactionalId: string, options: DirectOptions) {
    this.transactionalId = transactionalId;
    this.#options = options;
    this.#calls = new ProducerCalls(transactionalId);
  }

  init(): Promise<ProducerOwner> {
    const { broker, transactionTimeoutMs } = this.#options;
    return this.#calls.init(() => this.#ask('InitProducerId', () => broker.transactions.init(this.transactionalId, transactionTimeoutMs)));
  }

  batch(): OutputBatch {
    return new MemoryOutput();
  }

  send(batch: OutputBatch): Promise<readonly Sent[]> {
    const { broker, network } = this.#options;
    return this.#calls.run('send', async () => {
      const { owner } = this.#calls;
      return (await Promise.all(byLeader(batch).map((group) => network.call('Produce', () => broker.produceDirect(owner, group))))).flat();
    });
  }

  sendOffsets(groupId: string, positions: readonly CommittedPosition[]): Promise<void> {
    const { broker, membership } = this.#options;
    return this.#calls.run('sendOffsets', async () => {
      if (positions.length === 0) return;
      const member = membership();
      if (member === null) throw new RejoinError(`Offsets of ${groupId} are committed by its members only, and this worker is none now`);
      await this.#ask('OffsetCommit', () => broker.group(groupId).commitAs(member, positions));
    });
  }

  commit(): Promise<void> {
    return this.#calls.run('commit', () => Promise.resolve());
  }

  async close(): Promise<void> {
    this.#calls.close();
  }

  #ask<T>(name: string, apply: () => T): Promise<T> {
    const { network, clock, coordinatorWaitMs } = this.#options;
    return patiently(clock, coordinatorWaitMs, () => network.call(name, apply));
  }
}
