import { keyOf, targetOf } from '../../../topology/describe/graph.ts';
import type { SourceCodec } from '../../../topology/node.ts';
import type { Plan, StagePlan } from '../../plan/types.ts';

const codecOf = (codec: SourceCodec | 'internal'): string => (codec === 'internal' ? 'internal' : codec.kind);

const stageOf = (stage: StagePlan) => ({
  name: stage.name,
  group: stage.group,
  /** Followed by the partition's number. */
  transactionalIdPrefix: stage.transactionalId(0).replace(/0$/, ''),
  reads: stage.entries.map(({ topic, codec }) => ({ topic, codec: codecOf(codec) })),
  joins: stage.tables.map(({ topic }) => topic),
  stores: stage.stores.map(({ name, changelog }) => ({ name, changelog })),
  writes: stage.outputs.map(({ topic, codec }) => ({ topic, codec: codecOf(codec) })),
  sink: stage.sink === null ? null : { name: stage.sink.name, kind: stage.sink.sink.kind, target: targetOf(stage.sink.sink), batch: stage.sink.batch },
  deadLetters: stage.deadLetters,
});

/**
 * A plan as data for other programs, the same text for the same plan. Arrays stand in the plan's order, topics by name;
 * `partitions` is a number, or the topics whose widest it follows (none: the topic is somebody else's).
 */
export const planJson = (plan: Plan): string => JSON.stringify({
  app: plan.app,
  stages: plan.stages.map(stageOf),
  tables: plan.tables.map((table) => ({ topic: table.topic, codec: table.codec.kind, key: keyOf(table).split(', ') })),
  topics: plan.topics.toSorted((a, b) => (a.topic < b.topic ? -1 : 1)).map(({ topic, role, partitions, config }) => (
    { topic, role, partitions: typeof partitions === 'number' ? partitions : partitions.like, config })),
}, null, 2);
