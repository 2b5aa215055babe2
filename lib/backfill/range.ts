/** From where to where a backfill goes: settled once, and kept in a topic of the backfill's own, so that it ends, and goes on after a kill. */
import type { Config } from '../core/config.ts';
import { StopError } from '../core/errors.ts';
import type { BatchReader, KafkaAdmin, KafkaPort, Position, TopicPartition } from '../kafka/port.ts';
import { names } from '../plan/names.ts';
import type { Plan } from '../plan/types.ts';

/** A time is in milliseconds since the epoch. */
export type From = number | 'earliest' | 'snapshot';
export type To = number | 'now';

export interface Range {
  readonly from: From;
  readonly to: To;
  /** Names of the sinks that are written. */
  readonly sinks: readonly string[];
  /** The first record of each partition, and the one behind the last. */
  readonly starts: readonly Position[];
  readonly ends: readonly Position[];
  /** `done`: everything is written; what is left is to clear up. */
  readonly state: 'running' | 'done';
}

const KEY = 'range';
const LIMITS = { maxWaitMs: 100, maxBytes: 4_000_000, maxBytesPerPartition: 4_000_000 };

/** All partitions of the topics that the plan reads and does not write. */
export const sourcePlaces = async (plan: Plan, admin: KafkaAdmin): Promise<readonly TopicPartition[]> => {
  const topics = plan.topics.filter(({ role }) => role === 'source').map(({ topic }) => topic);
  const described = await admin.describeTopics(topics);
  return described.flatMap(({ topic, partitions }) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })));
};

/** The first record of each partition, by offset, that is so late; the log's end where there is none. */
const firstAt = async (timestampMs: number, places: readonly TopicPartition[], port: KafkaPort, admin: KafkaAdmin): Promise<readonly Position[]> => {
  const ends = await admin.endOffsets(places, 'read_committed');
  const found = await admin.offsetsAtTime(places, timestampMs);
  const reader = port.reader();
  try {
    const first: Position[] = [];
    for (const [i, position] of found.entries()) first.push({ ...position, offset: await lookFrom(position, { endOffset: ends[i]!.offset, timestampMs, reader }) });
    return first;
  } finally {
    await reader.close();
  }
};

/** What the broker has found may be a marker; the records behind it may be earlier. */
const lookFrom = async (position: Position, { endOffset, timestampMs, reader }: { readonly endOffset: number; readonly timestampMs: number; readonly reader: BatchReader }): Promise<number> => {
  let { offset } = position;
  while (offset < endOffset) {
    for (const batch of await reader.fetch([{ ...position, offset }], LIMITS)) {
      for (let i = 0; i < batch.count; i += 1) if (batch.timestamp(i) >= timestampMs) return batch.offset(i);
      offset = batch.nextOffset;
    }
  }
  return endOffset;
};

export const settleRange = async (wanted: Pick<Range, 'from' | 'to' | 'sinks'>, places: readonly TopicPartition[], port: KafkaPort, admin: KafkaAdmin): Promise<Range> => {
  const { from, to } = wanted;
  const ends = to === 'now' ? await admin.endOffsets(places, 'read_committed') : await firstAt(to, places, port, admin);
  const found = typeof from === 'number' ? await firstAt(from, places, port, admin) : await admin.startOffsets(places);
  const starts = found.map((start, i) => ({ ...start, offset: Math.min(start.offset, ends[i]!.offset) }));
  return { ...wanted, starts, ends, state: 'running' };
};

/** The range that was kept last; null: there is none. */
export const readRange = async (port: KafkaPort, admin: KafkaAdmin, app: string): Promise<Range | null> => {
  const place = { topic: names.backfillRange(app), partition: 0 };
  if ((await admin.describeTopics([place.topic])).length === 0) return null;
  const reader = port.reader();
  try {
    const [start] = await admin.startOffsets([place]);
    const [end] = await admin.endOffsets([place], 'read_committed');
    let range: Range | null = null;
    for (let { offset } = start!; offset < end!.offset;) {
      for (const batch of await reader.fetch([{ ...place, offset }], LIMITS)) {
        for (let i = 0; i < batch.count; i += 1) range = JSON.parse(String(batch.value(i))) as Range;
        offset = batch.nextOffset;
      }
    }
    return range;
  } finally {
    await reader.close();
  }
};

export interface KeepOptions {
  readonly port: KafkaPort;
  readonly admin: KafkaAdmin;
  readonly config: Config;
  readonly nowMs: number;
}

/** Keeps a range. The groups begin where it begins, in the same transaction: records that retention takes before they are read are missed, and not passed over. */
export const keepRange = async (range: Range, { app, stages }: Plan, { port, admin, config, nowMs }: KeepOptions): Promise<void> => {
  const topic = names.backfillRange(app);
  await admin.createTopics([{ topic, partitions: 1, replicationFactor: config.kafkaReplicationFactor, config: { 'cleanup.policy': 'compact' } }]);
  const producer = port.producer(`${app}.range`, { transactionTimeoutMs: config.transactionTimeoutMs });
  try {
    await producer.init();
    const batch = producer.batch();
    batch.append(topic, 0, KEY, JSON.stringify(range), nowMs);
    await producer.send(batch);
    for (const { group, entries } of range.state === 'running' ? stages : []) {
      const own = range.starts.filter(({ topic }) => entries.some((entry) => entry.topic === topic));
      if (own.length > 0) await producer.sendOffsets(group, own);
    }
    await producer.commit();
  } finally {
    await producer.close();
  }
};

/** A range that was kept for another version of the topology does not fit it. */
export const checkFit = ({ ends }: Range, places: readonly TopicPartition[]): void => {
  const missing = places.find(({ topic, partition }) => !ends.some((end) => end.topic === topic && end.partition === partition));
  if (missing !== undefined) throw new StopError('the backfill was begun without this partition', { where: missing, hint: 'Discard it, and begin anew' });
};

const timeText = (time: From | To): string => (typeof time === 'number' ? new Date(time).toISOString() : time);

/** One name stands for one backfill. */
export const differences = (kept: Range, asked: Pick<Range, 'from' | 'to' | 'sinks'>, name: string): string[] => {
  const same = kept.from === asked.from && kept.to === asked.to && kept.sinks.join() === asked.sinks.join();
  if (same) return [];
  const was = `--from ${timeText(kept.from)} --to ${timeText(kept.to)} into ${kept.sinks.join(', ')}`;
  return [`the backfill ${name} has begun ${was}: go on with that, give this one another --name, or --discard it`];
};
