import type { Codec } from '../codecs.ts';
import type { Key, Meta } from '../meta.ts';
import type { AnyFunction, KeyByNode } from '../node.ts';
import { Stream, type Known, type Operator } from '../stream.ts';

interface Hint<Text extends string> {
  readonly hint: Text;
}

/** `L` where it can stand on a topic, a hint that no value has where it cannot. */
type AsKey<L> = L extends bigint
  ? Hint<'a bigint key is made text: String(id)'>
  : L extends Exclude<Key, object>
    ? L
    : L extends Date | Uint8Array | undefined | symbol | ((...args: never) => unknown)
      ? Hint<'a key is text, a number, a boolean, null, or an array or object of them'>
      : { readonly [P in keyof L]: AsKey<L[P]> };

/** Anything; that it names a tuple makes TypeScript read a returned `[a, b]` as one. */
type Shape = NonNullable<unknown> | null | undefined | readonly [unknown];

export interface KeyByOptions<V> {
  /** How values stand on the repartition topic. Default: the internal encoding, which carries bigint, Date and bytes too. */
  readonly codec?: Codec<V>;
}

/**
 * Gives each record the key that the function returns; value and timestamp stay. Followed by a stateful step it writes the
 * records to a repartition topic, and then needs a name: `<app>-<name>-repartition`.
 *
 * A key is text, a number, a boolean, null, or an array or object of them; a bigint is made text: `String(id)`.
 */
export function keyBy<V, K, L extends Shape>(key: (value: Known<V>, meta: Meta<Known<K>>) => L & AsKey<L>): Operator<V, K, V, L>;
export function keyBy<V, K, L extends Shape>(name: string, key: (value: Known<V>, meta: Meta<Known<K>>) => L & AsKey<L>, options?: KeyByOptions<NoInfer<V>>): Operator<V, K, V, L>;
export function keyBy(first: string | AnyFunction, second?: AnyFunction, options: KeyByOptions<unknown> = {}): Operator<unknown, unknown, unknown, never> {
  const given: Pick<KeyByNode, 'name' | 'key'> = typeof first === 'string' ? { name: first, key: second! } : { name: null, key: first };
  return (stream) => new Stream({ kind: 'keyBy', parent: stream.node, ...given, codec: options.codec ?? null });
}
