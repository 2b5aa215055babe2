import type { Meta } from '../meta.ts';
import { Stream, type Known, type Operator } from '../stream.ts';

/**
 * Each value through a function, one record in, one out; key and timestamp stay. The function is synchronous, and its name
 * labels the step where the topology is printed. What it throws makes the record a dead letter.
 */
export const map = <V, K, W>(fn: (value: V, meta: Meta<Known<K>>) => W): Operator<V, K, W, K> =>
  (stream) => new Stream({ kind: 'map', parent: stream.node, apply: fn });
