import type { Crash } from '../core/crash-points.ts';
import type { OutputBatch, Position, TaskProducer } from '../kafka/port.ts';
import type { Store } from '../state/store.ts';

/** Everything that a task has done since its last commit, closed. */
export interface Checkpoint {
  readonly producer: TaskProducer;
  readonly group: string;
  /** Outputs, changelog records and dead letters. */
  readonly output: OutputBatch;
  /** The next offsets to process. */
  readonly positions: readonly Position[];
  readonly stores: readonly Store[];
  readonly crash: Crash;
}

/**
 * The commit. Its order is the guarantee: what is read, what is written and what is remembered become true together in
 * step 3, and local state never gets ahead of Kafka. A failure before step 3 changes nothing; a failure in it leaves the
 * outcome unknown, and the task finds it out by opening again. Either way the caller drops everything uncommitted.
 */
export const commit = async (checkpoint: Checkpoint): Promise<void> => {
  const { producer, output, positions, stores, crash } = checkpoint;
  // 1. Outputs and changelog records, inside the transaction.
  if (crash !== null) await crash('before-send');
  if (output.count > 0) await producer.send(output);
  if (crash !== null) await crash('after-send');
  // 2. The offsets behind them.
  if (crash !== null) await crash('before-offsets');
  await producer.sendOffsets(checkpoint.group, positions);
  if (crash !== null) await crash('after-offsets');
  // 3. Both become visible, or neither.
  if (crash !== null) await crash('before-commit');
  await producer.commit();
  if (crash !== null) await crash('after-commit');
  // 4. What was written to the stores becomes their committed state, in one local step each.
  if (crash !== null) await crash('before-store');
  for (const store of stores) store.committed();
  if (crash !== null) await crash('after-store');
  // 5. The caller forgets the checkpoint.
};
