import type { Clock, Timer } from '../../core/clock.ts';
import type { ProducerOwner, TopicPartition } from '../port.ts';
import { refusal } from './refusal.ts';
import type { Transaction } from './log.ts';

/** Somewhere a transaction has written to, and where its end must be marked. */
export interface Participant {
  readonly name: string;
  mark(transaction: Transaction): void;
}

interface Holder {
  readonly id: string;
  producerId: number;
  epoch: number;
  timeoutMs: number;
  /** The last one; null before the first. */
  transaction: Transaction | null;
  /** Participants of the open transaction, or those that have yet to be marked. */
  readonly participants: Map<string, Participant>;
  status: 'idle' | 'open' | 'ending';
  expiry: Timer | null;
}

/** Kafka's own bound: then the id gets a new producer id. */
const MAX_EPOCH = 32_766;

export interface CoordinatorOptions {
  readonly clock: Clock;
  /** How long a marker takes to reach a partition, ms. */
  readonly markerMs: () => number;
  /** Of a transactional id that is new; near the bound it soon gets another producer id. */
  readonly firstEpoch: number;
}

/**
 * The transaction coordinator: who owns a transactional id, and how its transactions end. `end` decides the outcome at once;
 * the markers reach the participants at different moments after that, and until all have, the id is busy.
 */
export class TransactionCoordinator {
  readonly #options: CoordinatorOptions;
  readonly #holders = new Map<string, Holder>();
  #producerIds = 1_000;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  /** Fences the owner before. While its transaction is being ended the answer is CONCURRENT_TRANSACTIONS. */
  init(id: string, timeoutMs: number): ProducerOwner {
    const holder = this.#holders.get(id);
    if (holder === undefined) {
      const fresh: Holder = { id, producerId: this.#nextId(), epoch: this.#options.firstEpoch, timeoutMs, transaction: null, participants: new Map(), status: 'idle', expiry: null };
      this.#holders.set(id, fresh);
      return { producerId: fresh.producerId, epoch: fresh.epoch };
    }
    if (holder.status === 'open') {
      holder.epoch += 1;
      this.#end(holder, 'aborted');
    }
    if (holder.status === 'ending') throw refusal('CONCURRENT_TRANSACTIONS', `InitProducerId of ${id}`);
    holder.timeoutMs = timeoutMs;
    if (holder.epoch >= MAX_EPOCH) {
      holder.producerId = this.#nextId();
      holder.epoch = 0;
    } else {
      holder.epoch += 1;
    }
    return { producerId: holder.producerId, epoch: holder.epoch };
  }

  #nextId(): number {
    this.#producerIds += 1;
    return this.#producerIds;
  }

  /** Adds participants to the open transaction, beginning one. */
  add(id: string, owner: ProducerOwner, participants: readonly Participant[], call: string): void {
    const holder = this.#owned(id, owner, call);
    if (holder.status === 'ending') throw refusal('CONCURRENT_TRANSACTIONS', `${call} of ${id}`);
    if (holder.status === 'idle') {
      holder.status = 'open';
      holder.transaction = { transactionalId: id, producerId: owner.producerId, epoch: owner.epoch, outcome: 'open' };
      holder.expiry = this.#options.clock.after(holder.timeoutMs, () => {
        if (holder.status !== 'open') return;
        holder.epoch += 1;
        this.#end(holder, 'aborted');
      });
    }
    for (const participant of participants) holder.participants.set(participant.name, participant);
  }

  /** The open transaction, for a write to a participant; everything else is refused, so a write that comes late leaves nothing hanging. */
  verify(id: string, owner: ProducerOwner, participants: readonly string[], call: string): Transaction {
    const holder = this.#owned(id, owner, call);
    if (holder.status !== 'open' || participants.some((name) => !holder.participants.has(name))) throw refusal('INVALID_TXN_STATE', `${call} of ${id}`);
    return holder.transaction!;
  }

  end(id: string, owner: ProducerOwner, outcome: 'committed' | 'aborted'): void {
    const holder = this.#owned(id, owner, 'EndTxn');
    if (holder.status === 'open') {
      this.#end(holder, outcome);
      return;
    }
    if (holder.transaction?.outcome !== outcome) throw refusal('INVALID_TXN_STATE', `EndTxn of ${id}`);
    if (holder.status === 'ending') throw refusal('CONCURRENT_TRANSACTIONS', `EndTxn of ${id}`);
  }

  #end(holder: Holder, outcome: 'committed' | 'aborted'): void {
    const transaction = holder.transaction!;
    holder.expiry?.cancel();
    holder.status = 'ending';
    transaction.outcome = outcome;
    for (const participant of holder.participants.values()) {
      this.#options.clock.after(this.#options.markerMs(), () => {
        participant.mark(transaction);
        holder.participants.delete(participant.name);
        if (holder.participants.size === 0) holder.status = 'idle';
      });
    }
  }

  #owned(id: string, { producerId, epoch }: ProducerOwner, call: string): Holder {
    const holder = this.#holders.get(id);
    if (holder === undefined) throw refusal('INVALID_PRODUCER_ID_MAPPING', `${call} of ${id}`);
    if (holder.producerId !== producerId || holder.epoch !== epoch) throw refusal('INVALID_PRODUCER_EPOCH', `${call} of ${id}`);
    return holder;
  }

  /** Whether the id's transaction is open or being ended. */
  isBusy(id: string): boolean {
    return (this.#holders.get(id)?.status ?? 'idle') !== 'idle';
  }
}

export const partitionName = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;
