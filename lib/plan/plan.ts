/**
 * Topology -> plan: which stages there are, what each reads and writes, and what everything is called. A value without
 * I/O: it is printed, compared and tested. Every problem of a topology is reported at once.
 */
import { isStateful, type JoinNode, type TableNode, type TopicOptions } from '../../topology/node.ts';
import { ConfigurationError } from '../core/errors.ts';
import { check, overlapProblems } from './check.ts';
import { cut, type Cut } from './cut.ts';
import { retentionMs } from './graph.ts';
import { names } from './names.ts';
import type { OutputPlan, Plan, StagePlan, TopicPlan, TopologyValue } from './types.ts';

/**
 * Cuts a topology into stages and names everything. Throws `ConfigurationError` listing every problem.
 */
export const plan = (topology: TopologyValue): Plan => {
  const problems = check(topology);
  if (problems.length > 0) throw new ConfigurationError(problems);
  const parts = cut(topology);
  const stages = parts.map((part) => stageOf(topology.name, part));
  const late = [...new Set([...parts.flatMap((part) => [...part.problems, ...overlapProblems(part)]), ...duplicates(stages)])];
  if (late.length > 0) throw new ConfigurationError(late);
  const tables = uniqueTables(stages.flatMap((s) => s.tables));
  const topics = topicsOf(stages, tables);
  return { app: topology.name, stages, tables, topics, resting: restingOf(topology, topics) };
};

const restingOf = ({ name, sinks, leftOut = [] }: TopologyValue, topics: readonly TopicPlan[]): string[] => {
  if (leftOut.length === 0) return [];
  const running = new Set(topics.map(({ topic }) => topic));
  return plan({ name, sinks: [...sinks, ...leftOut] }).topics.map(({ topic }) => topic).filter((topic) => !running.has(topic));
};

const duplicates = (stages: readonly StagePlan[]): string[] => {
  const seen = new Set<string>();
  const problems: string[] = [];
  for (const stage of stages) {
    if (seen.has(stage.name)) problems.push(`two stages are called '${stage.name}': give the sink, the merge or the topic another name`);
    seen.add(stage.name);
  }
  return problems;
};

const stageOf = (app: string, part: Cut): StagePlan => ({
  name: part.name,
  group: names.group(app, part.name),
  entries: part.entries,
  tables: uniqueTables([...part.nodes].filter((n): n is JoinNode => n.kind === 'join').map((n) => n.table)),
  stores: [...part.nodes].filter(isStateful).map((node) => ({ name: node.name, changelog: names.changelog(app, node.name), node })),
  outputs: part.outputs,
  sink: part.sink,
  deadLetters: names.deadLetters(app, part.name),
  nodes: part.nodes,
  transactionalId: (partition) => names.transactionalId(app, part.name, partition),
});

const uniqueTables = (tables: readonly TableNode[]): TableNode[] => [...new Set(tables)];

const topicConfig = (options: TopicOptions): Record<string, string> => ({
  ...(options.retention === undefined ? {} : { 'retention.ms': String(retentionMs(options.retention)) }),
  ...(options.cleanup === undefined ? {} : { 'cleanup.policy': options.cleanup }),
});

const topicsOf = (stages: readonly StagePlan[], tables: readonly TableNode[]): TopicPlan[] => {
  const topics = new Map<string, TopicPlan>();
  const add = (topic: TopicPlan): void => {
    if (!topics.has(topic.topic)) topics.set(topic.topic, topic);
  };
  for (const stage of stages) {
    const like = stage.entries.map((e) => e.topic);
    for (const output of stage.outputs) add(outputTopic(output, like));
    for (const store of stage.stores) {
      add({ topic: store.changelog, role: 'changelog', partitions: { like }, config: { 'cleanup.policy': 'compact' } });
    }
    add({ topic: stage.deadLetters, role: 'dead-letter', partitions: { like }, config: { 'retention.ms': '-1', 'max.message.bytes': '2097152' } });
  }
  for (const stage of stages) {
    for (const entry of stage.entries) add({ topic: entry.topic, role: 'source', partitions: { like: [] }, config: {} });
  }
  for (const table of tables) add({ topic: table.topic, role: 'table', partitions: { like: [] }, config: {} });
  return [...topics.values()];
};

const outputTopic = (output: OutputPlan, like: readonly string[]): TopicPlan => {
  const { node, topic } = output;
  if (node.kind === 'through') {
    return { topic, role: 'through', partitions: node.options.partitions ?? { like }, config: topicConfig(node.options) };
  }
  if (node.kind === 'sink' && node.sink.kind === 'kafka') {
    return { topic, role: 'sink', partitions: node.sink.options.partitions ?? { like }, config: topicConfig(node.sink.options) };
  }
  return { topic, role: node.kind === 'keyBy' ? 'repartition' : 'input', partitions: { like }, config: { 'retention.ms': '-1' } };
};
