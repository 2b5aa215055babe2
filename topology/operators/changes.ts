import type { Change, ChangeSource, ChangeTransaction } from '../codecs.ts';
import { Stream, type Operator } from '../stream.ts';

interface Origin {
  readonly source: ChangeSource;
  readonly transaction: ChangeTransaction | null;
}

/** A change by its kind. `Old` is the old row's type: null unless the table has REPLICA IDENTITY FULL. */
export type RowChange<Row, Old = null> =
  | Origin & { readonly type: 'insert'; readonly row: Row; readonly before: null }
  | Origin & { readonly type: 'snapshot'; readonly row: Row; readonly before: null }
  | Origin & { readonly type: 'update'; readonly row: Row; readonly before: Old }
  | Origin & { readonly type: 'delete'; readonly row: null; readonly before: Old }
  | Origin & { readonly type: 'truncate'; readonly row: null; readonly before: null };

export interface ChangesOptions<F extends 'default' | 'full'> {
  /** Whether rows that a snapshot read count as changes (`type` 'snapshot'). */
  readonly snapshot: 'include' | 'exclude';
  /**
   * The table's REPLICA IDENTITY. Under 'default' (which is the default) `before` is always null: what Debezium sends there is not the old row. Under 'full' it is the old row, and
   * an update or delete without one is a dead letter.
   */
  readonly identity?: F;
}

/**
 * `Change<Row>` to `RowChange<Row>`: every insert, update, delete and truncate, by `type`. Tombstones are dropped and counted: the delete in front has said it (in the flattened shape
 * the tombstone is the delete). An update of the primary key is a 'delete' of the old key and an 'insert' of the new one. The record's key stays the one that Debezium gave.
 */
export const changes = <Row, K, F extends 'default' | 'full' = 'default'>(
  options: ChangesOptions<F>,
): Operator<Change<Row>, K, RowChange<Row, F extends 'full' ? Row : null>, K> =>
  (stream) => new Stream({ kind: 'changes', parent: stream.node, snapshot: options.snapshot, identity: options.identity ?? 'default' });
