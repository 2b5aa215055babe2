import type { Meta } from '../meta.ts';
import { Stream, type Known, type Operator } from '../stream.ts';

/** `V` after a type guard for `W` said yes. */
export type Narrowed<V, W> = V extends W ? V : W extends V ? W : V & W;

/**
 * Keeps the records for which the predicate is true. A type guard (written, or inferred by TypeScript) narrows the stream;
 * a predicate of a wider type leaves the stream's type as it is. What it throws makes the record a dead letter.
 */
export function filter<V, K, W extends V>(predicate: (value: Known<V>, meta: Meta<Known<K>>) => value is W): Operator<V, K, W, K>;
export function filter<V extends P, K, P, W extends P>(predicate: (value: P, meta: Meta<Known<K>>) => value is W): Operator<V, K, Narrowed<V, W>, K>;
export function filter<V, K>(predicate: (value: Known<V>, meta: Meta<Known<K>>) => boolean): Operator<V, K, V, K>;
export function filter<V, K>(predicate: (value: V, meta: Meta<K>) => boolean): Operator<V, K, V, K> {
  return (stream) => new Stream({ kind: 'filter', parent: stream.node, predicate });
}
