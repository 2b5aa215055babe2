import { RejoinError } from '../core/errors.ts';
import type { Sent } from '../kafka/port.ts';
import { Positions, type StateHome, type StoreSpec, type TaskSpec, type TaskState } from './home.ts';
import { MemoryStore, type Kept } from './memory.ts';

/** The state of a task in memory: who owns it, and its stores by name. */
export interface KeptTask {
  owner: string;
  readonly stores: Map<string, Kept>;
}

export interface MemoryHomeOptions {
  /** Where the state of a task is kept. Default: nowhere, each opening begins with nothing. */
  readonly keep?: (stage: string, partition: number) => KeptTask;
  /** Partition numbers of a stage whose state is kept. Default: none. */
  readonly partitions?: (stage: string) => readonly number[];
  readonly makeStore?: (spec: StoreSpec, partition: number, kept: Kept) => MemoryStore;
}

const keepNothing = (): KeptTask => ({ owner: '', stores: new Map() });

/** The stores of one task in memory. */
export class MemoryTask implements TaskState {
  readonly stores: readonly MemoryStore[];
  readonly #task: TaskSpec;
  readonly #positions: Positions;
  readonly #kept: KeptTask;
  readonly #owner: string;
  #isClosed = false;

  constructor(task: TaskSpec, { keep = keepNothing, makeStore = ({ name, decoder }, _, kept) => new MemoryStore(name, decoder, kept) }: MemoryHomeOptions = {}) {
    this.#task = task;
    this.#positions = new Positions(task);
    this.#owner = `${task.owner.producerId}:${task.owner.epoch}`;
    this.#kept = keep(task.stage, task.partition);
    this.#kept.owner = this.#owner;
    this.stores = task.stores.map((spec) => {
      // Of its own from now on: a former opening that has not ended, still restoring maybe, must not write beneath this one.
      const former = this.#kept.stores.get(spec.name);
      const kept: Kept = { entries: new Map(former?.entries), position: former?.position ?? null };
      this.#kept.stores.set(spec.name, kept);
      return makeStore(spec, task.partition, kept);
    });
  }

  async committed(sent: readonly Sent[], validAtMs: number): Promise<void> {
    // What was sealed is thrown away by then: the position must not go past it.
    if (this.#isClosed || this.#kept.owner !== this.#owner) throw new RejoinError('the state of the task is closed, or has a newer owner', { where: { stage: this.#task.stage, partition: this.#task.partition } });
    const positions = this.#positions.after(this.stores, sent, validAtMs);
    this.stores.forEach((store, i) => {
      store.committed();
      const position = positions[i]!;
      if (position !== null) store.restored(position);
    });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const store of this.stores) store.discard();
  }
}

/** State in memory, restored from the changelogs when a task is opened: whole, unless it is kept somewhere. */
export const memoryHome = (options: MemoryHomeOptions = {}): StateHome => ({
  kind: options.keep === undefined ? 'memory' : 'disk',
  open: async (task) => new MemoryTask(task, options),
  partitions: options.partitions ?? (() => []),
  close: async () => {},
});
