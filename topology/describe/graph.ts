import { nodesOf } from '../check.ts';
import { parentsOf, type Node, type TableNode } from '../node.ts';
import type { Setting, Sink } from '../sinks.ts';
import type { Topology } from '../topology.ts';

/** The topology seen from its sources: nodes in the order in which its sinks need them, and what follows each. */
export interface Graph {
  readonly nodes: readonly Node[];
  readonly children: ReadonlyMap<Node, readonly Node[]>;
  readonly tables: readonly TableNode[];
}

/** A branch's arms come in the order of its predicates, whichever sink came first. */
const inOrder = (node: Node, children: readonly Node[]): readonly Node[] => {
  if (node.kind !== 'branch') return children;
  const names = Object.keys(node.branches);
  const place = (child: Node): number => (child.kind === 'arm' ? names.indexOf(child.name) : names.length);
  return children.toSorted((a, b) => place(a) - place(b));
};

export const graphOf = (topology: Topology): Graph => {
  const nodes = nodesOf(topology.sinks);
  const children = new Map<Node, Node[]>(nodes.map((node) => [node, []]));
  const tables = new Map<string, TableNode>();
  for (const node of nodes) {
    for (const parent of new Set(parentsOf(node))) children.get(parent)?.push(node);
    if (node.kind === 'join' && !tables.has(node.table.topic)) tables.set(node.table.topic, node.table);
  }
  return { nodes, children: new Map(nodes.map((node) => [node, inOrder(node, children.get(node) ?? [])])), tables: [...tables.values()] };
};

export const keyOf = (table: TableNode): string => [table.key].flat().join(', ');

/** The server of an address alone: credentials, path and query may hold secrets. */
const addressOf = (url: string | Setting): string => {
  if (typeof url !== 'string') return `\${${url.name}}`;
  const parsed = URL.parse(url);
  return parsed === null ? '' : `${parsed.protocol}//${parsed.host}`;
};

/** A sink's system and the place in it that records go to. */
export const targetOf = (sink: Sink): string => {
  switch (sink.kind) {
    case 'redis': return 'redis';
    case 'bigquery': return `bigquery ${sink.table}`;
    case 'cassandra': return `cassandra ${sink.table}`;
    case 'http': return `http ${sink.method} ${addressOf(sink.url)}`.trimEnd();
    case 'kafka': return `kafka ${sink.topic}`;
  }
};
