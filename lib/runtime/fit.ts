/** Whether a plan fits what an earlier version of the application has left in Kafka. */
import type { KafkaAdmin, TopicDescription } from '../kafka/port.ts';
import { names } from '../plan/names.ts';
import type { Plan, TopicPlan, TopicRole } from '../plan/types.ts';
import { namesakes } from './owned.ts';
import type { SpanReader } from './spans.ts';
import { stateProblems } from './state-fit.ts';
import { deleteCommand, waitingIn } from './waiting.ts';

export interface Fit {
  /** Why the application must not start as it is. */
  readonly problems: readonly string[];
  /** What is left over, and does no harm. */
  readonly warnings: readonly string[];
}

export interface FitOptions {
  readonly admin: KafkaAdmin;
  /** The plan's own topics that exist. */
  readonly existing: readonly TopicDescription[];
  /** Partition counts of all topics of the plan, of those that exist the real ones. */
  readonly counts: ReadonlyMap<string, number>;
  /** The counts that the plan asks for. */
  readonly wanted: ReadonlyMap<string, number>;
  readonly spans: SpanReader;
}

/** Topics that belong to the application alone: whatever they hold can be made again from the topics that it reads. */
const INTERNAL: readonly TopicRole[] = ['changelog', 'repartition', 'input'];

export const isInternal = ({ role }: TopicPlan): boolean => INTERNAL.includes(role);

export const fitOf = async (plan: Plan, options: FitOptions): Promise<Fit> => {
  const { admin, existing, counts, spans } = options;
  const orphans = await orphansOf(plan, admin);
  const changelogs = orphans.filter((topic) => topic.endsWith(suffixOf(names.changelog)));
  const waiting = await waitingIn(plan.app, orphans.filter((topic) => !changelogs.includes(topic)), { admin, spans });
  return {
    problems: [
      ...partitionProblems(plan, options), ...cleanupProblems(plan, options),
      ...await stateProblems(plan, { admin, existing, counts, spans, orphans: changelogs }), ...waiting.problems,
    ],
    warnings: [...changelogs.map((topic) => `no step of the topology has the changelog ${topic} any more; to delete it: ${deleteCommand(topic)}`), ...waiting.warnings],
  };
};

/** A topic whose partition numbers mean something to a task, or to the keys in it. */
const mustMatch = (topic: TopicPlan): boolean => isInternal(topic) || (typeof topic.partitions === 'number' && topic.role === 'through');

const partitionProblems = (plan: Plan, { existing, wanted }: FitOptions): string[] => plan.topics.filter(mustMatch).flatMap((topic) => {
  const there = existing.find((d) => d.topic === topic.topic);
  if (there === undefined || there.partitions === wanted.get(topic.topic)) return [];
  const like = typeof topic.partitions === 'number' ? '' : `, as many as ${topic.partitions.like.join(' and ')}`;
  return [`topic ${topic.topic} has ${there.partitions} partitions, the topology asks for ${wanted.get(topic.topic)}${like}`];
});

const policies = (config: Readonly<Record<string, string>>): string => (config['cleanup.policy'] ?? 'delete').split(',').map((policy) => policy.trim()).toSorted().join(',');

const cleanupProblems = (plan: Plan, { existing }: FitOptions): string[] => plan.topics.filter(isInternal).flatMap((topic) => {
  const there = existing.find((d) => d.topic === topic.topic);
  if (there === undefined || policies(there.config) === policies(topic.config)) return [];
  const command = `kafka-configs.sh --bootstrap-server BROKERS --alter --entity-type topics --entity-name ${topic.topic} --add-config 'cleanup.policy=[${policies(topic.config)}]'`;
  return [`topic ${topic.topic} has cleanup.policy ${policies(there.config)}, the topology asks for ${policies(topic.config)}; if nothing is lost yet: ${command}`];
});

type Called = (app: string, part: string) => string;

const suffixOf = (called: Called): string => called('\n', '\n').split('\n').at(-1)!;

/** Changelogs, repartition and input topics that have the application's name in front and no place in the plan. */
export const orphansOf = async (plan: Plan, admin: KafkaAdmin): Promise<string[]> => {
  const prefix = prefixOf(plan.app);
  const known = new Set([...plan.topics.map(({ topic }) => topic), ...plan.resting]);
  const isInternalName = (topic: string): boolean => topic.startsWith(prefix) && [names.changelog, names.repartition, names.input].some((called) => topic.endsWith(suffixOf(called)) && topic.length > called(plan.app, '').length);
  const listed = await admin.listTopics();
  const candidates = listed.filter((topic) => isInternalName(topic) && !known.has(topic));
  if (candidates.length === 0) return [];
  // The topics of an application `shop-eu` begin with `shop-` too.
  const others = namesakes(plan.app, { topics: listed, groups: await admin.listGroups() }, plan.stages.map(({ name }) => name));
  return candidates.filter((topic) => !others.some((app) => topic.startsWith(prefixOf(app)))).toSorted();
};

/** What an application's internal topics begin with. */
const prefixOf = (app: string): string => names.changelog(app, '\n').split('\n')[0]!;
