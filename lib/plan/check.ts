import type { Node, ScanNode, StreamNode, TableNode } from '../../topology/node.ts';
import { isStateful, parentsOf, pathOf } from '../../topology/node.ts';
import { repartitioned, type Cut } from './cut.ts';
import { ancestors } from './graph.ts';
import type { TopologyValue } from './types.ts';

/** What is wrong with a topology once it is to be cut into stages; `topology(...)` has checked names and options. Empty when it is sound. */
export const check = (topology: TopologyValue): string[] => {
  const all = ancestors(topology.sinks);
  const unnamed = [...repartitioned(all)].filter((node) => node.name === null);
  return [...new Set([
    ...unnamed.map((node) => `${pathOf(node)}: a stateful step follows, so this keyBy names a topic: write keyBy('name', ...)`),
    ...[...all].filter((node) => node.kind === 'scan').flatMap(scanProblems),
    ...topicProblems([...all]),
  ])];
};

const scanProblems = (scan: ScanNode): string[] => foreignSources(scan.parent).map((topic) =>
  `${pathOf(scan)}: the key bytes of ${topic} hold a schema id, so equal keys may lie in different partitions: put keyBy('name', ...) before the scan`);

/** Avro-keyed topics that reach a stateful step with no `keyBy` or topic of ours between. */
const foreignSources = (node: StreamNode): string[] => {
  if (node.kind === 'keyBy' || node.kind === 'through') return [];
  if (node.kind === 'source') return node.codec.kind === 'json' ? [] : [node.topic];
  return parentsOf(node).flatMap(foreignSources);
};

/**
 * What is wrong within one stage: where records overlap, state has to lie behind the one step that lets them, so that all a record
 * does to it is done in one go, and can be taken back.
 */
export const overlapProblems = ({ nodes }: Pick<Cut, 'nodes'>): string[] => {
  const inner = [...nodes].filter((node) => node.kind === 'inner');
  const overlapping = inner.find((node) => node.concurrency > 1);
  if (overlapping === undefined) return [];
  const scans = [...nodes].filter(isStateful);
  const other = inner.find((node) => node !== overlapping);
  if (scans.length > 0 && other !== undefined) {
    return [`${pathOf(overlapping)}: its records overlap, so beside a scan no other step of the stage may take its time, and ${pathOf(other)} does: put through('topic', codec) between the two`];
  }
  return scans.filter((scan) => passesBy(scan.parent, overlapping, nodes)).map((scan) =>
    `${pathOf(overlapping)}: its records overlap, so a scan of the stage must come behind it, and ${pathOf(scan)} does not: put through('topic', codec) between the two`);
};

/** Whether records can come from the stage's topics to `node` without passing `step`. */
const passesBy = (node: StreamNode, step: Node, nodes: ReadonlySet<Node>): boolean => {
  if (node === step) return false;
  return !nodes.has(node) || parentsOf(node).some((parent) => passesBy(parent, step, nodes));
};

const topicProblems = (all: readonly Node[]): string[] => {
  const problems: string[] = [];
  const read = new Map<string, { readonly codec: unknown; readonly node: Node | TableNode }>();
  for (const node of all) {
    const source = node.kind === 'join' ? node.table : node.kind === 'source' ? node : null;
    if (source === null) continue;
    const other = read.get(source.topic);
    if (other === undefined) read.set(source.topic, { codec: source.codec, node: source });
    else if (other.codec !== source.codec && other.node.kind === source.kind) problems.push(`topic ${source.topic} is declared twice with different codecs: declare it once and share the value`);
  }
  const through = new Map(all.flatMap((node) => (node.kind === 'through' ? [[node.topic, node] as const] : [])));
  for (const node of all) {
    if (node.kind === 'sink' && node.sink.kind === 'kafka' && through.has(node.sink.topic)) {
      problems.push(`topic ${node.sink.topic} is written by ${pathOf(through.get(node.sink.topic)!)} and by ${pathOf(node)}: a through topic has one writer`);
    }
  }
  for (const [topic] of through) if (read.has(topic)) problems.push(`topic ${topic} is a through topic and is declared with stream(...) or table(...) too: pipe the through's stream instead`);
  return problems;
};
