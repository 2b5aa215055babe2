import type { StatefulNode } from '../../topology/node.ts';
import { StopError } from '../core/errors.ts';
import type { Membership, Position, ProducerOwner, TaskProducer, TopicPartition } from '../kafka/port.ts';
import { attemptThrough } from '../sinks/breaker.ts';
import type { TaskState } from '../state/home.ts';
import type { TaskStore } from './checked-state.ts';
import type { StageContext } from './context.ts';
import type { Engine } from './engine.ts';
import { openState } from './open-state.ts';
import { ProcessingEngine } from './processing.ts';
import { SinkingEngine } from './sinking.ts';
import { checkState } from './state-fit.ts';
import { Task, type TaskEntry } from './task.ts';
import { timeOf } from './time.ts';
import { Wake } from './wake.ts';

export interface OpenOptions {
  readonly partition: number;
  /** Aborted when the task is to be closed at once. */
  readonly signal: AbortSignal;
  /** As which member of the group the task is this worker's, asked when it commits; null: as none now. */
  readonly membership: () => Membership | null;
  /** Whether states are encoded when they are written already. */
  readonly checksStates: boolean;
  /** Called when the task has room for more records. */
  readonly onRoom: () => void;
}

/**
 * Opens a task. The order is the guarantee: whoever owned the task before is shut out first (1), so that nothing that is read
 * afterwards (2, 3) can still change behind this task's back.
 */
export const openTask = async (context: StageContext, { partition, signal, membership, checksStates, onRoom }: OpenOptions): Promise<Task> => {
  const { stage, port, config, clock, crash } = context;
  // 1. InitProducerId fences the former owner and ends its open transaction.
  const options = { transactionTimeoutMs: config.transactionTimeoutMs, maxMessageBytes: context.maxBytes };
  const id = stage.transactionalId(partition);
  const producer = config.guarantee === 'exactly-once' ? port.producer(id, options) : port.directProducer(id, { ...options, membership });
  const stores = new Map<StatefulNode, TaskStore>();
  let state: TaskState | null = null;
  let opened: Engine | null = null;
  try {
    if (crash !== null) await crash('before-fence');
    const owner = await producer.init();
    if (crash !== null) await crash('after-fence');
    // 2. The committed offsets.
    const places = placesOf(context, partition);
    if (crash !== null) await crash('before-positions');
    const stored = await context.admin.committed(stage.group, places);
    const committed = await startPositions(context, places, stored);
    if (crash !== null) await crash('after-positions');
    // 3. Stores from their changelogs, to the last stable offset.
    if (crash !== null) await crash('before-restore');
    state = await openState(context, { partition, owner, signal }, stores);
    if (state !== null) await checkState(context, partition, { producer, starts: committed, committed: stored, state });
    if (crash !== null) await crash('after-restore');
    for (const output of stage.outputs) await context.serdes.encoder(output.codec, output.topic).prepare();
    // 4. Joined tables are loaded before the stage opens its first task (worker.ts).
    // 5. Start at that position, or lower where the outside sink has lost writes.
    if (crash !== null) await crash('before-start');
    const wake = new Wake(clock);
    const { engine, starts } = stage.sink === null
      ? { engine: new ProcessingEngine({ context, partition, producer, stores, state, checksStates, wake: () => wake.signal(), signal }), starts: committed }
      : await sinking(context, partition, producer, owner, committed, signal);
    opened = engine;
    if (crash !== null) await crash('after-start');
    signal.throwIfAborted();
    return new Task({ context, partition, entries: entriesOf(context, starts), engine, wake, signal, onRoom });
  } catch (error) {
    if (opened !== null) {
      await opened.discard();
    } else {
      await state?.close();
      await producer.close();
    }
    throw error;
  }
};

/** This partition of every topic the stage reads that has so many. */
export const placesOf = (context: Pick<StageContext, 'stage' | 'partitions'>, partition: number): TopicPartition[] =>
  context.stage.entries.filter((e) => partition < context.partitions.get(e.topic)!).map(({ topic }) => ({ topic, partition }));

/** Where to begin: behind what was committed, else where the log begins. What was deleted or cut off before it was read is not passed over in silence. */
const startPositions = async (context: StageContext, places: readonly TopicPartition[], committed: readonly Position[]): Promise<Position[]> => {
  const { admin, stage } = context;
  const starts = await admin.startOffsets(places);
  const ends = await admin.endOffsets(places, 'read_uncommitted');
  return starts.map((start, i) => {
    const position = committed.find((c) => c.topic === start.topic);
    if (position === undefined) return start;
    const end = ends.find((e) => e.topic === start.topic && e.partition === start.partition)!;
    if (position.offset >= start.offset && position.offset <= end.offset) return position;
    throw new StopError(`group ${stage.group} stands at offset ${position.offset}, but the log goes from ${start.offset} to ${end.offset}`, {
      where: { stage: stage.name, ...places[i]! },
      hint: position.offset < start.offset
        ? "Records were deleted before they were read (retention?). To go on without them, reset the group's offsets with kafka-consumer-groups"
        : "Was the topic made anew? Then reset the group's offsets with kafka-consumer-groups, and delete its changelogs",
    });
  });
};

const entriesOf = (context: StageContext, starts: readonly Position[]): TaskEntry[] => starts.map(({ topic, partition, offset }) => {
  const entry = context.stage.entries.find((e) => e.topic === topic)!;
  const keys = context.serdes.entryKeys(entry);
  return { topic, partition, values: context.serdes.entryValues(entry), keys, decodeKey: (bytes) => keys.decode(bytes), timeOf: timeOf(entry), start: offset };
});

const sinking = async (
  context: StageContext, partition: number, producer: TaskProducer, owner: ProducerOwner, committed: readonly Position[], signal: AbortSignal,
): Promise<{ readonly engine: Engine; readonly starts: readonly Position[] }> => {
  const { stage, outside } = context;
  if (outside === null || stage.sink === null) throw new StopError('a sink stage has no driver', { where: { stage: stage.name } });
  const { driver, breaker } = outside;
  const task = { owner, partitions: committed.map(({ topic, partition: p }) => ({ topic, partition: p })) };
  // What asks nobody says nothing about the sink, and need not wait for it.
  const ask = <T>(attempt: () => Promise<T>): Promise<T> => (driver.keepsPositions === true ? attemptThrough(breaker, attempt) : attempt());
  const writer = await ask(() => driver.writer(task));
  try {
    const starts = await sinkStarts(context, committed, (ends) => ask(() => writer.positions(ends)));
    return { engine: new SinkingEngine({ context, partition, producer, writer, breaker, sink: stage.sink, committed, signal }), starts };
  } catch (error) {
    await writer.close();
    throw error;
  }
};

/** The lower of the committed and the sink's positions. */
const sinkStarts = async (
  { stage, admin, log }: StageContext, committed: readonly Position[], positionsOf: (endOffsets: readonly number[]) => Promise<readonly (number | null)[]>,
): Promise<readonly Position[]> => {
  // Asked for behind the older owner's back it might lie before what that one has just written.
  const ends = await admin.endOffsets(committed, 'read_uncommitted');
  const known = await positionsOf(committed.map((p) => ends.find((e) => e.topic === p.topic)!.offset));
  const logStarts = await admin.startOffsets(committed);
  return committed.map((p, i) => {
    const position = known[i] ?? null;
    if (position === null || position >= p.offset) return p;
    // What was purged behind the committed offset cannot be read again; mostly it is the marker behind the last record.
    const there = Math.max(position, logStarts.find((s) => s.topic === p.topic)!.offset);
    if (there >= p.offset) return p;
    log.info('the sink stands behind the committed offset (markers and dropped records, or writes it has lost); its task starts where the sink stands', { stage: stage.name, topic: p.topic, partition: p.partition, committed: p.offset, sink: there });
    return { ...p, offset: there };
  });
};
