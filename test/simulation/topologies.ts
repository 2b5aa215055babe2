import { bigquery, http, json, kafka, keyBy, leftJoin, map, redis, scan, stream, table, through, to, topology, type Topology } from 'millrace/topology';
import type { Random } from '../../lib/testing/random.ts';
import type { SimulatedRecord } from '../../lib/testing/simulate.ts';

/** A topology with a generator of its input. */
export interface Simulated {
  readonly topology: Topology;
  readonly records: (random: Random) => Iterable<SimulatedRecord>;
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
    *records(random) {
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
    *records(random) {
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
    *records(random) {
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
    *records(random) {
      const count = 20 + random.below(100);
      for (let id = 0; id < count; id += 1) yield { to: orders, key: String(id), value: random.chance(0.02) ? poison : order(random, id) };
    },
  };
})();
