/** Orders of a shop: other tables, keys and steps than the engagement example's. Written from README.md alone. */
import {
  avro, branch, debezium, filter, inserts, join, json, kafka, keyBy, leftJoin, map, otherwise, redis, scan, stream, table, to, topology, validate, type Change, type Topology,
} from 'millrace/topology';
import { customer, type Customer } from './schemas/customer.ts';
import { lineSchema, type Line } from './schemas/line.ts';
import { order, type Order } from './schemas/order.ts';
import { orderItem, type OrderItem } from './schemas/order_item.ts';
import { price, type Price } from './schemas/price.ts';

export interface Revenue {
  readonly market: string;
  readonly lines: number;
  readonly units: number;
  readonly cents: number;
}

type Joined = readonly [readonly [readonly [OrderItem, Order], Customer], Price | null];
type Priced = Line & { readonly cents: bigint };

const centsOf = (text: string): bigint => BigInt(text.replace('.', ''));

const toLine = ([[[item, { customer_id }], { country }], found]: Joined): Line => ({
  order_id: item.order_id,
  line: item.line,
  customer_id,
  country,
  currency: item.currency,
  quantity: item.quantity,
  cents: found === null ? null : centsOf(found.price) * BigInt(item.quantity),
});

const isPriced = (line: Line): line is Priced => line.cents !== null;

const addLine = (revenue: Revenue, line: Priced): Revenue => ({
  market: `${line.country}-${line.currency}`,
  lines: revenue.lines + 1,
  units: revenue.units + line.quantity,
  cents: revenue.cents + Number(line.cents),
});

const quantityAboveZero = (item: OrderItem): boolean => item.quantity > 0;

const isCancellation = ({ op, after }: Change<Order>): boolean => op === 'u' && after?.status === 'cancelled';

/** `name` is the application's, the topics' and the keys' prefix, so that runs do not meet. */
export const shop = (name: string): Topology => {
  const source = <T extends string>(which: T): string => `${name}.public.${name}_${which}`;
  const orderCodec = debezium(order);
  const customers = table(source('customers'), debezium(customer), { key: 'id' });
  const orders = table(source('orders'), orderCodec, { key: 'id' });
  const prices = table(source('prices'), debezium(price), { key: ['product_id', 'currency'] });

  const { priced, unpriced } = stream(source('order_items'), debezium(orderItem)).pipe(
    inserts({ snapshot: 'include' }),
    validate({ quantityAboveZero }),
    join(orders, (item) => item.order_id),
    join(customers, ([, { customer_id }]) => customer_id),
    leftJoin(prices, ([[item]]) => [item.product_id, item.currency]),
    map(toLine),
    branch({ priced: isPriced, unpriced: otherwise }),
  );

  const revenue = priced.pipe(
    keyBy('by-market', (line) => `${line.country}-${line.currency}`),
    scan('revenue', addLine, { state: json<Revenue>(), seed: (market) => ({ market, lines: 0, units: 0, cents: 0 }) }),
  );

  const cancelled = stream(source('orders'), orderCodec).pipe(
    filter(isCancellation),
    map(({ after }) => after),
    join(customers, (row) => row?.customer_id ?? null),
  );

  return topology(name,
    priced.pipe(keyBy((line) => String(line.order_id)), to('lines', kafka(`${name}.lines`, avro(lineSchema), { partitions: 2 }))),
    unpriced.pipe(
      map(({ order_id, line, currency }) => ({ order_id: String(order_id), line, currency })),
      to('unpriced', kafka(`${name}.unpriced`, json<{ order_id: string; line: number; currency: string }>())),
    ),
    revenue.pipe(to('revenue', redis.hash({ key: ({ market }) => `${name}:revenue:${market}`, fields: (total) => ({ ...total }) }))),
    revenue.pipe(to('markets', redis.sortedSet({ key: `${name}:markets`, member: ({ market }) => market, score: ({ cents }) => cents }))),
    cancelled.pipe(to('cancelled', redis.increment({ key: `${name}:cancelled`, fields: ([, { country }]) => ({ [country]: 1 }) }))),
  );
};
