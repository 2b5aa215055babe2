import type { OperatorFunction } from 'rxjs';
import { Stream, type Operator } from '../stream.ts';

/**
 * RxJS's own operators, run on each record's value as a stream of one: `rx(switchMap(lookup), timeout(500), retry(2))`. Ordered, and with
 * the commit rule and the errors of `concatMap`. Operators see one record: those that need several (`bufferTime`, `scan`) see no others.
 */
export function rx<V, K, A>(a: OperatorFunction<V, A>): Operator<V, K, A, K>;
export function rx<V, K, A, B>(a: OperatorFunction<V, A>, b: OperatorFunction<A, B>): Operator<V, K, B, K>;
export function rx<V, K, A, B, C>(a: OperatorFunction<V, A>, b: OperatorFunction<A, B>, c: OperatorFunction<B, C>): Operator<V, K, C, K>;
export function rx<V, K, A, B, C, D>(
  a: OperatorFunction<V, A>, b: OperatorFunction<A, B>, c: OperatorFunction<B, C>, d: OperatorFunction<C, D>,
): Operator<V, K, D, K>;
export function rx<V, K, A, B, C, D, E>(
  a: OperatorFunction<V, A>, b: OperatorFunction<A, B>, c: OperatorFunction<B, C>, d: OperatorFunction<C, D>, e: OperatorFunction<D, E>,
): Operator<V, K, E, K>;
export function rx<V, K, A, B, C, D, E, F>(
  a: OperatorFunction<V, A>, b: OperatorFunction<A, B>, c: OperatorFunction<B, C>, d: OperatorFunction<C, D>, e: OperatorFunction<D, E>, f: OperatorFunction<E, F>,
): Operator<V, K, F, K>;
export function rx(...operators: readonly OperatorFunction<never, unknown>[]): Operator<unknown, unknown, unknown, unknown> {
  return (stream) => new Stream({ kind: 'inner', operator: 'rx', parent: stream.node, project: null, operators, concurrency: 1 });
}
