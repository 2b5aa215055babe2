import { RejoinError } from '../../core/errors.ts';
import { ProducerCalls } from '../calls.ts';
import type { CommittedPosition, Membership, OutputBatch, ProducerOwner, Sent, TaskProducer } from '../port.ts';
import { NO_ATTRIBUTES } from './batch-format.ts';
import type { Connections } from './connections.ts';
import { offsetCommit } from './offset-commit.ts';
import { askCoordinator } from './patience.ts';
import { takeOver, type ProducerSettings } from './producer.ts';
import { NONE, protocolError } from './protocol-errors.ts';
import type { TransactionOwner } from './requests.ts';
import { RecordSender } from './sender.ts';

export interface DirectSettings extends ProducerSettings {
  readonly membership: () => Membership | null;
}

/**
 * Records and offsets that count as soon as brokers have them, in no transaction. It takes the transactional id over all the same:
 * that ends what an owner with transactions has left open, orders owners for sinks, and lets a partition that has heard of the
 * newer owner refuse the older one's records.
 */
export class DirectProducer implements TaskProducer {
  readonly transactionalId: string;
  readonly #connections: Connections;
  readonly #settings: DirectSettings;
  readonly #calls: ProducerCalls<TransactionOwner>;
  readonly #sender: RecordSender;

  constructor(connections: Connections, settings: DirectSettings) {
    const { transactionalId, maxBatchBytes, maxMessageBytes } = settings;
    this.#connections = connections;
    this.#settings = settings;
    this.transactionalId = transactionalId;
    this.#calls = new ProducerCalls(transactionalId);
    this.#sender = new RecordSender(connections, { name: transactionalId, transactionalId: null, attributes: NO_ATTRIBUTES, maxBatchBytes, maxMessageBytes });
  }

  async init(): Promise<ProducerOwner> {
    const { producerId, epoch } = await this.#calls.init(async () => {
      const owner = await takeOver(this.#connections, this.#settings);
      this.#sender.begin();
      return owner;
    });
    return { producerId, epoch };
  }

  batch(): OutputBatch {
    return this.#sender.batch();
  }

  send(batch: OutputBatch): Promise<readonly Sent[]> {
    return this.#calls.run('send', async () => {
      const outputs = this.#sender.sealed(batch);
      return outputs.length === 0 ? [] : this.#sender.send(outputs, this.#calls.owner);
    });
  }

  sendOffsets(groupId: string, positions: readonly CommittedPosition[]): Promise<void> {
    return this.#calls.run('sendOffsets', async () => {
      if (positions.length === 0) return;
      const member = this.#settings.membership();
      if (member === null) throw new RejoinError(`Offsets of ${groupId} are committed by its members only, and this worker is none now`);
      const call = offsetCommit(groupId, member, positions);
      await askCoordinator(this.#connections, this.#connections.settings.clock, this.#settings.coordinatorWaitMs, {
        kind: 'group',
        key: groupId,
        call,
        errorOf: (answer) => answer.find(({ error }) => error !== NONE)?.error ?? NONE,
        failure: (error) => protocolError(error, `${call.name} of ${groupId}`),
      });
    });
  }

  /** Everything counts already. */
  commit(): Promise<void> {
    return this.#calls.run('commit', () => Promise.resolve());
  }

  async close(): Promise<void> {
    this.#calls.close();
  }
}
