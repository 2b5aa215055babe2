import { labelOf, parentsOf, pathOf, type Node, type StreamNode, type TableNode } from './node.ts';
import type { TopicOptions } from './topics.ts';

/** Kafka's limit for a topic, and ours for what becomes a part of one: `<app>-<name>-repartition` stays below Kafka's. */
const longest = { topic: 249, name: 100 };

const nameProblem = (what: string, name: string, max = longest.name): string[] => {
  if (name === '') return [`${what} is empty`];
  const legal = /^[A-Za-z0-9._-]+$/.test(name) && name !== '.' && name !== '..' && name.length <= max;
  return legal ? [] : [`${what} ${JSON.stringify(name)} is not legal in Kafka: letters, digits, '.', '_' and '-', at most ${max}`];
};

const topicProblem = (what: string, topic: string): string[] => nameProblem(what, topic, longest.topic);

const positive = (what: string, value: number): string[] => (Number.isInteger(value) && value > 0 ? [] : [`${what} is ${value}: it must be a whole number above 0`]);

/** Objects order names like '7' before all others, whatever was written first. */
const orderedNames = (what: string, names: readonly string[]): string[] => [
  ...(names.length === 0 ? [`${what} has none`] : []),
  ...names.filter((name) => name === '').map(() => `${what}: a name is empty`),
  ...names.filter((name) => /^\d+$/.test(name)).map((name) => `${what}: the name ${name} is a number, which would lose its place in the order`),
];

const topicOptions = (options: TopicOptions): string[] => [
  ...(options.partitions === undefined ? [] : positive('partitions', options.partitions)),
  ...(options.retention === undefined || options.retention === 'forever' || /^[1-9]\d*(ms|s|m|h|d)$/.test(options.retention)
    ? []
    : [`retention is ${JSON.stringify(options.retention)}: write it as '30m', '12h', '7d' or 'forever'`]),
];

const tableProblems = (table: TableNode): string[] => [
  ...topicProblem("a table's topic", table.topic),
  ...(table.key.length === 0 ? ['a table has no key column'] : []),
];

const merged = (parents: readonly StreamNode[]): string[] => [
  ...(parents.length < 2 ? ['merges nothing'] : []),
  ...(new Set(parents).size < parents.length ? ['merges a stream with itself: each record would come twice'] : []),
];

/** Positions grow per key of the row: under another key, what is new could look like a repetition. */
const dedupeProblems = (parent: StreamNode): string[] => {
  if (parent.kind === 'source') return [];
  if (parent.kind === 'keyBy' || parent.kind === 'through') return [`goes by the key that Debezium gave: put it in front of ${labelOf(parent)}`];
  return [...new Set(parentsOf(parent).flatMap(dedupeProblems))];
};

const nodeProblems = (node: Node): string[] => {
  switch (node.kind) {
    case 'source': return topicProblem('the topic', node.topic);
    case 'upserts': return node.key.length === 0 ? ['upserts has no key column'] : [];
    case 'dedupe': return [...nameProblem('the name', node.name), ...positive('events', node.events), ...dedupeProblems(node.parent)];
    case 'validate': return orderedNames('rules', Object.keys(node.rules));
    case 'keyBy': return node.name === null ? [] : nameProblem('the name', node.name);
    case 'join': return tableProblems(node.table);
    case 'merge': return [...(node.name === null ? [] : nameProblem('the name', node.name)), ...merged(node.parents)];
    case 'branch': return [
      ...orderedNames('branches', Object.keys(node.branches)),
      ...(Object.values(node.branches).filter((predicate) => predicate === null).length > 1 ? ['more than one branch is otherwise'] : []),
      ...(Object.values(node.branches).slice(0, -1).includes(null) ? ['otherwise takes everything: it must be the last branch'] : []),
    ];
    case 'inner': return positive('concurrent', node.concurrency);
    case 'scan': return nameProblem('the name', node.name);
    case 'through': return [...topicProblem('the topic', node.topic), ...topicOptions(node.options)];
    case 'sink': return [
      ...nameProblem('the name', node.name),
      ...positive('batch.records', node.batch.records),
      ...(node.batch.waitMs >= 0 ? [] : [`batch.waitMs is ${node.batch.waitMs}: it must be 0 or more`]),
      ...(node.sink.kind === 'kafka' ? [...topicProblem('the topic', node.sink.topic), ...topicOptions(node.sink.options)] : []),
    ];
    default: return [];
  }
};

/** Every node that the sinks stand on, parents before children, in the order of the sinks. */
export const nodesOf = (ends: readonly Node[]): readonly Node[] => {
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    for (const parent of parentsOf(node)) visit(parent);
    seen.add(node);
  };
  for (const end of ends) visit(end);
  return [...seen];
};

/** What each name belongs to: two steps with one name would share a store, a topic or a consumer group. */
const claimOf = (node: Node): string | null => {
  switch (node.kind) {
    case 'scan':
    case 'dedupe': return `the store ${node.name}`;
    case 'through': return `the topic ${node.topic}`;
    case 'sink': return `the sink ${node.name}`;
    case 'keyBy': return node.name === null ? null : `the repartition topic ${node.name}`;
    case 'merge': return node.name === null ? null : `the merge ${node.name}`;
    default: return null;
  }
};

const duplicates = (nodes: readonly Node[]): string[] => {
  const owners = new Map<string, Node[]>();
  for (const node of nodes) {
    const claim = claimOf(node);
    if (claim !== null) owners.set(claim, [...(owners.get(claim) ?? []), node]);
  }
  return [...owners].filter(([, nodes]) => nodes.length > 1).map(([claim, nodes]) => `${claim} is declared ${nodes.length} times: ${nodes.map(pathOf).join('; ')}`);
};

const tables = (nodes: readonly Node[]): string[] => {
  const keys = new Map<string, Set<string>>();
  for (const node of nodes) {
    if (node.kind !== 'join') continue;
    const key = [node.table.key].flat().join(', ');
    keys.set(node.table.topic, (keys.get(node.table.topic) ?? new Set()).add(key));
  }
  return [...keys].filter(([, declared]) => declared.size > 1).map(([topic, declared]) => `the table ${topic} is declared with different keys: ${[...declared].join(' / ')}`);
};

/** Everything that types cannot catch, as sentences that say where. */
export const check = (name: string, ends: readonly Node[]): readonly string[] => {
  const nodes = nodesOf(ends);
  return [
    ...nameProblem("the topology's name", name),
    ...(ends.length === 0 ? ['a topology without a sink does nothing'] : []),
    ...nodes.flatMap((node) => nodeProblems(node).map((problem) => `${labelOf(node)}: ${problem} (${pathOf(node)})`)),
    ...duplicates(nodes),
    ...tables(nodes),
  ];
};
