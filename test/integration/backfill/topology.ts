/** Orders of users into Redis: each order by way of a topic that others read too, the last of each user, and how many of each user there are. */
import { avro, json, schema, stream, through, to, topology } from 'millrace/topology';
import { redis } from 'millrace/sinks';

export interface Order {
  readonly id: number;
  readonly user: number;
}

const order = schema<Order>({ type: 'record', name: 'Order', fields: [{ name: 'id', type: 'int' }, { name: 'user', type: 'int' }] });

export const ordersOf = (app: string) => {
  const orders = stream(`${app}.orders`, json<Order>());
  return topology(app,
    orders.pipe(through(`${app}.checked`, avro(order)), to('orders', redis.hash({ key: ({ id }) => `${app}:order:${id}`, fields: ({ id, user }) => ({ id, user }) }))),
    orders.pipe(to('last', redis.hash({ key: ({ user }) => `${app}:last:${user}`, fields: ({ id }) => ({ id }) }))),
    orders.pipe(to('count', redis.increment({ key: `${app}:count`, fields: ({ user }) => ({ [`user-${user}`]: 1 }) }))),
  );
};

export default ordersOf(process.env.RT_APP ?? 'backfill');
