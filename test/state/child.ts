import { systemClock } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import type { FetchedBatch } from '../../lib/kafka/port.ts';
import { encodeInternal, internalDecoder, type ValueDecoder } from '../../lib/serde/index.ts';
import { openDiskHome, type DiskHomeOptions } from '../../lib/state/disk-home.ts';
import type { StateHome, TaskState } from '../../lib/state/home.ts';
import { memoryHome } from '../../lib/state/memory-home.ts';
import type { RestorableStore } from '../../lib/state/store.ts';

export const CHANGELOG = 'app-s-changelog';

export const openDisk = (dir: string, options: Partial<DiskHomeOptions> = {}): Promise<StateHome> =>
  openDiskHome({ dir, app: 'app', cacheRecords: 4, maxBytes: 2 ** 36, keepMs: 604_800_000, clock: systemClock, log: silentLogger, ...options });

export const openMemory = async (): Promise<StateHome> => memoryHome();

export interface OpenTask {
  readonly state: TaskState;
  readonly store: RestorableStore;
}

export interface TaskOptions {
  readonly epoch?: number;
  readonly partition?: number;
  readonly names?: readonly string[];
  readonly decoder?: ValueDecoder<unknown>;
}

export const openTask = async (home: StateHome, { epoch = 0, partition = 0, names = ['s'], decoder = internalDecoder }: TaskOptions = {}): Promise<OpenTask> => {
  const state = await home.open({ stage: 'stage', partition, owner: { producerId: 7, epoch }, stores: names.map((name) => ({ name, changelog: `app-${name}-changelog`, decoder })) });
  return { state, store: state.stores[0]! };
};

/** Closes a commit as the runtime does, without Kafka. */
export const seal = (store: RestorableStore): ReadonlyMap<string, unknown> => {
  const writes = store.seal();
  for (const [key, value] of writes) store.encoded(key, value === undefined ? null : encodeInternal(value));
  return writes;
};

export const commit = async ({ state, store }: OpenTask, end: { readonly firstOffset: number; readonly offset: number; readonly marked?: boolean } | null = null): Promise<void> => {
  seal(store);
  await state.committed(end === null ? [] : [{ topic: CHANGELOG, partition: 0, marked: true, ...end }], systemClock.now());
};

/** Changelog records as a fetch brings them; undefined: deleted. */
export const changelogBatch = (records: readonly (readonly [key: string, value: unknown])[], from = 0): FetchedBatch => ({
  topic: CHANGELOG, partition: 0, count: records.length, nextOffset: from + records.length, highWatermark: from + records.length, lastStableOffset: from + records.length, byteLength: records.length,
  offset: (i) => from + i, timestamp: (i) => from + i, headers: () => [],
  key: (i) => Buffer.from(records[i]![0]),
  value: (i) => (records[i]![1] === undefined ? null : Buffer.from(encodeInternal(records[i]![1]))),
});

/** Puts entries that are committed. */
export const fill = (store: RestorableStore, records: readonly (readonly [key: string, value: unknown])[], from = 0): void => {
  const position = { topicId: 'id', offset: from + records.length, marked: false, validAtMs: systemClock.now() };
  store.restore(changelogBatch(records, from), position);
  store.restored(position);
};
