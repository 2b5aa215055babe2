import { mermaid } from './describe/mermaid.ts';
import { tree } from './describe/tree.ts';
import type { Topology } from './topology.ts';

export interface DescribeOptions {
  /** Default 'tree'. */
  readonly format?: 'tree' | 'mermaid';
}

/**
 * A topology as people read it: an indented tree, or a Mermaid flowchart for a README. The same topology gives the same text,
 * which ends with a line break. Settings are printed as `${NAME}`, never with a value.
 */
export const describe = (topology: Topology, options: DescribeOptions = {}): string => (options.format === 'mermaid' ? mermaid(topology) : tree(topology));
