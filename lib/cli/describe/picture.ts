/** What the picture of a plan shows, without places: topics and tables, stages with their steps, and what leads where. */
import { graphOf, keyOf, targetOf, type Graph } from '../../../topology/describe/graph.ts';
import { isStateful, labelOf, parentsOf, type Node, type SourceCodec } from '../../../topology/node.ts';
import type { Sink } from '../../../topology/sinks.ts';
import type { Topology } from '../../../topology/topology.ts';
import type { Plan, StagePlan, TopicPlan } from '../../plan/types.ts';

export interface Step {
  readonly text: string;
  /** How many forks inside the stage lie above it. */
  readonly depth: number;
  /** It is the first of one way out of a fork. */
  readonly opens: boolean;
  readonly kind: 'step' | 'store';
}

export type Shape =
  | { readonly id: string; readonly kind: 'topic'; readonly role: 'declared' | 'internal'; readonly title: string; readonly detail: string }
  | { readonly id: string; readonly kind: 'table'; readonly title: string; readonly detail: string }
  | { readonly id: string; readonly kind: 'stage'; readonly title: string; readonly steps: readonly Step[]; readonly sink: { readonly kind: Sink['kind']; readonly lines: readonly string[] } | null };

export interface Arrow {
  readonly from: string;
  readonly to: string;
  readonly kind: 'records' | 'table';
}

export interface Picture {
  readonly title: string;
  readonly shapes: readonly Shape[];
  readonly arrows: readonly Arrow[];
}

const SYSTEMS: Readonly<Record<Sink['kind'], string>> = { redis: 'Redis', bigquery: 'BigQuery', cassandra: 'Cassandra', http: 'HTTP', kafka: 'Kafka' };
const PRODUCTS: Readonly<Record<SourceCodec['kind'], string>> = { debezium: 'Debezium changes', avro: 'Avro', json: 'JSON' };

/** A line's arguments go on below it rather than make a box too wide to print. */
const WRAP_CHARS = 34;

const wrapped = (label: string): string[] => {
  const lines: string[] = [];
  let line = '';
  for (const word of label.split(/(?<=, )/)) {
    if (line !== '' && (line + word).trimEnd().length > WRAP_CHARS) {
      lines.push(line.trimEnd());
      line = '  ';
    }
    line += word;
  }
  return [...lines, line];
};

/** What arrows and shapes show already. */
const isDrawnElsewhere = ({ kind }: Node): boolean => kind === 'branch' || kind === 'through' || kind === 'sink' || kind === 'source';

const textOf = (node: Node): string => (node.kind === 'arm' ? `branch: ${node.name}` : labelOf(node));

/** The stage's steps from its topics on, one below the other; behind a fork they are set in. */
const stepsOf = (stage: StagePlan, graph: Graph): Step[] => {
  const steps: Step[] = [];
  const seen = new Set<Node>();
  const follow = (nodes: readonly Node[], depth: number, opens: boolean): void => {
    const own = nodes.filter((node) => stage.nodes.has(node) && !seen.has(node));
    for (const node of own) visit(node, own.length > 1 ? depth + 1 : depth, opens || own.length > 1);
  };
  const visit = (node: Node, depth: number, opens: boolean): void => {
    if (seen.has(node)) return;
    seen.add(node);
    const drawn = !isDrawnElsewhere(node);
    if (drawn) steps.push(...wrapped(textOf(node)).map((text, i): Step => ({ text, depth, opens: opens && i === 0, kind: isStateful(node) ? 'store' : 'step' })));
    follow(graph.children.get(node) ?? [], depth, opens && !drawn);
  };
  const entries: readonly Node[] = stage.entries.flatMap(({ nodes }) => nodes);
  follow(graph.nodes.filter((node) => entries.includes(node) || parentsOf(node).some((parent) => entries.includes(parent))), 0, false);
  return steps;
};

const codecOf = (plan: Plan, topic: string): string => {
  const codec = plan.stages.flatMap(({ entries, outputs }) => [...entries, ...outputs]).find((end) => end.topic === topic)?.codec;
  return codec === undefined || codec === 'internal' ? '' : `, ${PRODUCTS[codec.kind]}`;
};

const ROLES: Readonly<Partial<Record<TopicPlan['role'], string>>> = { source: 'source topic', through: 'topic', sink: 'topic', repartition: 'repartition topic', input: 'internal topic' };

const topicShape = (plan: Plan, { topic, role, partitions }: TopicPlan): Shape[] => {
  const word = ROLES[role];
  if (word === undefined) return [];
  const count = typeof partitions === 'number' ? `, ${partitions} partitions` : '';
  return [{ id: `topic ${topic}`, kind: 'topic', role: role === 'repartition' || role === 'input' ? 'internal' : 'declared', title: topic, detail: `${word}${codecOf(plan, topic)}${count}` }];
};

const sinkOf = (sink: Sink): { readonly kind: Sink['kind']; readonly lines: readonly string[] } => {
  const place = targetOf(sink).split(' ').slice(1).join(' ');
  return { kind: sink.kind, lines: [SYSTEMS[sink.kind], ...(place === '' ? [] : [place])] };
};

/** Dead letters and changelogs are left out: every stage has the one and every store the other. */
export const pictureOf = (plan: Plan, topology: Topology): Picture => {
  const graph = graphOf(topology);
  const stages = plan.stages.map((stage): Shape => ({
    id: `stage ${stage.name}`,
    kind: 'stage',
    title: stage.name,
    steps: stepsOf(stage, graph),
    sink: stage.sink === null ? null : sinkOf(stage.sink.sink),
  }));
  const tables = plan.tables.map((table): Shape => ({ id: `table ${table.topic}`, kind: 'table', title: table.topic, detail: `table, key ${keyOf(table)}` }));
  const arrows = plan.stages.flatMap((stage): Arrow[] => [
    ...stage.entries.map(({ topic }): Arrow => ({ from: `topic ${topic}`, to: `stage ${stage.name}`, kind: 'records' })),
    ...stage.tables.map(({ topic }): Arrow => ({ from: `table ${topic}`, to: `stage ${stage.name}`, kind: 'table' })),
    ...stage.outputs.map(({ topic }): Arrow => ({ from: `stage ${stage.name}`, to: `topic ${topic}`, kind: 'records' })),
  ]);
  return { title: plan.app, shapes: [...plan.topics.flatMap((topic) => topicShape(plan, topic)), ...tables, ...stages], arrows };
};
