import type { ProducerOwner, Sent } from '../kafka/port.ts';
import type { ValueDecoder } from '../serde/serde.ts';
import type { RestorableStore, StorePosition } from './store.ts';

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
   * step. `sent` says where the records went; `validAtMs` is a time before the commit. Rejects with `RejoinError` when the state
   * has a newer owner, `StopError` when it cannot be written: it then stands where it was, behind Kafka.
   */
  committed(sent: readonly Sent[], validAtMs: number): Promise<void>;
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

/**
 * Follows where the stores of a task stand in their changelogs. Should another writer have come between the end of the restore and the
 * task's first record (which a guarantee without transactions does not exclude), the store keeps its position: the next opening reads on
 * from there, and what was written last counts.
 */
export class Positions {
  readonly #task: TaskSpec;
  readonly #written = new Set<string>();
  readonly #stuck = new Set<string>();

  constructor(task: TaskSpec) {
    this.#task = task;
  }

  /** In the order of the stores; null for one that has none. */
  after(stores: readonly RestorableStore[], sent: readonly Sent[], validAtMs: number): readonly (StorePosition | null)[] {
    return stores.map(({ position }, i) => {
      const { changelog } = this.#task.stores[i]!;
      const place = sent.find(({ topic }) => topic === changelog);
      if (position === null || this.#isStuck(changelog, position, place)) return position;
      return { ...position, offset: place?.offset ?? position.offset, marked: place?.marked ?? position.marked, validAtMs };
    });
  }

  #isStuck(changelog: string, position: StorePosition, place: Sent | undefined): boolean {
    if (place !== undefined && !this.#written.has(changelog)) {
      this.#written.add(changelog);
      if (place.firstOffset !== position.offset) this.#stuck.add(changelog);
    }
    return this.#stuck.has(changelog);
  }
}
