import type { Position, ProducerOwner } from '../kafka/port.ts';
import type { ValueDecoder } from '../serde/serde.ts';
import type { RestorableStore } from './store.ts';

export interface StoreSpec {
  readonly name: string;
  readonly changelog: string;
  readonly decoder: ValueDecoder<unknown>;
}

export interface TaskSpec {
  readonly stage: string;
  readonly partition: number;
  /** Whose state it is from now on: what a former owner still wants to write to it is refused. */
  readonly owner: ProducerOwner;
  readonly stores: readonly StoreSpec[];
}

/** The stores of one task. */
export interface TaskState {
  /** In the order of the specification. */
  readonly stores: readonly RestorableStore[];
  /**
   * The sealed writes are committed in Kafka: they become the committed state, with the changelogs' positions behind them, in one local
   * step. `ends` are the next offsets of what was sent; `validAtMs` is a time before the commit. Rejects with `RejoinError` when the state
   * has a newer owner, `StopError` when it cannot be written: it then stands where it was, behind Kafka.
   */
  committed(ends: readonly Position[], validAtMs: number): Promise<void>;
  /** Throws away what is not committed and lets go of the state. Never rejects. */
  close(): Promise<void>;
}

/** Where a worker keeps the state of its tasks. */
export interface StateHome {
  /** Whether state outlives the process. */
  readonly kind: 'memory' | 'disk';
  open(task: TaskSpec): Promise<TaskState>;
  /** Partition numbers of a stage whose state is there. */
  partitions(stage: string): readonly number[];
  close(): Promise<void>;
}

/** Where a store stands after a commit, or null when it has no position. */
export const positionAfter = (store: RestorableStore, changelog: string, ends: readonly Position[], validAtMs: number): RestorableStore['position'] => {
  if (store.position === null) return null;
  const end = ends.find(({ topic }) => topic === changelog);
  return { ...store.position, offset: end?.offset ?? store.position.offset, validAtMs };
};
