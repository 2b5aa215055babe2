import { parentsOf, type Node, type SinkNode, type StreamNode, type ThroughNode } from '../../topology/node.ts';
import { names } from '../plan/names.ts';
import type { TopologyValue } from '../plan/types.ts';

/**
 * The same steps under a name of their own, so that nothing of the application's is shared, and with topics of their own for `through`: records
 * that are computed again do not appear in data products that others read.
 */
export const backfillTopology = (topology: TopologyValue, name: string, sinks: readonly string[]): TopologyValue => {
  const app = names.backfill(topology.name, name);
  // What is computed again has the times of history: brokers would delete it by them before it is read.
  const own = ({ topic, options }: ThroughNode): Pick<ThroughNode, 'topic' | 'options'> => ({ topic: `${app}-${topic}`, options: { ...options, retention: 'forever', cleanup: 'delete' } });
  const copies = new Map<Node, Node>();
  const copy = <N extends Node>(node: N): N => {
    const known = copies.get(node);
    if (known !== undefined) return known as N;
    const made = { ...node, ...parents(node), ...(node.kind === 'through' ? own(node) : {}) };
    copies.set(node, made);
    return made;
  };
  const parents = (node: Node): { readonly parent?: StreamNode; readonly parents?: readonly StreamNode[] } => {
    if (node.kind === 'source') return {};
    return node.kind === 'merge' ? { parents: node.parents.map(copy) } : { parent: copy(parentsOf(node)[0]!) };
  };
  return { name: app, sinks: topology.sinks.filter((sink) => sinks.includes(sink.name)).map((sink): SinkNode => copy(sink)) };
};
