import type { KeyByNode, Node, ScanNode, SinkNode, StreamNode, TableNode, TopicOptions } from '../../topology/node.ts';
import { parentsOf, pathOf } from '../../topology/node.ts';
import { repartitioned } from './cut.ts';
import { ancestors, retentionMs } from './graph.ts';
import type { TopologyValue } from './types.ts';

const NAME = /^[a-zA-Z0-9._-]{1,200}$/;
const RULE = "letters, digits, '.', '_' and '-', at most 200 of them";

/** Everything that is wrong with a topology before it is cut. Empty when it is sound. */
export const check = (topology: TopologyValue): string[] => {
  const all = [...ancestors(topology.sinks)];
  const problems: string[] = [];
  if (!NAME.test(topology.name)) problems.push(`topology '${topology.name}': a name is made of ${RULE}`);
  if (topology.sinks.length === 0) problems.push(`topology '${topology.name}' has no sinks: end at least one stream with to(...)`);
  problems.push(...sinkProblems(topology.sinks), ...topicProblems(all), ...scanProblems(all.filter((n) => n.kind === 'scan')));
  for (const node of repartitioned(new Set(all))) problems.push(...keyByProblems(node));
  problems.push(...sharedNames([...repartitioned(new Set(all))].filter((n) => n.name !== null).map((n) => [n.name!, n] as const), 'keyBy'));
  return [...new Set(problems)];
};

const sinkProblems = (sinks: readonly SinkNode[]): string[] => [
  ...sinks.filter((s) => !NAME.test(s.name)).map((s) => `sink '${s.name}' at ${pathOf(s)}: a name is made of ${RULE}`),
  ...sharedNames(sinks.map((s) => [s.name, s] as const), 'sink'),
  ...sinks.filter((s) => s.batch.records < 1 || s.batch.waitMs < 0).map((s) => `sink '${s.name}': batch.records must be at least 1 and batch.waitMs at least 0`),
];

const sharedNames = (named: readonly (readonly [string, Node])[], what: string): string[] => {
  const first = new Map<string, Node>();
  const problems: string[] = [];
  for (const [name, node] of named) {
    const other = first.get(name);
    if (other === undefined) first.set(name, node);
    else if (other !== node) problems.push(`two ${what}s are called '${name}': ${pathOf(other)} and ${pathOf(node)}`);
  }
  return problems;
};

const keyByProblems = (node: KeyByNode): string[] => {
  if (node.name === null) return [`${pathOf(node)}: a stateful step follows, so this keyBy names a topic: write keyBy('name', ...)`];
  return NAME.test(node.name) ? [] : [`keyBy '${node.name}': a name is made of ${RULE}`];
};

const scanProblems = (scans: readonly ScanNode[]): string[] => {
  const problems = sharedNames(scans.map((s) => [s.name, s] as const), 'scan');
  for (const scan of scans) {
    if (!NAME.test(scan.name)) problems.push(`scan '${scan.name}': a name is made of ${RULE}`);
    const unkeyed = foreignSources(scan.parent);
    for (const topic of unkeyed) {
      problems.push(`${pathOf(scan)}: the key bytes of ${topic} hold a schema id, so equal keys may lie in different partitions: put keyBy('name', ...) before the scan`);
    }
  }
  return problems;
};

/** Debezium topics that reach a stateful step with no `keyBy` or topic of ours between. */
const foreignSources = (node: StreamNode): string[] => {
  if (node.kind === 'keyBy' || node.kind === 'through') return [];
  if (node.kind === 'source') return node.codec.kind === 'json' ? [] : [node.topic];
  return parentsOf(node).flatMap(foreignSources);
};

const optionProblems = (topic: string, options: TopicOptions): string[] => [
  ...(options.retention !== undefined && retentionMs(options.retention) === undefined
    ? [`topic ${topic}: retention '${options.retention}' is not like '30m', '12h', '7d' or 'forever'`] : []),
  ...(options.partitions !== undefined && !(Number.isInteger(options.partitions) && options.partitions > 0)
    ? [`topic ${topic}: partitions must be a whole number above 0`] : []),
];

const topicProblems = (all: readonly Node[]): string[] => {
  const problems: string[] = [];
  const written = new Map<string, Node>();
  const codecs = new Map<string, { codec: unknown; node: Node | TableNode }>();
  const read = (topic: string, codec: unknown, node: Node | TableNode): void => {
    const other = codecs.get(topic);
    if (other === undefined) codecs.set(topic, { codec, node });
    else if (other.codec !== codec && other.node.kind === node.kind) problems.push(`topic ${topic} is declared twice with different codecs: declare it once and share the value`);
  };
  const write = (topic: string, node: Node): void => {
    const other = written.get(topic);
    if (other !== undefined && (other.kind === 'through' || node.kind === 'through')) {
      problems.push(`topic ${topic} is written by ${pathOf(other)} and by ${pathOf(node)}: a through topic has one writer`);
    }
    written.set(topic, node);
  };
  for (const node of all) {
    if (node.kind === 'source') read(node.topic, node.codec, node);
    if (node.kind === 'join') read(node.table.topic, node.table.codec, node.table);
    if (node.kind === 'through') {
      write(node.topic, node);
      problems.push(...optionProblems(node.topic, node.options));
    }
    if (node.kind === 'sink' && node.sink.kind === 'kafka') {
      write(node.sink.topic, node);
      problems.push(...optionProblems(node.sink.topic, node.sink.options));
    }
  }
  for (const topic of [...written.keys(), ...codecs.keys()]) if (!NAME.test(topic)) problems.push(`topic '${topic}': a name is made of ${RULE}`);
  for (const node of all) {
    if (node.kind === 'through' && codecs.has(node.topic)) problems.push(`topic ${node.topic} is a through topic and is declared with stream(...) too: pipe the through's stream instead`);
  }
  return problems;
};
