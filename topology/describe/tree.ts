import { labelOf, type Node } from '../node.ts';
import type { Topology } from '../topology.ts';
import { graphOf, keyOf, targetOf, type Graph } from './graph.ts';

/** What a line adds to the step's label. */
const detailOf = (node: Node): string => {
  switch (node.kind) {
    case 'source': return node.codec.kind === 'debezium' && node.codec.shape !== 'envelope' ? `debezium, ${node.codec.shape}` : node.codec.kind;
    case 'inserts': return `snapshot ${node.snapshot}d`;
    case 'changes': return `snapshot ${node.snapshot}d, identity ${node.identity}`;
    case 'dedupe': return `last ${node.events} changes`;
    case 'scan': return `state ${node.state.kind}`;
    case 'through': return [node.codec.kind, ...Object.entries(node.options).map(([name, value]) => `${name} ${value}`)].join(', ');
    case 'sink': return targetOf(node.sink) + (node.sink.kind === 'kafka' ? '' : `, batch ${node.batch.records} or ${node.batch.waitMs} ms`);
    default: return '';
  }
};

interface Printer extends Graph {
  /** Merges without a name are told apart by their place. */
  readonly marks: ReadonlyMap<Node, string>;
  readonly printed: Set<Node>;
}

const lineOf = (printer: Printer, node: Node): string => {
  const detail = detailOf(node);
  return `${labelOf(node)}${printer.marks.get(node) ?? ''}${detail === '' ? '' : `  [${detail}]`}`;
};

/** The steps that follow each other stand below each other; where a stream is used more than once, the tree forks. */
const chain = (printer: Printer, start: Node): string[] => {
  const lines: string[] = [];
  let node: Node | undefined = start;
  while (node !== undefined) {
    if (printer.printed.has(node)) return [...lines, `→ ${labelOf(node)}${printer.marks.get(node) ?? ''}, above`];
    printer.printed.add(node);
    lines.push(lineOf(printer, node));
    const children: readonly Node[] = printer.children.get(node) ?? [];
    if (children.length > 1) return [...lines, ...fork(printer, children)];
    node = children[0];
  }
  return lines;
};

const fork = (printer: Printer, children: readonly Node[]): string[] =>
  children.flatMap((child, i) => {
    const last = i === children.length - 1;
    return chain(printer, child).map((line, j) => (j === 0 ? (last ? '└─ ' : '├─ ') : last ? '   ' : '│  ') + line);
  });

export const tree = (topology: Topology): string => {
  const graph = graphOf(topology);
  const merges = graph.nodes.filter((node) => node.kind === 'merge' && node.name === null);
  const printer: Printer = { ...graph, marks: new Map(merges.map((node, i) => [node, ` #${i + 1}`])), printed: new Set() };
  const blocks = [
    [`topology ${topology.name}`],
    ...(graph.tables.length === 0 ? [] : [graph.tables.map((table) => `table(${table.topic})  [${table.codec.kind}, key ${keyOf(table)}]`)]),
    ...graph.nodes.filter((node) => node.kind === 'source').map((source) => chain(printer, source)),
  ];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
};
