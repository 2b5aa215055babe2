/**
 * Cuts the graph into stages. A stage begins at topics and ends where records are written: to a topic in the stage's
 * transactions, or to one outside sink. An outside sink that hangs on a source or `through` topic by stateless steps
 * reads that topic itself; behind a join, an inner stream or a stateful step its records are first written to a topic of its own,
 * exactly once, because what those steps say may differ when they are asked again.
 */
import type { KeyByNode, Node, SinkNode, StreamNode, ThroughNode } from '../../topology/node.ts';
import { isStateful, parentsOf } from '../../topology/node.ts';
import { names } from './names.ts';
import { ancestors } from './graph.ts';
import type { EntryNode, EntryPlan, OutputPlan, TopologyValue } from './types.ts';

export interface Cut {
  readonly name: string;
  readonly entries: readonly EntryPlan[];
  readonly outputs: readonly OutputPlan[];
  readonly sink: SinkNode | null;
  readonly nodes: ReadonlySet<Node>;
  readonly problems: readonly string[];
}

/** The `keyBy` nodes that a stateful step follows with no topic between: their records go through a repartition topic. */
export const repartitioned = (all: ReadonlySet<Node>): Set<KeyByNode> => {
  const found = new Set<KeyByNode>();
  const up = (node: StreamNode): void => {
    if (node.kind === 'keyBy') found.add(node);
    else if (node.kind !== 'through') parentsOf(node).forEach(up);
  };
  for (const node of all) if (node.kind === 'scan') up(node.parent);
  return found;
};

const isOutside = (sink: SinkNode): boolean => sink.sink.kind !== 'kafka';

/** True when the way up from the sink to its topics holds stateless steps only. */
const readsTopicsItself = (node: StreamNode): boolean => {
  if (node.kind === 'source' || node.kind === 'through') return true;
  if (node.kind === 'join' || isStateful(node) || node.kind === 'inner') return false;
  return parentsOf(node).every(readsTopicsItself);
};

interface Piece {
  readonly ends: Node[];
  readonly entries: Set<EntryNode>;
  readonly nodes: Set<Node>;
}

/** Everything between the ends and the topics above them. */
const pieceOf = (end: Node, isEntry: (node: StreamNode) => node is EntryNode & StreamNode): Piece => {
  const piece: Piece = { ends: [end], entries: new Set(), nodes: new Set([end]) };
  const up = (node: StreamNode): void => {
    if (isEntry(node)) {
      piece.entries.add(node);
    } else if (!piece.nodes.has(node)) {
      piece.nodes.add(node);
      parentsOf(node).forEach(up);
    }
  };
  parentsOf(end).forEach(up);
  return piece;
};

const joinPieces = (pieces: readonly Piece[], topicOf: (entry: EntryNode) => string): Piece[] => {
  const joined: Piece[] = [];
  for (const piece of pieces) {
    const topics = new Set([...piece.entries].map(topicOf));
    const touching = joined.filter((other) => [...other.entries].some((e) => topics.has(topicOf(e))));
    const target: Piece = { ends: [], entries: new Set(), nodes: new Set() };
    for (const part of [...touching, piece]) {
      target.ends.push(...part.ends);
      part.entries.forEach((e) => target.entries.add(e));
      part.nodes.forEach((n) => target.nodes.add(n));
    }
    const first = touching[0];
    if (first === undefined) joined.push(target);
    else joined.splice(joined.indexOf(first), 1, target);
    for (const other of touching.slice(1)) joined.splice(joined.indexOf(other), 1);
  }
  return joined;
};

export const cut = (topology: TopologyValue): Cut[] => {
  const app = topology.name;
  const all = ancestors(topology.sinks);
  const keyed = repartitioned(all);
  const buffered = new Set(topology.sinks.filter((s) => isOutside(s) && !readsTopicsItself(s.parent)));
  const topicOf = (entry: EntryNode): string => {
    if (entry.kind === 'keyBy') return names.repartition(app, entry.name ?? '');
    return entry.kind === 'sink' ? names.input(app, entry.name) : entry.topic;
  };
  const isTopic = (node: StreamNode): node is EntryNode & StreamNode => node.kind === 'source' || node.kind === 'through';
  const isEntry = (node: StreamNode): node is EntryNode & StreamNode =>
    node.kind === 'source' || node.kind === 'through' || (node.kind === 'keyBy' && keyed.has(node));

  const writers = [...all].filter((n): n is ThroughNode | KeyByNode | SinkNode =>
    n.kind === 'through' || (n.kind === 'keyBy' && keyed.has(n)) || (n.kind === 'sink' && (!isOutside(n) || buffered.has(n))));
  const inner = joinPieces(writers.map((w) => pieceOf(w, isEntry)), topicOf);
  const outer = topology.sinks.filter(isOutside).map((sink): Piece => (
    buffered.has(sink) ? { ends: [sink], entries: new Set([sink]), nodes: new Set([sink]) } : pieceOf(sink, isTopic)));

  return [
    ...inner.map((piece) => ({
      ...nameOf(piece, topicOf),
      entries: entriesOf(piece.entries, topicOf),
      outputs: piece.ends.map((end) => outputOf(end as ThroughNode | KeyByNode | SinkNode, topicOf)),
      sink: null,
      nodes: piece.nodes,
    })),
    ...outer.map((piece) => {
      const sink = piece.ends[0] as SinkNode;
      return { name: sink.name, problems: [], entries: entriesOf(piece.entries, topicOf), outputs: [], sink, nodes: piece.nodes };
    }),
  ];
};

const outputOf = (node: ThroughNode | KeyByNode | SinkNode, topicOf: (entry: EntryNode) => string): OutputPlan => {
  if (node.kind === 'sink' && node.sink.kind === 'kafka') return { node, topic: node.sink.topic, codec: node.sink.codec };
  if (node.kind === 'through') return { node, topic: node.topic, codec: node.codec };
  return { node, topic: topicOf(node), codec: (node.kind === 'keyBy' ? node.codec : null) ?? 'internal' };
};

const entriesOf = (nodes: ReadonlySet<EntryNode>, topicOf: (entry: EntryNode) => string): EntryPlan[] => {
  const byTopic = new Map<string, EntryNode[]>();
  for (const node of nodes) byTopic.set(topicOf(node), [...(byTopic.get(topicOf(node)) ?? []), node]);
  return [...byTopic].map(([topic, group]) => {
    const node = group[0]!;
    const codec = node.kind === 'keyBy' ? (node.codec ?? 'internal') : node.kind === 'sink' ? 'internal' : node.codec;
    return { topic, codec, keys: node.kind === 'source' ? 'foreign' : 'internal', nodes: group };
  });
};

/** A stage that reads one topic has its name, behind a repartition that of the `keyBy`; one that reads several is named by a `merge`. */
const nameOf = (piece: Piece, topicOf: (entry: EntryNode) => string): { name: string; problems: string[] } => {
  const topics = [...new Set([...piece.entries].map(topicOf))];
  if (topics.length === 1) {
    const [entry] = piece.entries;
    return { name: entry?.kind === 'keyBy' ? (entry.name ?? topics[0]!) : topics[0]!, problems: [] };
  }
  const given = [...new Set([...piece.nodes].flatMap((n) => (n.kind === 'merge' && n.name !== null ? [n.name] : [])))];
  if (given.length === 1) return { name: given[0]!, problems: [] };
  const problem = given.length === 0
    ? `a stage reads ${topics.join(' and ')} and has no name: write merge('name', ...)`
    : `a stage reads ${topics.join(' and ')} and has ${given.length} names (${given.join(', ')}): name one merge only`;
  return { name: topics.join('+'), problems: [problem] };
};
