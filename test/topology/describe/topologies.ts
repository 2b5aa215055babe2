/** Topologies to draw; what they look like stands in the tests, written by hand. */
import {
  avro, bigquery, branch, debezium, env, filter, http, inserts, json, kafka, keyBy, leftJoin, map, merge, otherwise, redis, scan, schema, secret, stream, table, through, to,
  topology, validate,
} from 'millrace/topology';

interface Row { readonly id: string; readonly kind: string }
const row = schema<Row>({ type: 'record', name: 'Row', fields: [] });
const idOf = (value: Row): string => value.id;
const isFinal = (value: Row): boolean => value.kind === 'final';
const paid = (value: Row): boolean => value.kind !== '';
const withName = ([value, known]: readonly [Row, Row | null]): Row => ({ id: value.id, kind: known?.kind ?? '' });
const count = (n: number): number => n + 1;
const intoHash = redis.hash({ key: 'k', fields: () => ({}) });

/** Every kind of step. */
export const orders = (() => {
  const customers = table('app.customers', debezium(row), { key: 'id' });
  const clean = stream('app.orders', debezium(row)).pipe(
    inserts({ snapshot: 'include' }),
    validate({ paid, final: isFinal }),
    leftJoin(customers, idOf),
    map(withName),
    keyBy(idOf),
    through('orders.clean', avro(row), { retention: '7d' }),
  );
  const { final, rest } = clean.pipe(branch({ final: isFinal, rest: otherwise }));
  return topology('orders',
    clean.pipe(keyBy('by-kind', (value) => value.kind), scan('per-kind', count, { state: json<number>(), seed: 0 }), to('counts', intoHash)),
    rest.pipe(filter((value) => value.id !== ''), to('others', kafka('orders.others', json<Row>()))),
    final.pipe(to('warehouse', bigquery({ table: 'sales.orders', columns: { id: 'STRING' }, row: ({ id }) => ({ id }), id: idOf }))),
    final.pipe(to('partner', http({ url: env('PARTNER_URL', 'http://127.0.0.1'), token: secret('TOKEN'), body: idOf, idempotencyKey: idOf }), { batch: { records: 10 } })),
  );
})();

/** Two sources that meet twice, once without a name. */
export const meeting = (() => {
  const left = stream('left', json<Row>());
  const right = stream('right', json<Row>());
  const both = left.pipe(merge(right));
  return topology('meeting',
    both.pipe(to('all', intoHash)),
    left.pipe(filter(isFinal), merge('finals', right.pipe(filter(isFinal))), to('finals', http({ url: 'https://user:password@example.org/finals?key=abc', method: 'PUT', body: idOf, idempotencyKey: idOf }))),
  );
})();
