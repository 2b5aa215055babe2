import type { Clock } from '../../core/clock.ts';
import { StopError } from '../../core/errors.ts';
import { partitionOf } from '../../kafka/partitioner.ts';
import type { LogRecord, MemoryBroker } from '../../kafka/memory/index.ts';
import type { TopicPartition } from '../../kafka/port.ts';
import type { Random } from '../random.ts';
import type { Trace } from './trace.ts';

/** A record on its way into a source or table topic. */
export interface EncodedRecord extends TopicPartition {
  readonly record: LogRecord;
}

export interface FeedOptions {
  readonly broker: MemoryBroker;
  readonly clock: Clock;
  readonly random: Random;
  readonly trace: Trace;
  readonly records: readonly EncodedRecord[];
  /** Time over which they come, ms. */
  readonly forMs: number;
}

const TRANSACTION_TIMEOUT_MS = 60_000;

/** Where a record goes: by its key, else anywhere. */
export const choosePartition = (key: Buffer | null, partitions: number, random: Random): number => (key === null ? random.below(partitions) : partitionOf(key, partitions));

/**
 * Writes the input as its owners would, in the order given: in bursts, some of them in transactions, of which some are aborted and
 * written again. Resolves when everything is committed.
 */
export const feed = async ({ broker, clock, random, trace, records, forMs }: FeedOptions): Promise<void> => {
  const bursts = Math.max(1, Math.min(records.length, 5 + random.below(40)));
  let at = 0;
  for (let burst = 0; burst < bursts; burst += 1) {
    const left = bursts - burst;
    const count = left === 1 ? records.length - at : Math.min(records.length - at, random.below(2 * Math.ceil((records.length - at) / left) + 1));
    const group = records.slice(at, at + count);
    at += count;
    if (group.length > 0) {
      trace.add(`feed ${group.length}`);
      if (random.chance(0.4)) await inTransaction(broker, clock, random, group);
      else for (const { record, ...partition } of group) broker.append(partition, [record]);
    }
    await clock.sleep(random.next() * 2 * (forMs / bursts));
  }
};

const inTransaction = async (broker: MemoryBroker, clock: Clock, random: Random, group: readonly EncodedRecord[]): Promise<void> => {
  const id = 'feed';
  for (const outcome of random.chance(0.3) ? (['aborted', 'committed'] as const) : (['committed'] as const)) {
    while (broker.transactions.isBusy(id)) await clock.sleep(1);
    const owner = broker.transactions.init(id, TRANSACTION_TIMEOUT_MS);
    for (const { record, ...partition } of group) {
      broker.addPartitions(id, owner, [partition]);
      broker.produce(id, owner, [{ ...partition, records: [record] }]);
      if (random.chance(0.2)) await clock.sleep(random.next() * 50);
    }
    broker.transactions.end(id, owner, outcome);
    // What comes behind it in the input comes when this is visible: an event after its row.
    for (let waited = 0; broker.transactions.isBusy(id); waited += 1) {
      if (waited > TRANSACTION_TIMEOUT_MS) throw new StopError('a transaction of the feed does not end');
      await clock.sleep(1);
    }
  }
};
