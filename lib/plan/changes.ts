/** The steps that take Debezium's changes: what each does with each kind of change is a table in docs/CHANGES.md. */
import type { Change } from '../../topology/codecs.ts';
import type { ChangesNode, DedupeNode, InsertsNode, StreamNode, UpsertsNode } from '../../topology/node.ts';
import { DeadLetterError } from '../core/errors.ts';
import { encodeInternal } from '../serde/internal.ts';
import { foreignKey, isKeyOf, KEY_HINT } from '../serde/message-key.ts';
import type { StageHost } from './host.ts';

type Row = Readonly<Record<string, unknown>>;
type Next = (value: unknown) => void;

const DROPPED: Readonly<Record<string, string>> = { u: 'update', d: 'delete', r: 'snapshot', t: 'truncate' };

export const inserts = ({ snapshot }: InsertsNode, host: StageHost, next: Next) => (value: unknown): void => {
  const change = value as Change<unknown>;
  if (change.after !== null && (change.op === 'c' || (change.op === 'r' && snapshot === 'include'))) next(change.after);
  else host.drop(DROPPED[change.op] ?? 'no-row');
};

const TYPES = { c: 'insert', r: 'snapshot', u: 'update', d: 'delete', t: 'truncate' } as const;

export const changes = (node: ChangesNode, host: StageHost, next: Next) => (value: unknown): void => {
  const { op, before, after, source, transaction } = value as Change<unknown>;
  host.at = node;
  if (op === 'r' && node.snapshot === 'exclude') {
    host.drop('snapshot');
    return;
  }
  const hasOld = node.identity === 'full' && (op === 'u' || op === 'd');
  if (hasOld && before === null) throw new DeadLetterError("the change has no old row: the table's REPLICA IDENTITY is not FULL");
  next({ type: TYPES[op], row: after, before: hasOld ? before : null, source, transaction });
};

const keyOfRow = (columns: string | readonly string[]): ((row: Row) => unknown) =>
  typeof columns === 'string' ? (row) => row[columns] : (row) => columns.map((column) => row[column]);

const KEEPS_RECORDS: ReadonlySet<StreamNode['kind']> = new Set(['filter', 'tap', 'validate', 'dedupe', 'branch', 'arm']);

/** Whether records come here from their topic with row and key as they were there. */
const asCaptured = (node: StreamNode): boolean => node.kind === 'source' || (KEEPS_RECORDS.has(node.kind) && 'parent' in node && asCaptured(node.parent));

/** By columns that are not those of the record's key an update would leave the old row where it is, and a delete's key would come from a `before` that has the key alone. */
const rowKey = (node: UpsertsNode, host: StageHost): ((row: Row) => unknown) => {
  const keyOf = keyOfRow(node.key);
  if (!asCaptured(node.parent)) return keyOf;
  return (row) => {
    const key = keyOf(row);
    if (!isKeyOf(host.meta.key, key)) throw new DeadLetterError(foreignKey(node.key), { hint: KEY_HINT });
    return key;
  };
};

export const upserts = (node: UpsertsNode, host: StageHost, next: Next) => {
  const keyOf = rowKey(node, host);
  return (value: unknown): void => {
    const { op, before, after } = value as Change<Row>;
    host.at = node;
    if (op === 't') throw new DeadLetterError('a truncate names no row, so it cannot be told as upserts', { hint: 'The rows that were there have to be removed from the sink by other means' });
    if (op === 'd') next({ type: 'delete', key: before === null ? host.meta.key : keyOf(before), row: null });
    else if (after !== null) next({ type: 'upsert', key: keyOf(after), row: after });
    else host.drop('no-row');
  };
};

type Entry = readonly [lsn: string, order: number, place: number];

const PLACE_TO_GO_ON = 'next';

/**
 * The store is a ring of the last changes' keys beside the last position of each of them. All changes of one key come in the order of their lsn, because PostgreSQL locks the row until its
 * transaction has ended; those of different keys do not, as a long transaction's changes come after those of a shorter one that began later.
 */
export const dedupe = (node: DedupeNode, host: StageHost, next: Next) => {
  const store = host.store(node);
  const remember = (name: string, lsn: bigint, order: number): void => {
    const place = (store.get(PLACE_TO_GO_ON) as number | undefined) ?? 0;
    const at = `place/${place}`;
    const old = store.get(at) as string | undefined;
    // A key that changed again since has another place by now.
    if (old !== undefined && old !== name && (store.get(old) as Entry | undefined)?.[2] === place) store.delete(old);
    store.put(at, name);
    store.put(name, [String(lsn), order, place] satisfies Entry);
    store.put(PLACE_TO_GO_ON, (place + 1) % node.events);
  };
  return (value: unknown): void => {
    const { op, before, source: { lsn }, transaction } = value as Change<unknown>;
    host.at = node;
    // A flattened topic's tombstone says nothing but its key.
    const bare = op === 'd' && before === null && lsn === null;
    if (op === 'r' || op === 't' || bare) {
      next(value);
      return;
    }
    if (lsn === null) throw new DeadLetterError('the change has no lsn to tell a repetition by', { hint: 'On a flattened topic set add.fields=op,lsn' });
    const { key, topic } = host.meta;
    if (key === null && transaction === null) throw new DeadLetterError('the change has neither a key nor transaction metadata to tell a repetition by', { hint: 'Set provide.transaction.metadata=true on the connector' });
    const name = `key/${topic}/${encodeInternal(key === null ? [transaction!.id, transaction!.totalOrder] : key)}`;
    const order = transaction?.totalOrder ?? 0;
    const last = store.get(name) as Entry | undefined;
    if (last !== undefined && (lsn < BigInt(last[0]) || (lsn === BigInt(last[0]) && order <= last[1]))) {
      host.drop('duplicate');
      return;
    }
    remember(name, lsn, order);
    next(value);
  };
};
