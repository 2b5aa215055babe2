import type { Plan, StagePlan, TopicPlan } from './types.ts';

const partitions = (topic: TopicPlan): string => {
  if (typeof topic.partitions === 'number') return `${topic.partitions} partitions`;
  return topic.partitions.like.length === 0 ? 'as it is' : `partitions as ${topic.partitions.like.join(', ')}`;
};

const config = (topic: TopicPlan): string => Object.entries(topic.config).map(([name, value]) => `, ${name}=${value}`).join('');

const stage = (s: StagePlan): string[] => [
  `stage ${s.name}`,
  `  group    ${s.group}`,
  ...s.entries.map((e) => `  reads    ${e.topic}`),
  ...s.tables.map((t) => `  joins    ${t.topic} (everywhere)`),
  ...s.stores.map((store) => `  store    ${store.name} (${store.changelog})`),
  ...s.outputs.map((o) => `  writes   ${o.topic}`),
  ...(s.sink === null ? [] : [`  sink     ${s.sink.name} (${s.sink.sink.kind})`]),
  `  dead     ${s.deadLetters}`,
  `  txn id   ${s.transactionalId(0)} (partition 0)`,
];

/** A plan as text: stages with everything they read and write, then the topics. Stable, so that two plans can be compared by lines. */
export const printPlan = (plan: Plan): string => [
  `app ${plan.app}`,
  '',
  ...plan.stages.flatMap((s) => [...stage(s), '']),
  'topics',
  ...[...plan.topics].sort((a, b) => (a.topic < b.topic ? -1 : 1)).map((t) => `  ${t.topic} (${t.role}): ${partitions(t)}${config(t)}`),
].join('\n');
