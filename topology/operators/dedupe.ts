import { json, type Change } from '../codecs.ts';
import { Stream, type Operator } from '../stream.ts';

export interface DedupeOptions {
  /** Changes remembered per partition of the topic: longer replays are not noticed. Default 10,000. */
  readonly events?: number;
}

/** An entry of the store: a key's last position and its place in the ring, the key at a place, or the next place. */
const entries = json<readonly [lsn: string, order: number, place: number] | string | number>();

const defaultEvents = 10_000;

/**
 * Drops (and counts as `duplicate`) the changes that a connector sends again after a crash: those whose (lsn, order in the transaction) is not behind the last one of the same key.
 * For one key these only grow; between keys they do not, so nothing new is ever taken for a repetition. Rows that a snapshot read, and truncates, always pass.
 *
 * `name` is a durable store's: the positions of the last `events` changes per partition, changelog `<app>-<name>-changelog`. It stands in front of any `keyBy`: it goes by the key that
 * Debezium gave. A change without a position (flattened without `add.fields=lsn`), or without a key and without transaction metadata, is a dead letter. After the database was
 * replaced by one whose log begins lower, give the store another name.
 */
export const dedupe = <Row, K>(name: string, options: DedupeOptions = {}): Operator<Change<Row>, K, Change<Row>, K> =>
  (stream) => new Stream({ kind: 'dedupe', parent: stream.node, name, events: options.events ?? defaultEvents, state: entries });
