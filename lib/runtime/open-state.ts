import type { StatefulNode } from '../../topology/node.ts';
import type { ProducerOwner } from '../kafka/port.ts';
import type { StorePlan } from '../plan/types.ts';
import type { TaskState } from '../state/home.ts';
import { restore, type Changelog } from '../state/restore.ts';
import type { RestorableStore } from '../state/store.ts';
import type { TaskStore } from './checked-state.ts';
import type { StageContext } from './context.ts';
import { fetchLimits } from './limits.ts';
import { followRestore } from './restoring.ts';

export interface OpenStateOptions {
  readonly partition: number;
  readonly owner: ProducerOwner;
  readonly signal: AbortSignal;
}

const DELETE_RETENTION = 'delete.retention.ms';
/** Kafka's default. */
const DELETE_RETENTION_MS = 86_400_000;

/**
 * Opens a task's stores and brings them up to the last stable offset of their changelogs. Must run after the task's InitProducerId. Gives
 * null for a stage without stores; the stores go into `stores` too, by their nodes.
 */
export const openState = async (context: StageContext, options: OpenStateOptions, stores: Map<StatefulNode, TaskStore>): Promise<TaskState | null> => {
  const { stage, home, serdes } = context;
  const { partition, owner } = options;
  if (stage.stores.length === 0) return null;
  const state = await home.open({
    stage: stage.name, partition, owner, stores: stage.stores.map(({ name, changelog, node }) => ({ name, changelog, decoder: serdes.decoder(node.state) })),
  });
  try {
    for (const [i, { node, changelog }] of stage.stores.entries()) {
      const encoder = serdes.encoder(node.state, changelog);
      stores.set(node, { store: state.stores[i]!, changelog, encoder, maxBytes: context.maxBytes.get(changelog) ?? Infinity });
      await encoder.prepare();
    }
    const changelogs = await changelogsOf(context, partition);
    for (const [i, plan] of stage.stores.entries()) await restoreStore(context, options, { plan, store: state.stores[i]!, changelog: changelogs[i]! });
    return state;
  } catch (error) {
    await state.close();
    throw error;
  }
};

/** What must be known of the changelogs to go on with what is on disk. */
const changelogsOf = async ({ stage, home, admin }: StageContext, partition: number): Promise<readonly Changelog[]> => {
  const topics = stage.stores.map(({ changelog }) => changelog);
  const described = home.kind === 'disk' ? await admin.describeTopics(topics) : [];
  return topics.map((topic) => {
    const description = described.find((d) => d.topic === topic);
    return { topic, partition, topicId: description?.id ?? null, deleteRetentionMs: Number(description?.config[DELETE_RETENTION] ?? DELETE_RETENTION_MS) };
  });
};

interface Restoring {
  readonly plan: StorePlan;
  readonly store: RestorableStore;
  readonly changelog: Changelog;
}

const restoreStore = async (context: StageContext, { partition, signal }: OpenStateOptions, { plan: { name }, store, changelog }: Restoring): Promise<void> => {
  const { stage, clock, config, log, events } = context;
  const startedMs = clock.monotonic();
  const there = store.position?.offset ?? null;
  // A reader of its own: tasks are opened side by side.
  const reader = context.port.reader();
  const onProgress = followRestore(context, { store: name, partition });
  const onWiped = (reason: string): void => log.warn('the state of a store is thrown away; it is restored from its changelog', { stage: stage.name, store: name, partition, reason });
  const { records, from } = await restore({ reader, changelog, store, limits: fetchLimits(config), clock, signal, onProgress, onWiped })
    .finally(() => {
      onProgress(0);
      return reader.close();
    });
  const ms = Math.round(clock.monotonic() - startedMs);
  log.info('store restored', { stage: stage.name, store: name, partition, records, from, onDisk: from === there, keys: store.size, ms });
  events.emit({ type: 'restored', stage: stage.name, store: name, partition, records, ms });
};
