import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Sent } from '../kafka/port.ts';
import { DiskEnv } from './disk-env.ts';
import { DiskStore } from './disk-store.ts';
import { partitionsOnDisk, removeUnused, taskFolder } from './folders.ts';
import { Positions, type StateHome, type TaskSpec, type TaskState } from './home.ts';
import { claimSlot } from './slots.ts';

export interface DiskHomeOptions {
  /** The state folder, shared by all workers of this machine. */
  readonly dir: string;
  readonly app: string;
  /** Decoded values kept in memory, for each store of a task. */
  readonly cacheRecords: number;
  /** Bound of the files of one task. */
  readonly maxBytes: number;
  /** State that nothing was written to for longer is removed at the start. */
  readonly keepMs: number;
  readonly clock: Clock;
  readonly log: Logger;
}

class DiskTask implements TaskState {
  readonly stores: readonly DiskStore[];
  readonly #env: DiskEnv;
  readonly #positions: Positions;

  constructor(env: DiskEnv, task: TaskSpec, cacheRecords: number) {
    this.#env = env;
    this.#positions = new Positions(task);
    this.stores = task.stores.map((spec) => new DiskStore(env, spec, cacheRecords));
  }

  async committed(sent: readonly Sent[], validAtMs: number): Promise<void> {
    await this.prepare();
    const positions = this.#positions.after(this.stores, sent, validAtMs);
    this.#env.write(() => this.stores.forEach((store, i) => store.writeSealed(positions[i]!)));
    this.stores.forEach((store, i) => {
      store.committed();
      store.moved(positions[i]!);
    });
    this.#env.proven();
  }

  /** Waits until every value can be decoded. */
  async prepare(): Promise<void> {
    for (const store of this.stores) {
      const ready = store.preparing();
      if (ready !== undefined) await ready;
    }
  }

  async close(): Promise<void> {
    for (const store of this.stores) store.discard();
    await this.#env.close();
  }
}

/** Closes a task that is open or being opened. */
const closed = async (opening: Promise<TaskState> | undefined): Promise<void> => {
  const state = await opening?.catch(() => null);
  await state?.close();
};

/**
 * State on disk, in a folder that no other worker has. A task that is opened finds what it left there, whoever had it meanwhile, and reads
 * on from there in its changelog. Rejects with `ConfigurationError` when the state folder cannot be written.
 */
export const openDiskHome = async ({ dir, app, cacheRecords, maxBytes, keepMs, clock, log }: DiskHomeOptions): Promise<StateHome> => {
  const slot = await claimSlot(dir, app);
  log.info('state on disk', { folder: slot.folder });
  const removed = removeUnused(slot.folder, clock.now() - keepMs);
  if (removed.length > 0) log.info('state on disk that was not used for long is removed', { folder: slot.folder, tasks: removed });
  /** Of each folder the task that had it last, from the beginning of its opening. */
  const open = new Map<string, Promise<TaskState>>();

  const openFiles = async ({ stage, partition, owner, stores }: TaskSpec, folder: string): Promise<DiskEnv> => {
    const onWiped = (reason: string): void => log.warn('state on disk is thrown away; it is restored from its changelog', { stage, partition, reason });
    return DiskEnv.open({ folder, owner: `${owner.producerId}:${owner.epoch}`, stores: stores.map(({ name }) => name), maxBytes, onWiped });
  };

  const openTask = async (task: TaskSpec): Promise<TaskState> => {
    const folder = taskFolder(slot.folder, task.stage, task.partition);
    const former = open.get(folder);
    const opening = (async () => {
      // A former owner in this process that has not ended: the files are the newer one's.
      await closed(former);
      const env = await openFiles(task, folder);
      try {
        const state = new DiskTask(env, task, cacheRecords);
        await state.prepare();
        return state;
      } catch (error) {
        await env.close();
        throw error;
      }
    })();
    open.set(folder, opening);
    return opening;
  };

  return {
    kind: 'disk',
    open: openTask,
    partitions: (stage) => partitionsOnDisk(slot.folder, stage),
    close: async () => {
      await Promise.all([...open.values()].map(closed));
      await slot.release().catch((error: unknown) => log.warn('letting go of the state folder failed', { error: messageOf(error) }));
    },
  };
};
