import { Stream, type Operator } from '../stream.ts';

type AnyStream = Stream<unknown, unknown>;
type Some<S> = readonly [S, ...S[]];
type ValueOf<S> = S extends Stream<infer V, unknown> ? V : never;
type KeyOf<S> = S extends Stream<unknown, infer K> ? K : never;
type Merged<V, K, S extends readonly AnyStream[]> = Operator<V, K, V | ValueOf<S[number]>, K | KeyOf<S[number]>>;

/**
 * The records of this stream and of the others, as they come: order holds within each stream, not between them. A name is
 * needed when the streams come from several topics: it names the stage that reads them.
 */
export function merge<V, K, S extends Some<AnyStream>>(...others: S): Merged<V, K, S>;
export function merge<V, K, S extends Some<AnyStream>>(name: string, ...others: S): Merged<V, K, S>;
export function merge(...args: readonly (AnyStream | string)[]): Operator<unknown, unknown, unknown, unknown> {
  const others = args.filter((arg) => typeof arg !== 'string');
  const name = typeof args[0] === 'string' ? args[0] : null;
  return (stream) => new Stream({ kind: 'merge', parents: Object.freeze([stream, ...others].map((each) => each.node)), name });
}
