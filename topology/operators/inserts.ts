import type { Change } from '../codecs.ts';
import { Stream, type Operator } from '../stream.ts';

export interface InsertsOptions {
  /** Whether rows that a snapshot read (`op` r, the first snapshot's and an incremental one's) count as inserted. */
  readonly snapshot: 'include' | 'exclude';
}

/**
 * `Change<Row>` to `Row`: the row of each insert. Updates, deletes, truncates and tombstones are dropped and counted. An update of the primary key counts as an insert: Debezium
 * sends it as a delete of the old key and a create of the new one. Only a stream of changes has it.
 */
export const inserts = <Row, K>(options: InsertsOptions): Operator<Change<Row>, K, Row, K> =>
  (stream) => new Stream({ kind: 'inserts', parent: stream.node, snapshot: options.snapshot });
