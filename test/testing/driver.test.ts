import { expect } from 'chai';
import { describe, it } from 'mocha';
import {
  avro, branch, debezium, inserts, join, json, keyBy, leftJoin, map, otherwise, scan, schema, stream, table, tap, through, to, topology, validate,
} from '../../topology/index.ts';
import { http } from '../../topology/sinks/http.ts';
import { kafka } from '../../topology/sinks/kafka.ts';
import { redis } from '../../topology/sinks/redis.ts';
import { drive } from '../../lib/testing/index.ts';

interface Order {
  readonly id: number;
  readonly customer: string;
  readonly cents: number;
  readonly at: number;
}
interface Customer {
  readonly id: string;
  readonly country: string;
}

const customerRow = schema<Customer>({ type: 'record', name: 'Customer', fields: [{ name: 'id', type: 'string' }, { name: 'country', type: 'string' }] });
const orderRow = schema<Order>({
  type: 'record', name: 'Order', fields: [{ name: 'id', type: 'long' }, { name: 'customer', type: 'string' }, { name: 'cents', type: 'long' }, { name: 'at', type: 'long' }],
});
interface Total {
  readonly customer: string;
  readonly cents: bigint;
}
const totalRow = schema<Total>({ type: 'record', name: 'Total', fields: [{ name: 'customer', type: 'string' }, { name: 'cents', type: 'long' }] });

const orders = stream('shop.public.orders', debezium(orderRow, { int64: 'number', timestamp: (o) => o.at }));
const customers = table('shop.public.customers', debezium(customerRow), { key: 'id' });
const order = (id: number, fields: Partial<Order> = {}): Order => ({ id, customer: 'ada', cents: 100, at: 1_700_000_000_000, ...fields });

describe('drive', () => {
  it('joins with the table as it stands when the record comes', () => {
    const topo = topology('shop', orders.pipe(inserts({ snapshot: 'include' }), leftJoin(customers, (o) => o.customer), map(([o, c]) => ({ id: o.id, country: c?.country ?? null })), to('out', kafka('shop.out', json<{ id: number; country: string | null }>()))));
    const driver = drive(topo);
    const input = driver.input(orders);
    input.insert(order(1));
    driver.table(customers).put({ id: 'ada', country: 'DE' });
    input.insert(order(2));
    driver.table(customers).put({ id: 'ada', country: 'FR' });
    input.insert(order(3));
    driver.table(customers).delete('ada');
    input.insert(order(4));
    expect(driver.topic('shop.out').map((r) => r.value)).to.deep.equal([
      { id: 1, country: null }, { id: 2, country: 'DE' }, { id: 3, country: 'FR' }, { id: 4, country: null },
    ]);
  });

  it('drops and counts what an inner join does not find, and changes that are no inserts', () => {
    const topo = topology('shop', orders.pipe(inserts({ snapshot: 'exclude' }), join(customers, (o) => o.customer), map(([o]) => o.id), to('out', kafka('shop.out', json<number>()))));
    const driver = drive(topo);
    const input = driver.input(orders);
    input.insert(order(1));
    input.update(order(1));
    input.delete(order(1));
    input.snapshot(order(2));
    expect(driver.topic('shop.out')).to.deep.equal([]);
    expect(driver.dropped()).to.deep.equal({ 'no-match': 1, update: 1, delete: 1, snapshot: 1 });
  });

  it('sends each record down the first arm that takes it', () => {
    const arms = orders.pipe(inserts({ snapshot: 'include' }), branch({ large: (o) => o.cents >= 1_000, cheap: (o) => o.cents < 10, rest: otherwise }));
    const toTopic = (name: string) => to<Order, unknown>(name, kafka(`shop.${name}`, json<Order>()));
    const driver = drive(topology('shop', arms.large.pipe(toTopic('large')), arms.cheap.pipe(toTopic('cheap')), arms.rest.pipe(toTopic('rest'))));
    for (const [id, cents] of [[1, 5], [2, 1_000], [3, 10], [4, 999], [5, 9]] as const) driver.input(orders).insert(order(id, { cents }));
    const ids = (name: string): number[] => driver.topic(`shop.${name}`).map((r) => (r.value as Order).id);
    expect([ids('large'), ids('cheap'), ids('rest')]).to.deep.equal([[2], [1, 5], [3, 4]]);
  });

  it('keeps totals by key through a repartition topic and an Avro topic, without a registry', () => {
    const totals = orders.pipe(
      inserts({ snapshot: 'include' }),
      keyBy('by-customer', (o) => o.customer),
      scan('totals', (total, o) => ({ customer: o.customer, cents: total.cents + BigInt(o.cents) }), { state: avro(totalRow), seed: (customer) => ({ customer, cents: 0n }) }),
      through('shop.totals', avro(totalRow)),
    );
    const driver = drive(topology('shop', totals.pipe(to('board', redis.hash({ key: (t) => `total:${t.customer}`, fields: (t) => ({ cents: t.cents }) })))));
    for (const [id, customer, cents] of [[1, 'ada', 250], [2, 'bob', 100], [3, 'ada', 50]] as const) driver.input(orders).insert(order(id, { customer, cents }));
    expect([...driver.store('totals')]).to.deep.equal([['ada', { customer: 'ada', cents: 300n }], ['bob', { customer: 'bob', cents: 100n }]]);
    expect(driver.topic('shop.totals').map((r) => [r.key, r.value])).to.deep.equal([
      ['ada', { customer: 'ada', cents: 250n }], ['bob', { customer: 'bob', cents: 100n }], ['ada', { customer: 'ada', cents: 300n }],
    ]);
    expect(driver.topic('shop-by-customer-repartition').map((r) => r.key)).to.deep.equal(['ada', 'bob', 'ada']);
    expect(driver.sink('board').map((r) => r.write)).to.deep.equal([
      { type: 'hash', key: 'total:ada', fields: { cents: 250n }, expireSeconds: null },
      { type: 'hash', key: 'total:bob', fields: { cents: 100n }, expireSeconds: null },
      { type: 'hash', key: 'total:ada', fields: { cents: 300n }, expireSeconds: null },
    ]);
  });

  it('makes dead letters of broken rules, thrown errors and values that do not fit, and goes on', () => {
    const strict = orders.pipe(
      inserts({ snapshot: 'include' }),
      validate({ positive: (o) => o.cents > 0, known: (o) => o.customer !== 'nobody' }),
      map((o) => {
        if (o.id === 13) throw new TypeError('unlucky');
        return { customer: o.customer, cents: o.id === 14 ? (null as unknown as bigint) : BigInt(o.cents) };
      }),
      through('shop.strict', avro(totalRow)),
    );
    const driver = drive(topology('shop', strict.pipe(to('out', redis.hash({ key: 'k', fields: () => ({ a: 1 }) })))));
    const input = driver.input(orders);
    input.insert(order(11, { cents: -1 }));
    input.insert(order(12, { customer: 'nobody' }));
    input.insert(order(13));
    input.insert(order(14));
    input.insert(order(15));
    expect(driver.deadLetters().map(({ stage, topic, offset, rule, error }) => [stage, topic, offset, rule, error.name])).to.deep.equal([
      ['shop.public.orders', 'shop.public.orders', 0, 'positive', 'DeadLetterError'],
      ['shop.public.orders', 'shop.public.orders', 1, 'known', 'DeadLetterError'],
      ['shop.public.orders', 'shop.public.orders', 2, null, 'TypeError'],
      ['shop.public.orders', 'shop.public.orders', 3, null, 'DeadLetterError'],
    ]);
    expect(driver.deadLetters()[2]?.node).to.match(/validate\(positive, known\) > map$/);
    expect(driver.topic('shop.strict')).to.have.length(1);
  });

  it('takes back what a record had done before it failed', () => {
    const counted = orders.pipe(
      inserts({ snapshot: 'include' }),
      keyBy('by-customer', (o) => o.customer),
      scan('count', (n) => n + 1, { state: json<number>(), seed: 0 }),
      tap((n) => {
        if (n === 2) throw new Error('two');
      }),
    );
    const driver = drive(topology('shop', counted.pipe(to('out', kafka('shop.out', json<number>())))));
    for (const id of [1, 2, 3]) driver.input(orders).insert(order(id));
    expect(driver.store('count').get('ada')).to.equal(1);
    expect(driver.topic('shop.out').map((r) => r.value)).to.deep.equal([1]);
    expect(driver.deadLetters()).to.have.length(2);
  });

  it('gives event time from the row and processing time from its own clock', () => {
    const times: [number, number][] = [];
    const topo = topology('shop', orders.pipe(inserts({ snapshot: 'include' }), tap((_, meta) => void times.push([meta.timestamp, meta.now])), map((o) => o.id), to('out', kafka('shop.out', json<number>()))));
    const driver = drive(topo, { nowMs: 5_000 });
    driver.input(orders).insert(order(1, { at: 111 }));
    driver.advance(250);
    driver.input(orders).insert(order(2, { at: 222 }));
    expect(driver.now()).to.equal(5_250);
    expect(times).to.deep.equal([[111, 5_000], [222, 5_250]]);
    expect(driver.topic('shop.out').map((r) => r.timestamp)).to.deep.equal([111, 222]);
  });

  it('takes plain values with a key and a time', () => {
    const clicks = stream('clicks', json<{ readonly page: string }>());
    const driver = drive(topology('web', clicks.pipe(map((c, meta) => `${String(meta.key)} ${c.page}`), to('out', kafka('seen', json<string>())))), { nowMs: 7 });
    driver.input(clicks).send({ page: '/' }, { key: 'u1', timestamp: 3 });
    driver.input(clicks).send({ page: '/a' });
    expect(driver.topic('seen').map((r) => [r.key, r.value, r.timestamp])).to.deep.equal([['u1', 'u1 /', 3], [null, 'null /a', 7]]);
  });

  it('makes a dead letter of a key that is undefined', () => {
    const driver = drive(topology('shop', orders.pipe(inserts({ snapshot: 'include' }), keyBy((o) => (o as Partial<Order>).customer ?? (undefined as unknown as string)), to('calls', http({ url: 'http://127.0.0.1:1/', body: (o) => o, idempotencyKey: (o) => o.id })))));
    driver.input(orders).insert(order(1, { customer: undefined as unknown as string }));
    driver.input(orders).insert(order(2));
    expect(driver.deadLetters().map((d) => [d.offset, d.error.message.slice(0, 20)])).to.deep.equal([[0, 'the key is undefined']]);
    expect(driver.sink('calls').map((r) => r.write)).to.deep.equal([{ idempotencyKey: '2', body: order(2) }]);
  });

  it('shows a reducer that changes its state in place', () => {
    interface Basket {
      readonly ids: number[];
    }
    const impure = orders.pipe(inserts({ snapshot: 'include' }), keyBy('by-customer', (o) => o.customer), scan('basket', (basket: Basket, o) => {
      basket.ids.push(o.id);
      return basket;
    }, { state: json<Basket>(), seed: { ids: [] } }), map((b) => b.ids.length));
    const driver = drive(topology('shop', impure.pipe(to('out', kafka('shop.out', json<number>())))));
    for (const id of [1, 2]) driver.input(orders).insert(order(id));
    expect(driver.deadLetters().map((d) => [d.offset, d.error.name])).to.deep.equal([[1, 'TypeError']]);
  });

  it('shows a step that changes a state which has been handed on', () => {
    interface Basket {
      ids: readonly number[];
    }
    const impure = orders.pipe(
      inserts({ snapshot: 'include' }), keyBy('by-customer', (o) => o.customer),
      scan('basket', (basket: Basket, o): Basket => ({ ids: [...basket.ids, o.id] }), { state: json<Basket>(), seed: { ids: [] } }),
      map((b) => {
        b.ids = [];
        return 0;
      }),
    );
    const driver = drive(topology('shop', impure.pipe(to('out', kafka('shop.out', json<number>())))));
    driver.input(orders).insert(order(1));
    expect(driver.deadLetters().map((d) => d.error.name)).to.deep.equal(['TypeError']);
  });

  it('makes a dead letter of a state that its codec cannot carry', () => {
    const totals = orders.pipe(
      inserts({ snapshot: 'include' }), keyBy('by-customer', (o) => o.customer),
      scan('totals', (total, o) => ({ customer: o.customer, cents: o.id === 2 ? (1.5 as unknown as bigint) : total.cents + 1n }), { state: avro(totalRow), seed: (customer) => ({ customer, cents: 0n }) }),
      map((t) => Number(t.cents)),
    );
    const driver = drive(topology('shop', totals.pipe(to('out', kafka('shop.out', json<number>())))));
    for (const id of [1, 2, 3]) driver.input(orders).insert(order(id));
    expect(driver.topic('shop.out').map((r) => r.value)).to.deep.equal([1, 2]);
    expect(driver.deadLetters().map((d) => d.offset)).to.deep.equal([1]);
  });

  it('names what there is when asked for a sink or store that is not', () => {
    const driver = drive(topology('shop', orders.pipe(inserts({ snapshot: 'include' }), to('board', redis.hash({ key: 'k', fields: () => ({}) })))));
    expect(() => driver.sink('bord')).to.throw("no outside sink is called 'bord'. There are: board");
    expect(() => driver.store('x')).to.throw("no store is called 'x'");
  });
});
