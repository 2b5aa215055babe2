import { labelOf, parentsOf, type Node } from '../node.ts';
import type { Topology } from '../topology.ts';
import { graphOf, keyOf, targetOf } from './graph.ts';

const quoted = (...lines: readonly string[]): string =>
  `"${lines.map((line) => line.replaceAll('#', '#35;').replaceAll('"', '#quot;').replaceAll('<', '#lt;').replaceAll('>', '#gt;')).join('<br/>')}"`;

/** Topics are stadiums, steps boxes, forks diamonds, stores and tables cylinders, sinks slanted. */
const shapeOf = (node: Node): string => {
  switch (node.kind) {
    case 'source': return `([${quoted(node.topic)}])`;
    case 'through': return `([${quoted(node.topic)}])`;
    case 'branch': return `{${quoted('branch')}}`;
    case 'scan':
    case 'dedupe': return `[(${quoted(labelOf(node))})]`;
    case 'sink': return `[/${quoted(node.name, targetOf(node.sink))}/]`;
    default: return `[${quoted(labelOf(node))}]`;
  }
};

/** A Mermaid flowchart: arms of a branch are labels on its arrows, tables reach their joins by dotted arrows. */
export const mermaid = (topology: Topology): string => {
  const { nodes, tables } = graphOf(topology);
  const drawn = nodes.filter((node) => node.kind !== 'arm');
  const ids = new Map<Node, string>(drawn.map((node, i) => [node, `n${i + 1}`]));
  const tableIds = new Map(tables.map((table, i) => [table.topic, `t${i + 1}`]));
  const arrow = (parent: Node, child: Node): string =>
    parent.kind === 'arm' ? `${ids.get(parent.parent)} -->|${quoted(parent.name)}| ${ids.get(child)}` : `${ids.get(parent)} --> ${ids.get(child)}`;
  const lines = [
    ...tables.map((table) => `${tableIds.get(table.topic)}[(${quoted(table.topic, `key ${keyOf(table)}`)})]`),
    ...drawn.map((node) => `${ids.get(node)}${shapeOf(node)}`),
    ...drawn.flatMap((node) => [
      ...parentsOf(node).map((parent) => arrow(parent, node)),
      ...(node.kind === 'join' ? [`${tableIds.get(node.table.topic)} -.-> ${ids.get(node)}`] : []),
    ]),
  ];
  return `flowchart TD\n${lines.map((line) => `  ${line}\n`).join('')}`;
};
