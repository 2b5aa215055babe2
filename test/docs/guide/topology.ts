import { debezium, inserts, join, json, keyBy, map, redis, scan, stream, table, to, topology, validate } from 'millrace/topology';
import { customer, type Customer } from './customer.ts';
import { order, type Order } from './order.ts';

export const customers = table('shop.public.customers', debezium(customer), { key: 'id' });
export const orders = stream('shop.public.orders', debezium(order, { timestamp: (row) => Date.parse(row.placed_at) }));

interface Sale {
  readonly country: string;
  readonly cents: number;
}

interface Revenue {
  readonly orders: number;
  readonly cents: number;
}

const amountNotNegative = (row: Order): boolean => !row.amount.startsWith('-');

const toSale = ([row, { country }]: readonly [Order, Customer]): Sale => ({ country, cents: Number(row.amount.replace('.', '')) });

const addSale = (revenue: Revenue, sale: Sale): Revenue => ({ orders: revenue.orders + 1, cents: revenue.cents + sale.cents });

const revenue = orders.pipe(
  inserts({ snapshot: 'include' }),                   // Change<Order> -> Order: rows that were inserted, or stood there before
  validate({ amountNotNegative }),                    // a row that breaks a rule is a dead letter with the rule's name
  join(customers, (row) => row.customer_id),          // readonly [Order, Customer]; an order without a customer is dropped and counted
  map(toSale),
  keyBy('by-country', (sale) => sale.country),        // state follows, so this is a topic: it has a name
  scan('revenue', addSale, { state: json<Revenue>(), seed: { orders: 0, cents: 0 } }),
);

export default topology('shop',
  revenue.pipe(to('revenue', redis.hash({ key: (_, { key }) => `revenue:${key}`, fields: (total) => ({ ...total }) }))),
);
