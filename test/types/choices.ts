import { changes, debezium, dedupe, inserts, keyBy, map, schema, stream, table, upserts, type Change, type DebeziumCodec, type Decimal, type RowChange, type Stream, type Table, type TimeUnits, type Upsert } from 'millrace/topology';
import { sameType } from './expect.ts';

interface Order {
  readonly id: bigint;
  readonly total: Decimal | null;
  readonly placed: TimeUnits<bigint>;
  readonly day: TimeUnits<number> | null;
  readonly note: string;
  readonly tags: readonly (Decimal | null)[];
  readonly bytes: Uint8Array;
}
const order = schema<Order>({ type: 'record', name: 'Order', fields: [] });

/** Plain values fit without a word; what is read can be used as what it is. */
const row: Order = { id: 1n, total: '12.50', placed: 5n, day: 3, note: '', tags: ['1.0', null], bytes: new Uint8Array() };
const text: string = row.total ?? '';
const later: bigint = row.placed + 1n;
void [text, later];

const exact = () => debezium(order);
sameType<ReturnType<typeof exact>, DebeziumCodec<Order>>(true);

interface OrderOfNumbers {
  readonly id: number;
  readonly total: number | null;
  readonly placed: string;
  readonly day: string | null;
  readonly note: string;
  readonly tags: readonly (number | null)[];
  readonly bytes: Uint8Array;
}
const chosen = () => debezium(order, { int64: 'number', decimal: 'number', time: 'text', timestamp: (read) => Date.parse(read.placed) });
const asChosen: DebeziumCodec<OrderOfNumbers> = chosen();
void asChosen;
debezium(order, { decimal: 'number', timestamp: (read) => (read.total ?? 0) * 2 });
// @ts-expect-error without the choice a decimal is text
debezium(order, { timestamp: (read) => (read.total ?? 0) * 2 });
// @ts-expect-error there is no such choice
debezium(order, { decimal: 'float' });
// @ts-expect-error nor such a shape
debezium(order, { shape: 'flat' });

const orders = stream('orders', debezium(order));
const kept = orders.pipe(dedupe('seen'));
sameType<typeof kept, Stream<Change<Order>, unknown>>(true);
const inserted = orders.pipe(dedupe('seen', { events: 10 }), inserts({ snapshot: 'include' }));
sameType<typeof inserted, Stream<Order, unknown>>(true);

const told = orders.pipe(changes({ snapshot: 'include' }));
sameType<typeof told, Stream<RowChange<Order>, unknown>>(true);
const withOld = orders.pipe(changes({ snapshot: 'exclude', identity: 'full' }));
sameType<typeof withOld, Stream<RowChange<Order, Order>, unknown>>(true);
withOld.pipe(map((change) => (change.type === 'update' ? change.row.id - change.before.id : 0n)));
// @ts-expect-error without REPLICA IDENTITY FULL there is no old row
told.pipe(map((change) => (change.type === 'update' ? change.row.id - change.before.id : 0n)));
// @ts-expect-error whether a snapshot's rows count has to be said
orders.pipe(changes({}));

const latest = orders.pipe(upserts({ key: 'id' }));
sameType<typeof latest, Stream<Upsert<Order, bigint>, unknown>>(true);
const byTwo = orders.pipe(upserts({ key: ['note', 'id'] }));
sameType<typeof byTwo, Stream<Upsert<Order, readonly [string, bigint]>, unknown>>(true);
latest.pipe(keyBy((upsert) => String(upsert.key)), map((upsert) => (upsert.type === 'delete' ? null : upsert.row.note)));
// @ts-expect-error a key is a column of the row
orders.pipe(upserts({ key: 'ident' }));
// @ts-expect-error rows are no changes
inserted.pipe(upserts({ key: 'id' }));
// @ts-expect-error rows are no changes
inserted.pipe(dedupe('again'));

const byDay = table('orders', debezium(order, { time: 'text' }), { key: 'day' });
const asText: Table<Omit<Order, 'placed' | 'day'> & { readonly placed: string; readonly day: string | null }, string | null> = byDay;
void asText;
