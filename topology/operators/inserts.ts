import type { Change } from '../codecs.ts';
import { Stream, type Operator } from '../stream.ts';

export interface InsertsOptions {
  /** Whether rows that a snapshot read (`op` r) count as inserted. */
  readonly snapshot: 'include' | 'exclude';
}

/**
 * `Change<Row>` to `Row`: the row of each insert. Updates, deletes, truncates and tombstones are dropped and counted. Only a
 * stream of changes has it.
 */
export const inserts = <Row, K>(options: InsertsOptions): Operator<Change<Row>, K, Row, K> =>
  (stream) => new Stream({ kind: 'inserts', parent: stream.node, snapshot: options.snapshot });
