/**
 * Whether what a group has committed and the stores of its stage belong together. State and the offsets behind what is in it are committed
 * together, so each without the other says that a name has changed, or that something was deleted or has expired.
 */
import { StopError } from '../core/errors.ts';
import type { CommittedPosition, KafkaAdmin, Position, TaskProducer, TopicDescription, TopicPartition } from '../kafka/port.ts';
import type { Plan, StagePlan, StorePlan } from '../plan/types.ts';
import type { TaskState } from '../state/home.ts';
import type { StageContext } from './context.ts';
import { RESET_HINT } from './hints.ts';
import { wasWithout, withNote } from './offset-note.ts';
import type { Span, SpanReader } from './spans.ts';

export interface StateFitOptions {
  readonly admin: KafkaAdmin;
  /** The plan's own topics that exist. */
  readonly existing: readonly TopicDescription[];
  /** Partition counts of all topics of the plan. */
  readonly counts: ReadonlyMap<string, number>;
  /** Changelogs that no step has. */
  readonly orphans: readonly string[];
  readonly spans: SpanReader;
}

/** What is wrong between the committed offsets and the stores of each stage. */
export const stateProblems = async (plan: Plan, options: StateFitOptions): Promise<string[]> => {
  const problems = await Promise.all(plan.stages.filter(({ stores }) => stores.length > 0).map((stage) => stageProblems(stage, options)));
  return problems.flat();
};

const stageProblems = async (stage: StagePlan, options: StateFitOptions): Promise<string[]> => {
  const { admin, existing, counts, spans } = options;
  const placesOf = (topic: string): TopicPartition[] => Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition }));
  const isThere = ({ changelog }: StorePlan): boolean => existing.some(({ topic }) => topic === changelog);
  const there = stage.stores.filter(isThere);
  // Asked for first: what is in a changelog by now has its offsets committed by then.
  const written = await spans.of(there.flatMap(({ changelog }) => placesOf(changelog)));
  const inputs = stage.entries.flatMap(({ topic }) => placesOf(topic));
  const now = await admin.committedNow(stage.group, inputs);
  // A killed worker's transaction ends when its task is opened, not before: there each task is looked at by itself.
  if (now === null && there.length === stage.stores.length) return [];
  const committed = now ?? (await admin.committed(stage.group, inputs));
  const problems: string[] = [];
  for (const store of there) {
    const { without, before } = await strangers(written.filter(({ topic }) => topic === store.changelog), store, committed, spans);
    if (without.length > 0) problems.push(unknownText(stage, store, without));
    if (before.length > 0) problems.push(staleText(stage, store, before, counts.get(store.changelog)!));
  }
  return [...problems, ...(committed.length === 0 ? [] : await absentProblems(stage, stage.stores.filter((store) => !isThere(store)), options))];
};

/** The partitions whose changelog has something that no committed offset stands for, and those that another version has gone on from. */
const strangers = async (written: readonly Span[], { name }: StorePlan, committed: readonly CommittedPosition[], spans: SpanReader): Promise<Readonly<Record<'without' | 'before', readonly number[]>>> => {
  const without: number[] = [];
  const before: number[] = [];
  for (const span of written.filter(({ start, end }) => start < end)) {
    const own = committed.filter(({ partition }) => partition === span.partition);
    // What was written and never committed has no offsets, and counts for nothing.
    if (own.length === 0 && await spans.holdsRecord(span)) without.push(span.partition);
    if (wasWithout(name, own)) before.push(span.partition);
  }
  return { without, before };
};

const partitionsText = (partitions: readonly number[]): string => `partition${partitions.length === 1 ? '' : 's'} ${partitions.join(', ')}`;

const unknownText = ({ group, entries }: StagePlan, { name, changelog }: StorePlan, partitions: readonly number[]): string => [
  `the store '${name}' has state in ${changelog} (${partitionsText(partitions)}), but group ${group} has committed no offsets there: the stage would begin where its topics begin, and count everything on top of it`,
  'was the stage renamed (its merge, its keyBy, the topic it reads)? Give it its former name back',
  `have the offsets expired (offsets.retention.minutes of the brokers) or were they deleted? If you know where the group stood: kafka-consumer-groups.sh --bootstrap-server BROKERS --group ${group} --topic ${entries[0]!.topic}:PARTITION --reset-offsets --to-offset OFFSET --execute`,
  `to begin it empty, where its topics begin: kafka-topics.sh --bootstrap-server BROKERS --delete --topic ${changelog}`,
].join('; ');

const staleText = ({ group }: StagePlan, { name, changelog }: StorePlan, partitions: readonly number[], count: number): string => [
  `the store '${name}' has state in ${changelog} (${partitionsText(partitions)}), but a version without it has committed offsets of group ${group} since: what that version read is missing in it`,
  `to begin it empty, in the middle of the stream: kafka-topics.sh --bootstrap-server BROKERS --delete --topic ${changelog}, and when it is gone ${createCommand(changelog, count)}`,
].join('; ');

const createCommand = (changelog: string, count: number): string =>
  `kafka-topics.sh --bootstrap-server BROKERS --create --topic ${changelog} --partitions ${count} --config cleanup.policy=compact`;

/** A stage that has worked before, and whose state is not there: it would go on counting from nothing. */
const absentProblems = async ({ group }: StagePlan, absent: readonly StorePlan[], { admin, orphans, counts }: StateFitOptions): Promise<string[]> => {
  if (absent.length === 0) return [];
  // Asked again: another worker may have made them, and committed, since they were not there.
  const made = await admin.describeTopics(absent.map(({ changelog }) => changelog));
  const missing = absent.filter(({ changelog }) => !made.some((d) => d.topic === changelog));
  return missing.map(({ name, changelog }) => {
    const begin = `to begin it empty all the same: ${createCommand(changelog, counts.get(changelog)!)}`;
    const former = orphans.length === 0 ? '' : `; was the store renamed? ${orphans.join(', ')} ${orphans.length === 1 ? 'is' : 'are'} left over: give it its former name back`;
    return `group ${group} has committed offsets, but there is no changelog ${changelog}: the store '${name}' would begin empty in the middle of the stream${former}; ${begin}`;
  });
};

export interface OpenedState {
  readonly producer: TaskProducer;
  /** Where the task begins, in each topic. */
  readonly starts: readonly Position[];
  /** Those of them that the group has committed. */
  readonly committed: readonly CommittedPosition[];
  /** Restored. */
  readonly state: TaskState;
}

/**
 * The same for one task, once the owner before is shut out and the stores are restored: it holds whatever has happened since the start, and
 * where versions run side by side. Throws `StopError`. Sees to it that no state is written before committed offsets speak of its store.
 */
export const checkState = async ({ stage, config }: StageContext, partition: number, { producer, starts, committed, state }: OpenedState): Promise<void> => {
  const isForeign = (store: string): boolean => committed.length === 0 || wasWithout(store, committed);
  const foreign = state.stores.filter(({ name, size }) => size > 0 && isForeign(name)).map(({ name }) => name);
  if (foreign.length > 0) {
    const why = committed.length === 0 ? `group ${stage.group} has committed no offsets: everything would be counted on top of it` : `a version without it has committed offsets of group ${stage.group} since`;
    throw new StopError(`the store '${foreign.join("', '")}' has state, but ${why}`, { where: { stage: stage.name, partition }, hint: `Stop the workers of other versions. ${RESET_HINT}` });
  }
  // In a transaction first offsets and first state come together; without, state might be all there is after a crash.
  const isUnsaid = committed.length === 0 ? config.guarantee === 'at-least-once' : stage.stores.some(({ name }) => isForeign(name));
  if (!isUnsaid) return;
  await producer.sendOffsets(stage.group, withNote(starts, stage));
  await producer.commit();
};
