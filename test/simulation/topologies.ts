import { avro, bigquery, concatMap, http, json, kafka, keyBy, leftJoin, map, merge, mergeMap, redis, scan, schema, stream, table, through, to, topology, validate, type Topology } from 'millrace/topology';
import engagement from '../../examples/engagement/topology.ts';
import type { Random } from '../../lib/testing/random.ts';
import type { SimulatedRecord, SimulateOptions } from '../../lib/testing/simulate.ts';

/** A topology with a generator of its input. */
export interface Simulated extends Omit<SimulateOptions, 'seed'> {
  readonly topology: Topology;
}

interface Order {
  readonly id: number;
  readonly user: string;
  readonly product: string;
  readonly amount: number;
}

interface Product {
  readonly id: string;
  readonly price: number;
}

interface Total {
  readonly count: number;
  readonly amount: number;
  readonly last: number;
}

const users = ['ann', 'bob', 'cyd', 'dan', 'eve', '42', ''];
const productIds = ['p1', 'p2', 'p3', 'p4'];

const poison = Buffer.from('{"id":', 'utf8');

const order = (random: Random, id: number): Order => ({ id, user: random.pick(users), product: random.pick(productIds), amount: random.below(100) });

const add = (total: Total, { id, amount }: Order): Total => ({ count: total.count + 1, amount: total.amount + amount, last: id });

const none: Total = { count: 0, amount: 0, last: -1 };

/** Events joined with a table that every worker has whole; prices change while orders come. */
export const joined: Simulated = (() => {
  const orders = stream('orders', json<Order>());
  const products = table('products', json<Product>(), { key: 'id' });
  return {
    topology: topology('joined',
      orders.pipe(
        leftJoin(products, ({ product }) => product),
        map(([{ id, amount }, product]) => ({ id, paid: product === null ? null : product.price * amount })),
        to('paid', kafka('paid', json<{ id: number; paid: number | null }>(), { partitions: 2 })),
      )),
    *records(random: Random): Iterable<SimulatedRecord> {
      const count = 20 + random.below(100);
      for (let id = 0; id < count; id += 1) {
        if (random.chance(0.15)) {
          const product = random.pick(productIds);
          yield random.chance(0.1) ? { to: products, key: product, value: null } : { to: products, key: product, value: { id: product, price: random.below(1_000) } };
        }
        yield { to: orders, key: random.chance(0.2) ? null : String(id), value: random.chance(0.02) ? poison : order(random, id) };
      }
    },
  };
})();

/** Running totals by a key that the input does not have: a repartition topic and a store. */
export const totals: Simulated = (() => {
  const orders = stream('orders', json<Order>());
  return {
    topology: topology('totals',
      orders.pipe(
        keyBy('by-user', ({ user }) => user),
        scan('totals', add, { state: json<Total>(), seed: none }),
        to('totals', kafka('totals', json<Total>())),
      )),
    *records(random: Random): Iterable<SimulatedRecord> {
      const count = 20 + random.below(150);
      for (let id = 0; id < count; id += 1) yield { to: orders, key: String(id), value: random.chance(0.02) ? poison : order(random, id), timestamp: 1_700_000_000_000 + random.below(10_000) };
    },
  };
})();

/** Two repartitions with a topic of one's own between: three stages, two stores. */
export const chained: Simulated = (() => {
  const orders = stream('orders', json<Order>());
  interface UserTotal extends Total {
    readonly user: string;
  }
  return {
    topology: topology('chained',
      orders.pipe(
        keyBy('by-user', ({ user }) => user),
        scan('by-user', (state: UserTotal, o) => ({ ...add(state, o), user: o.user }), { state: json<UserTotal>(), seed: { ...none, user: '' } }),
        through('user-totals', json<UserTotal>(), { partitions: 3 }),
        map(({ user, amount, last }) => ({ id: last, user: user.slice(0, 1), product: '', amount: amount % 7 })),
        keyBy('by-letter', ({ user }) => user),
        scan('by-letter', add, { state: json<Total>(), seed: none }),
        to('letters', kafka('letters', json<Total>())),
      )),
    *records(random: Random): Iterable<SimulatedRecord> {
      const count = 20 + random.below(100);
      for (let id = 0; id < count; id += 1) yield { to: orders, key: String(id), value: order(random, id) };
    },
  };
})();

/** Every kind of outside sink: counters behind a fence, requests with idempotency keys, rows with ids; one of them behind a store. */
export const sunk: Simulated = (() => {
  const orders = stream('orders', json<Order>());
  const perUser = orders.pipe(keyBy('by-user', ({ user }) => user), scan('totals', add, { state: json<Total>(), seed: none }));
  return {
    topology: topology('sunk',
      orders.pipe(to('counts', redis.increment({ key: 'counts', fields: ({ product, amount }) => ({ [product]: amount }) }), { batch: { records: 7, waitMs: 30 } })),
      orders.pipe(to('partner', http({ url: 'http://partner.test/orders', body: (o) => o, idempotencyKey: ({ id }) => `order-${id}`, orderBy: ({ user }) => user, timeoutMs: 1_000 }), { batch: { records: 5, waitMs: 20 } })),
      orders.pipe(to('warehouse', bigquery({ table: 'shop.orders', columns: { id: 'INT64', amount: 'INT64' }, row: ({ id, amount }) => ({ id, amount }), id: ({ id }) => id }))),
      perUser.pipe(to('latest', redis.hash({ key: (_, { key }) => `user:${key}`, fields: ({ count, amount }) => ({ count, amount }) }), { batch: { records: 3, waitMs: 50 } })),
    ),
    *records(random: Random): Iterable<SimulatedRecord> {
      const count = 20 + random.below(100);
      for (let id = 0; id < count; id += 1) yield { to: orders, key: String(id), value: random.chance(0.02) ? poison : order(random, id) };
    },
  };
})();

interface Balance {
  readonly user: string;
  readonly cents: number;
  readonly last: number;
}

const balance = schema<Balance>({
  type: 'record', name: 'Balance', fields: [{ name: 'user', type: 'string' }, { name: 'cents', type: 'int' }, { name: 'last', type: 'int' }],
});

/**
 * Two inputs merged in front of a store that both feed directly, Avro states and outputs, and everything that makes dead letters:
 * bytes that are no value, a broken rule, a function that throws, a state that does not fit.
 */
export const mixed: Simulated = (() => {
  const payments = stream('payments', json<Order>());
  const refunds = stream('refunds', json<Order>());
  const amountKnown = ({ amount }: Order): boolean => amount >= 0;
  const negative = (o: Order): Order => {
    if (o.amount === 13) throw new RangeError('an unlucky refund');
    return { ...o, amount: -o.amount };
  };
  const book = (state: Balance, { id, user, amount }: Order): Balance => ({ user, cents: state.cents + (amount === 99 ? 2 ** 31 : amount), last: id });
  return {
    topology: topology('mixed',
      payments.pipe(
        validate({ amountKnown }),
        merge('bookings', refunds.pipe(map(negative))),
        scan('balances', book, { state: avro(balance), seed: { user: '', cents: 0, last: -1 } }),
        to('balances', kafka('balances', avro(balance))),
      )),
    partitions: { payments: 2, refunds: 2 },
    *records(random: Random): Iterable<SimulatedRecord> {
      const count = 20 + random.below(120);
      for (let id = 0; id < count; id += 1) {
        const value = order(random, id);
        const spoilt = random.chance(0.03) ? { ...value, amount: -1 } : value;
        yield { to: random.chance(0.5) ? payments : refunds, key: value.user, value: random.chance(0.02) ? poison : spoilt };
      }
    },
  };
})();

/** The reference pipeline, as it is run: Debezium's envelopes, a table that its events follow closely, every kind of sink. */
export const engaged: Simulated = {
  topology: engagement,
  environment: { PARTNER_URL: 'http://partner.test/', PARTNER_TOKEN: 'token' },
  // When an event was processed says nothing about it.
  steady: (event: object) => ({ ...event, processed_at: null }),
  *records(random: Random): Iterable<SimulatedRecord> {
    const id = (n: number): string => `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`;
    const count = 10 + random.below(80);
    let contents = 0;
    for (let n = 0; n < count; n += 1) {
      if (n === 0 || random.chance(0.2)) {
        const row = { id: id(contents), slug: `s${contents}`, title: `Title ${n}`, content_type: 'video', length_seconds: random.chance(0.2) ? null : 60 + random.below(600), publish_ts: '2023-01-01T00:00:00Z' };
        yield { to: 'app.public.content', key: row.id, value: { op: 'c', after: row } };
        contents += 1;
      } else if (random.chance(0.1)) {
        const row = { id: id(random.below(contents)), slug: 's', title: `Renamed ${n}`, content_type: 'podcast', length_seconds: 300, publish_ts: '2023-01-01T00:00:00Z' };
        yield { to: 'app.public.content', key: row.id, value: { op: 'u', after: row } };
      }
      const after = {
        id: BigInt(n), content_id: id(random.chance(0.5) ? contents - 1 : random.below(contents + 1)), user_id: id(random.below(5)),
        event_type: random.chance(0.03) ? 'sneeze' : random.pick(['play', 'pause', 'finish', 'click']),
        event_ts: `2023-11-14T22:13:${String(random.below(60)).padStart(2, '0')}.000001Z`,
        duration_ms: random.chance(0.2) ? null : random.below(400_000) - 1_000, device: random.pick(['ios', 'web', null]), raw_payload: null,
      };
      yield { to: 'app.public.engagement_events', key: String(n), value: random.chance(0.02) ? poison : { op: random.chance(0.05) ? 'u' : random.chance(0.1) ? 'r' : 'c', after } };
    }
  },
};

/** Inner streams, in order and overtaking each other, some of them longer than others; a store behind one that overlaps. */
export const nested: Simulated = (() => {
  const orders = stream('orders', json<Order>());
  const later = async <T>(turns: number, value: T): Promise<T> => {
    for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
    return value;
  };
  const parts = async function* (o: Order): AsyncIterable<Order> {
    for (let part = 0; part < o.amount % 3; part += 1) yield later(part, { ...o, amount: part });
  };
  const priced = (o: Order): Promise<Order> => (o.amount === 13 ? Promise.reject(new RangeError('an unlucky order')) : later(o.id % 7, { ...o, amount: 2 * o.amount }));
  return {
    topology: topology('nested',
      orders.pipe(
        concatMap(parts),
        map((o) => o),
        to('parts', kafka('parts', json<Order>())),
      ),
      orders.pipe(
        keyBy('by-user', ({ user }) => user),
        mergeMap(priced, 3),
        scan('totals', add, { state: json<Total>(), seed: none }),
        to('totals', kafka('totals', json<Total>())),
      )),
    *records(random: Random): Iterable<SimulatedRecord> {
      const count = 20 + random.below(80);
      for (let id = 0; id < count; id += 1) yield { to: orders, key: String(id), value: random.chance(0.02) ? poison : order(random, id) };
    },
  };
})();

/** States that go and come again: a basket is gone when it is paid, and the next order begins an empty one. */
export const baskets: Simulated = (() => {
  const orders = stream('orders', json<Order>());
  const fill = (cents: number | null, { amount }: Order): number | null => (amount < 40 ? null : (cents ?? 0) + amount);
  return {
    topology: topology('baskets',
      orders.pipe(
        keyBy('by-user', ({ user }) => user),
        scan('basket', fill, { state: json<number | null>(), seed: null }),
        map((cents) => ({ cents })),
        to('baskets', kafka('baskets', json<{ cents: number | null }>())),
      )),
    *records(random: Random): Iterable<SimulatedRecord> {
      const count = 20 + random.below(100);
      for (let id = 0; id < count; id += 1) yield { to: orders, key: String(id), value: order(random, id) };
    },
  };
})();
