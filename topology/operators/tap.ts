import type { Meta } from '../meta.ts';
import { Stream, type Known, type Operator } from '../stream.ts';

/**
 * Calls a function for its effect and passes the record on as it is. For logs and counters: the effect is not part of the
 * transaction, so it happens again when a record is processed again. What it throws makes the record a dead letter.
 */
export const tap = <V, K>(effect: (value: Known<V>, meta: Meta<Known<K>>) => void): Operator<V, K, V, K> =>
  (stream) => new Stream({ kind: 'tap', parent: stream.node, effect });
