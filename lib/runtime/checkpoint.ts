import type { Crash } from '../core/crash-points.ts';
import type { OutputBatch, Position, TaskProducer } from '../kafka/port.ts';
import type { StagePlan } from '../plan/types.ts';
import type { TaskState } from '../state/home.ts';
import { withNote } from './offset-note.ts';

/** Everything that a task has done since its last commit, closed. */
export interface Checkpoint {
  readonly producer: TaskProducer;
  readonly stage: Pick<StagePlan, 'group' | 'stores'>;
  /** Outputs, changelog records and dead letters. */
  readonly output: OutputBatch;
  /** The next offsets to process. */
  readonly positions: readonly Position[];
  /** Null: the task has no stores. */
  readonly state: TaskState | null;
  /** When the checkpoint was closed, ms since the epoch. */
  readonly sealedMs: number;
  readonly crash: Crash;
}

/**
 * The commit. Its order is the guarantee: what is read, what is written and what is remembered become true together in
 * step 3, and local state never gets ahead of Kafka. A failure before step 3 changes nothing; a failure in it leaves the
 * outcome unknown, and the task finds it out by opening again. Either way the caller drops everything uncommitted.
 */
export const commit = async (checkpoint: Checkpoint): Promise<void> => {
  const { producer, output, stage, positions, state, crash } = checkpoint;
  // 1. Outputs and changelog records, inside the transaction.
  if (crash !== null) await crash('before-send');
  const sent = output.count > 0 ? await producer.send(output) : [];
  if (crash !== null) await crash('after-send');
  // 2. The offsets behind them.
  if (crash !== null) await crash('before-offsets');
  await producer.sendOffsets(stage.group, withNote(positions, stage));
  if (crash !== null) await crash('after-offsets');
  // 3. Both become visible, or neither.
  if (crash !== null) await crash('before-commit');
  await producer.commit();
  if (crash !== null) await crash('after-commit');
  // 4. What was written to the stores becomes their committed state, with the changelogs' positions, in one local step.
  if (crash !== null) await crash('before-store');
  if (state !== null) await state.committed(sent, checkpoint.sealedMs);
  if (crash !== null) await crash('after-store');
  // 5. The caller forgets the checkpoint.
};
