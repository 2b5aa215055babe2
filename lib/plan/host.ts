/** What a compiled stage asks of the engine that runs it. */
import type { Meta } from '../../topology/meta.ts';
import type { InnerNode, Node, StatefulNode, TableNode } from '../../topology/node.ts';

/** The record under way. Its key can be replaced for the steps behind a `keyBy` and put back for their siblings. */
export interface StageMeta extends Meta<unknown> {
  /** Sets another key and returns what `restoreKey` takes. */
  swapKey(key: unknown): unknown;
  restoreKey(saved: unknown): void;
}

export interface StateAccess {
  get(key: string): unknown;
  put(key: string, value: unknown): void;
  delete(key: string): void;
}

export interface TableAccess {
  get(key: unknown): unknown;
}

/** What a compiled stage calls back. */
export interface StageHost {
  readonly meta: StageMeta;
  /** The node that runs now. */
  at: Node | null;
  /** A value leaves through `stage.outputs[index]`. */
  output(index: number, value: unknown): void;
  /** A value leaves through the outside sink. */
  sink(value: unknown): void;
  drop(reason: string): void;
  /** Runs an inner stream of the record under way and hands what it emits to `next`, now or when it has completed. */
  inner(node: InnerNode, value: unknown, next: (value: unknown) => void): void;
  store(node: StatefulNode): StateAccess;
  table(node: TableNode): TableAccess;
}
