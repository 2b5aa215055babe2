import type { Node } from '../../topology/node.ts';
import { parentsOf } from '../../topology/node.ts';

const RETENTION = /^(\d+)(ms|s|m|h|d)$/;
const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `retention.ms` of '30m', '12h', '7d' or 'forever'; undefined when the text is none of these. */
export const retentionMs = (text: string): number | undefined => {
  if (text === 'forever') return -1;
  const match = RETENTION.exec(text);
  return match === null ? undefined : Number(match[1]) * UNIT_MS[match[2]!]!;
};

/** Every node from which the given ones can be reached, themselves included. */
export const ancestors = (ends: readonly Node[]): Set<Node> => {
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const parent of parentsOf(node)) visit(parent);
  };
  for (const end of ends) visit(end);
  return seen;
};
