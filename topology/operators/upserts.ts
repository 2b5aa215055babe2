import type { Change } from '../codecs.ts';
import { Stream, type KeyOf, type Operator } from '../stream.ts';

/** What a change makes of the row with this key: there is one now, or none. */
export type Upsert<Row, Id> =
  | { readonly type: 'upsert'; readonly key: Id; readonly row: Row }
  | { readonly type: 'delete'; readonly key: Id; readonly row: null };

export interface UpsertsOptions<P> {
  /**
   * Column(s) of the key on the topic, several in its order: those of the primary key, or of the connector's `message.key.columns`. With other columns each change is a dead letter: under
   * REPLICA IDENTITY DEFAULT a delete tells only its key, and an update of such a column would leave the old row where it is.
   */
  readonly key: P;
}

/**
 * `Change<Row>` to `Upsert<Row, Id>`, for sinks that keep the latest row per key: inserts, updates and rows that a snapshot read are upserts, deletes are deletes. An update of the
 * primary key is a delete of the old key and an upsert of the new one. Tombstones are dropped and counted: the delete in front has said it (in the flattened shape the tombstone is
 * the delete). A truncate names no row: it is a dead letter. The same change twice gives the same row, so duplicates do no harm in such a sink.
 */
export const upserts = <Row, K, const P extends (keyof Row & string) | readonly (keyof Row & string)[]>(
  options: UpsertsOptions<P>,
): Operator<Change<Row>, K, Upsert<Row, KeyOf<Row, P>>, K> =>
  (stream) => new Stream({ kind: 'upserts', parent: stream.node, key: typeof options.key === 'string' ? options.key : Object.freeze([...options.key]) });
