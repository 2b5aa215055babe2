import type { Where } from '../../core/errors.ts';
import { ProducerCalls } from '../calls.ts';
import type { CommittedPosition, Membership, OutputBatch, ProducerOwner, Sent, TransactionalProducer } from '../port.ts';
import type { PartitionOutput } from './batch-encoder.ts';
import { TRANSACTIONAL } from './batch-format.ts';
import type { Connections } from './connections.ts';
import { askCoordinator } from './patience.ts';
import { NONE, OPERATION_NOT_ATTEMPTED, protocolError } from './protocol-errors.ts';
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  firstError,
  initProducerId,
  txnOffsetCommit,
  type PartitionError,
  type TransactionOwner,
} from './requests.ts';
import { keyOf, RecordSender } from './sender.ts';

export interface ProducerSettings {
  readonly transactionalId: string;
  readonly transactionTimeoutMs: number;
  /** No record batch passes it, except one that holds a single larger record. */
  readonly maxBatchBytes: number;
  readonly maxMessageBytes?: ReadonlyMap<string, number> | undefined;
  /** How long a busy, loading or moving coordinator is asked again. */
  readonly coordinatorWaitMs: number;
}

const NO_MEMBER: Membership = { memberId: '', generation: -1 };

const whereOf = (entry: PartitionError | undefined): Where => (entry === undefined ? {} : { topic: entry.topic, partition: entry.partition });

/** InitProducerId: a new owner of the id, once whatever the one before has left open is aborted. */
export const takeOver = async (connections: Connections, { transactionalId, transactionTimeoutMs, coordinatorWaitMs }: ProducerSettings): Promise<TransactionOwner> => {
  const call = initProducerId(transactionalId, transactionTimeoutMs);
  const { producerId, epoch } = await askCoordinator(connections, connections.settings.clock, coordinatorWaitMs, {
    kind: 'transaction',
    key: transactionalId,
    call,
    errorOf: (answer) => answer.error,
    failure: (error) => protocolError(error, `${call.name} of ${transactionalId}`),
  });
  return { transactionalId, producerId, epoch };
};

/** One transactional id's owner. Any rejected call leaves it dead, since what the broker did is then unknown. */
export class Transactions implements TransactionalProducer {
  readonly transactionalId: string;
  readonly #connections: Connections;
  readonly #settings: ProducerSettings;
  readonly #calls: ProducerCalls<TransactionOwner>;
  readonly #sender: RecordSender;
  /** Partitions and groups of the open transaction. */
  readonly #partitions = new Set<string>();
  readonly #groups = new Set<string>();

  constructor(connections: Connections, settings: ProducerSettings) {
    const { transactionalId, maxBatchBytes, maxMessageBytes } = settings;
    this.#connections = connections;
    this.#settings = settings;
    this.transactionalId = transactionalId;
    this.#calls = new ProducerCalls(transactionalId);
    this.#sender = new RecordSender(connections, { name: transactionalId, transactionalId, attributes: TRANSACTIONAL, maxBatchBytes, maxMessageBytes });
  }

  async init(): Promise<ProducerOwner> {
    const { producerId, epoch } = await this.#calls.init(async () => {
      const owner = await takeOver(this.#connections, this.#settings);
      this.#sender.begin();
      this.#forget();
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
      if (outputs.length === 0) return [];
      await this.#add(outputs);
      return this.#sender.send(outputs, this.#calls.owner);
    });
  }

  sendOffsets(groupId: string, positions: readonly CommittedPosition[], member: Membership = NO_MEMBER): Promise<void> {
    return this.#calls.run('sendOffsets', async () => {
      if (positions.length === 0) return;
      const { owner } = this.#calls;
      if (!this.#groups.has(groupId)) {
        await this.#ask(addOffsetsToTxn(owner, groupId), (error) => error);
        this.#groups.add(groupId);
      }
      const call = txnOffsetCommit(owner, groupId, member, positions);
      await askCoordinator(this.#connections, this.#connections.settings.clock, this.#settings.coordinatorWaitMs, {
        kind: 'group',
        key: groupId,
        call,
        errorOf: (answer) => firstError(answer, OPERATION_NOT_ATTEMPTED)?.error ?? NONE,
        failure: (error, answer) => protocolError(error, `${call.name} of ${this.transactionalId}`, whereOf(firstError(answer, OPERATION_NOT_ATTEMPTED))),
      });
    });
  }

  commit(): Promise<void> {
    return this.#end('commit');
  }

  abort(): Promise<void> {
    return this.#end('abort');
  }

  async close(): Promise<void> {
    this.#calls.close();
  }

  /** Asked again only after an answer: one that did not come may arrive yet, and would end a later transaction. */
  #end(outcome: 'commit' | 'abort'): Promise<void> {
    return this.#calls.run(outcome, async () => {
      const { owner } = this.#calls;
      if (this.#partitions.size === 0 && this.#groups.size === 0) return;
      await this.#ask(endTxn(owner, outcome), (error) => error);
      this.#forget();
    });
  }

  #forget(): void {
    this.#partitions.clear();
    this.#groups.clear();
  }

  async #add(outputs: readonly PartitionOutput[]): Promise<void> {
    const missing = outputs.filter((output) => !this.#partitions.has(keyOf(output)));
    if (missing.length === 0) return;
    const failed = (answer: readonly PartitionError[]) => firstError(answer, OPERATION_NOT_ATTEMPTED);
    await this.#ask(addPartitionsToTxn(this.#calls.owner, missing), (answer) => failed(answer)?.error ?? NONE, failed);
    for (const output of missing) this.#partitions.add(keyOf(output));
  }

  #ask<T>(call: Parameters<typeof askCoordinator<T>>[3]['call'], errorOf: (answer: T) => number, failed?: (answer: T) => PartitionError | undefined): Promise<T> {
    return askCoordinator(this.#connections, this.#connections.settings.clock, this.#settings.coordinatorWaitMs, {
      kind: 'transaction',
      key: this.transactionalId,
      call,
      errorOf,
      failure: (error, answer) => protocolError(error, `${call.name} of ${this.transactionalId}`, whereOf(failed?.(answer))),
    });
  }
}
