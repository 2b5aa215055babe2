import type { Codec } from '../codecs.ts';
import type { Meta } from '../meta.ts';
import { Stream, type Known, type Operator } from '../stream.ts';

export interface ScanOptions<S, K> {
  /** How the state is written to its changelog; decides the state's type. */
  readonly state: Codec<S>;
  /** The state of a key that has none: a value, shared by all keys and never changed in place, or a function of the key. */
  readonly seed: NoInfer<S> | ((key: Known<K>) => NoInfer<S>);
}

/**
 * A state per key, durable and exactly once: the reducer gets the key's state and a value and returns the new state, which is
 * also what goes on, one for each record. It returns a new state rather than change the old one. `name` is the store's, and
 * its changelog is `<app>-<name>-changelog`. What the reducer throws makes the record a dead letter and leaves the state.
 */
export const scan = <V, K, S>(
  name: string,
  reducer: (state: Known<S>, value: V, meta: Meta<Known<K>>) => NoInfer<S>,
  options: ScanOptions<S, K>,
): Operator<V, K, S, K> =>
  (stream) => new Stream({ kind: 'scan', parent: stream.node, name, reducer, seed: options.seed, state: options.state });
