/** Whether a plan fits what an earlier version of the application has left in Kafka. */
import type { KafkaAdmin, TopicDescription } from '../kafka/port.ts';
import { names } from '../plan/names.ts';
import type { Plan, StagePlan, TopicPlan, TopicRole } from '../plan/types.ts';
import { namesakes } from './owned.ts';

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
}

/** Topics that belong to the application alone: whatever they hold can be made again from the topics that it reads. */
const INTERNAL: readonly TopicRole[] = ['changelog', 'repartition', 'input'];

export const isInternal = ({ role }: TopicPlan): boolean => INTERNAL.includes(role);

/** What to do when a plan does not fit. */
export const RESET_HINT = 'Go back to the version that fits, or begin anew: `npx millrace reset FILE` shows what it would delete, and with --yes does it (docs/OPERATIONS.md, When a new version does not fit)';

export const fitOf = async (plan: Plan, options: FitOptions): Promise<Fit> => {
  const orphans = await orphansOf(plan, options.admin);
  return {
    problems: [...partitionProblems(plan, options), ...cleanupProblems(plan, options), ...await stateProblems(plan, orphans, options)],
    warnings: orphans.map((topic) => `no step of the topology has the changelog ${topic} any more; to delete it: kafka-topics.sh --bootstrap-server BROKERS --delete --topic ${topic}`),
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

/** A stage that has worked before, and whose state is not there: it would go on counting from nothing. */
const stateProblems = async (plan: Plan, orphans: readonly string[], options: FitOptions): Promise<string[]> => {
  const problems = await Promise.all(plan.stages.map(async (stage) => {
    const absent = stage.stores.filter(({ changelog }) => !options.existing.some((d) => d.topic === changelog));
    if (absent.length === 0 || !await hasCommitted(stage, options)) return [];
    // Asked again: another worker may have made them, and committed, since they were not there.
    const made = await options.admin.describeTopics(absent.map(({ changelog }) => changelog));
    const missing = absent.filter(({ changelog }) => !made.some((d) => d.topic === changelog));
    return missing.map(({ name, changelog }) => {
      const begin = `to begin it empty all the same: kafka-topics.sh --bootstrap-server BROKERS --create --topic ${changelog} --partitions ${options.counts.get(changelog)} --config cleanup.policy=compact`;
      const former = orphans.length === 0 ? '' : `; was the store renamed? ${orphans.join(', ')} ${orphans.length === 1 ? 'is' : 'are'} left over: give it its former name back`;
      return `group ${stage.group} has committed offsets, but there is no changelog ${changelog}: the store '${name}' would begin empty in the middle of the stream${former}; ${begin}`;
    });
  }));
  return problems.flat();
};

const hasCommitted = async (stage: StagePlan, { admin, counts }: FitOptions): Promise<boolean> => {
  const places = stage.entries.flatMap(({ topic }) => Array.from({ length: counts.get(topic) ?? 0 }, (_, partition) => ({ topic, partition })));
  return (await admin.committed(stage.group, places)).length > 0;
};

/** Changelogs that have the application's name in front and no place in the plan. */
export const orphansOf = async (plan: Plan, admin: KafkaAdmin): Promise<string[]> => {
  const [prefix, suffix] = names.changelog(plan.app, '\n').split('\n') as [string, string];
  const known = new Set(plan.topics.map(({ topic }) => topic));
  const listed = await admin.listTopics();
  const candidates = listed.filter((topic) => topic.startsWith(prefix) && topic.endsWith(suffix) && topic.length > prefix.length + suffix.length && !known.has(topic));
  if (candidates.length === 0) return [];
  // The changelogs of an application `shop-eu` begin with `shop-` too.
  const others = namesakes(plan.app, { topics: listed, groups: await admin.listGroups() }, plan.stages.map(({ name }) => name));
  return candidates.filter((topic) => !others.some((app) => topic.startsWith(names.changelog(app, '\n').split('\n')[0]!))).toSorted();
};
