import type { ProducerOwner, Sent } from '../port.ts';
import { PartitionLog, type LogRecord, type Transaction } from './log.ts';
import { partitionName, type Participant } from './transactions.ts';

/** A partition as its leader keeps it. */
export class StoredPartition implements Participant {
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  readonly log = new PartitionLog();
  /** The newest epoch that has written here, by producer id. */
  readonly #epochs = new Map<number, number>();
  readonly #sequence: () => number;
  readonly #changed: (partition: StoredPartition) => void;

  constructor(topic: string, partition: number, sequence: () => number, changed: (partition: StoredPartition) => void) {
    this.topic = topic;
    this.partition = partition;
    this.name = partitionName({ topic, partition });
    this.#sequence = sequence;
    this.#changed = changed;
  }

  /** Whether it has heard of a newer owner of that producer id. */
  hasNewer({ producerId, epoch }: ProducerOwner): boolean {
    return (this.#epochs.get(producerId) ?? -1) > epoch;
  }

  heard({ producerId, epoch }: ProducerOwner): void {
    this.#epochs.set(producerId, epoch);
  }

  append(records: readonly LogRecord[], transaction: Transaction | null): Sent {
    const firstOffset = this.log.end;
    this.log.append(records, transaction, this.#sequence);
    this.#changed(this);
    return { topic: this.topic, partition: this.partition, firstOffset, offset: this.log.end, marked: transaction !== null };
  }

  mark(transaction: Transaction): void {
    this.log.mark(transaction, this.#sequence);
    this.#changed(this);
  }
}
