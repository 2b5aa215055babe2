import type { Meta } from '../meta.ts';
import { Stream, type Known, type Lookup, type Operator, type Table } from '../stream.ts';

/**
 * Each record with the table's row of the same key, as `readonly [value, row]`; the row is null when there is none (and when
 * the key is null). The key is any field, nothing is re-partitioned; key and timestamp of the record stay.
 */
export const leftJoin = <V, K, T, TK extends Lookup>(table: Table<T, TK>, key: (value: Known<V>, meta: Meta<Known<K>>) => NoInfer<TK> | null): Operator<V, K, readonly [V, T | null], K> =>
  (stream) => new Stream({ kind: 'join', parent: stream.node, table: table.node, key, type: 'left' });
