import type { Meta } from '../meta.ts';
import { Stream, type Known, type Operator } from '../stream.ts';

/**
 * Rules by name, each true for a value that keeps it. They are checked in the order written; a record that breaks one goes
 * to the dead letters with the first broken rule's name, and so does one on which a rule throws.
 */
export const validate = <V, K>(rules: Readonly<Record<string, (value: Known<V>, meta: Meta<Known<K>>) => boolean>>): Operator<V, K, V, K> =>
  (stream) => new Stream({ kind: 'validate', parent: stream.node, rules: Object.freeze({ ...rules }) });
