import type { Meta } from '../meta.ts';
import type { AnyFunction, BranchNode } from '../node.ts';
import { Stream } from '../stream.ts';
import type { Narrowed } from './filter.ts';

/** The arm of a `branch` that takes what no other arm took. */
export const otherwise: unique symbol = Symbol('otherwise');

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- a predicate's type must fit its parameter's, which only `any` lets `infer` do
type Guarded<F> = F extends (value: any, meta: never) => value is infer W ? W : never;
type Arm<V, B, F> = F extends typeof otherwise
  ? Exclude<V, Guarded<B[keyof B]>>
  : [Guarded<F>] extends [never] ? V : Narrowed<V, Guarded<F>>;

/** One stream per name, narrowed by its predicate. */
export type Branches<V, K, B> = { readonly [Name in keyof B]: Stream<Arm<V, B, B[Name]>, K> };

/**
 * Splits a stream by predicates: each record goes to the first arm, in the order written, whose predicate is true; `otherwise`
 * takes the rest, and without it the rest is dropped and counted. Ends the pipe: gives a stream per name. A type guard narrows
 * its arm and is excluded from `otherwise`. What a predicate throws makes the record a dead letter.
 */
export const branch = <V, K, B extends Readonly<Record<string, ((value: V, meta: Meta<K>) => boolean) | typeof otherwise>>>(branches: B): ((stream: Stream<V, K>) => Branches<V, K, B>) =>
  (stream) => {
    const predicates = Object.entries(branches).map(([name, predicate]): [string, AnyFunction | null] => [name, predicate === otherwise ? null : predicate]);
    const node: BranchNode = Object.freeze({ kind: 'branch', parent: stream.node, branches: Object.freeze(Object.fromEntries(predicates)) });
    return Object.freeze(Object.fromEntries(predicates.map(([name]) => [name, new Stream({ kind: 'arm', parent: node, name })]))) as Branches<V, K, B>;
  };
