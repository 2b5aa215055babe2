import type { Clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { KafkaAdmin, KafkaPort, TopicDescription } from '../kafka/port.ts';
import type { Plan, TopicPlan } from '../plan/types.ts';
import { fitOf } from './fit.ts';
import { RESET_HINT } from './hints.ts';
import { fetchLimits } from './limits.ts';
import { SpanReader } from './spans.ts';

const WAIT_STEP_MS = 500;
const MAX_BYTES = 'max.message.bytes';

/** Partition counts of all topics of a plan. */
export type PartitionCounts = ReadonlyMap<string, number>;

export interface TopicsOptions {
  readonly admin: KafkaAdmin;
  /** For a look into topics that an earlier version has left. */
  readonly port: KafkaPort;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/**
 * Waits for the topics that belong to others, creates the ones that belong to the plan, and returns how many partitions each
 * has. Throws `ConfigurationError` listing what is missing after `source.topic.timeout.ms`, what does not fit together, and what does not
 * fit what an earlier version has left.
 */
export const prepareTopics = async (plan: Plan, options: TopicsOptions): Promise<PartitionCounts> => {
  const foreign = await awaitForeign(plan, options);
  const counts = new Map(foreign.map((d) => [d.topic, d.partitions]));
  const own = plan.topics.filter((t) => !isForeign(t));
  const described = await options.admin.describeTopics(own.map((t) => t.topic));
  const existing = new Map(described.map((d) => [d.topic, d.partitions]));
  const sizes = sizesOf([...foreign, ...described]);
  const missing: TopicPlan[] = [];
  const wanted = new Map<string, number>();
  for (const topic of inOrder(own, counts)) {
    wanted.set(topic.topic, partitionsOf(topic, counts));
    const there = existing.get(topic.topic);
    counts.set(topic.topic, there ?? wanted.get(topic.topic)!);
    if (there === undefined) missing.push(topic);
  }
  const together = coPartitionProblems(plan, counts);
  const { admin, port, signal } = options;
  const spans = new SpanReader({ admin, port, limits: fetchLimits(options.config), signal });
  const fit = await fitOf(plan, { admin, existing: described, counts, wanted, spans }).finally(() => spans.close());
  if (together.length + fit.problems.length > 0) throw new ConfigurationError([...fit.problems, ...together], fit.problems.length === 0 ? {} : { hint: RESET_HINT });
  for (const warning of fit.warnings) options.log.warn(warning);
  await options.admin.createTopics(missing.map((t) => ({
    topic: t.topic, partitions: counts.get(t.topic)!, replicationFactor: options.config.kafkaReplicationFactor, config: configOf(t, plan, sizes),
  })));
  return counts;
};

/** A dead letter has headers that the record it was made of had not. */
const DEAD_LETTER_HEADERS_BYTES = 65_536;

/** Dead letters must take whatever the topics of their stage take. */
const configOf = (topic: TopicPlan, plan: Plan, sizes: ReadonlyMap<string, number>): TopicPlan['config'] => {
  if (topic.role !== 'dead-letter') return topic.config;
  const entries = plan.stages.find((stage) => stage.deadLetters === topic.topic)?.entries ?? [];
  const largest = Math.max(...entries.map((entry) => sizes.get(entry.topic) ?? 0)) + DEAD_LETTER_HEADERS_BYTES;
  return { ...topic.config, [MAX_BYTES]: String(Math.max(largest, Number(topic.config[MAX_BYTES] ?? 0))) };
};

/** `max.message.bytes` of the topics that a plan writes to; they exist. */
export const largestRecords = async (plan: Plan, admin: KafkaAdmin): Promise<ReadonlyMap<string, number>> => {
  const written = plan.topics.filter((topic) => !isForeign(topic)).map(({ topic }) => topic);
  return sizesOf(await admin.describeTopics(written));
};

const sizesOf = (topics: readonly TopicDescription[]): Map<string, number> =>
  new Map(topics.flatMap(({ topic, config }) => (config[MAX_BYTES] === undefined ? [] : [[topic, Number(config[MAX_BYTES])] as const])));

const isForeign = (topic: TopicPlan): boolean => topic.role === 'source' || topic.role === 'table';

const awaitForeign = async (plan: Plan, { admin, config, clock, log, signal }: TopicsOptions): Promise<readonly TopicDescription[]> => {
  const names = plan.topics.filter(isForeign).map((t) => t.topic);
  const deadlineMs = clock.monotonic() + config.sourceTopicTimeoutMs;
  for (let said = false; ; said = true) {
    const found = await admin.describeTopics(names);
    const missing = names.filter((name) => !found.some((d) => d.topic === name));
    if (missing.length === 0) return found;
    if (clock.monotonic() >= deadlineMs) {
      throw new ConfigurationError(missing.map((name) => `topic ${name} does not exist: is its connector registered and running?`));
    }
    if (!said) log.info('waiting for topics that do not exist yet', { topics: missing });
    await clock.sleep(WAIT_STEP_MS, signal);
  }
};

/** Such that a topic comes after those that its partition count follows. */
const inOrder = (topics: readonly TopicPlan[], known: ReadonlyMap<string, number>): TopicPlan[] => {
  const ordered: TopicPlan[] = [];
  const settled = new Set(known.keys());
  let rest = [...topics];
  while (rest.length > 0) {
    const next = rest.filter((t) => typeof t.partitions === 'number' || t.partitions.like.every((name) => settled.has(name)));
    if (next.length === 0) throw new ConfigurationError(rest.map((t) => `topic ${t.topic} follows its own partition count: give it partitions`));
    for (const topic of next) settled.add(topic.topic);
    ordered.push(...next);
    rest = rest.filter((t) => !next.includes(t));
  }
  return ordered;
};

const partitionsOf = (topic: TopicPlan, counts: ReadonlyMap<string, number>): number =>
  (typeof topic.partitions === 'number' ? topic.partitions : Math.max(...topic.partitions.like.map((name) => counts.get(name)!)));

/** State is kept by partition number, so all topics of a stage with state need equally many. */
const coPartitionProblems = (plan: Plan, counts: PartitionCounts): string[] => plan.stages
  .filter((stage) => stage.stores.length > 0 && new Set(stage.entries.map((e) => counts.get(e.topic))).size > 1)
  .map((stage) => `stage ${stage.name} keeps state and reads topics of different partition counts: ${stage.entries.map((e) => `${e.topic} has ${counts.get(e.topic)}`).join(', ')}`);
