import type { OutputBatch, Position, TransactionalProducer } from '../kafka/port.ts';
import type { Store } from '../state/store.ts';

/** Everything that a task has done since its last commit, closed. */
export interface Checkpoint {
  readonly producer: TransactionalProducer;
  readonly group: string;
  /** Outputs, changelog records and dead letters. */
  readonly output: OutputBatch;
  /** The next offsets to process. */
  readonly positions: readonly Position[];
  readonly stores: readonly Store[];
}

/**
 * The commit. Its order is the guarantee: what is read, what is written and what is remembered become true together in
 * step 3, and local state never gets ahead of Kafka. A failure before step 3 changes nothing; a failure in it leaves the
 * outcome unknown, and the task finds it out by opening again. Either way the caller drops everything uncommitted.
 */
export const commit = async (checkpoint: Checkpoint): Promise<void> => {
  const { producer, output, positions, stores } = checkpoint;
  // 1. Outputs and changelog records, inside the transaction.
  if (output.count > 0) await producer.send(output);
  // 2. The offsets behind them.
  await producer.sendOffsets(checkpoint.group, positions);
  // 3. Both become visible, or neither.
  await producer.commit();
  // 4. What was written to the stores becomes their committed state, in one local step each.
  for (const store of stores) store.committed();
  // 5. The caller forgets the checkpoint.
};
