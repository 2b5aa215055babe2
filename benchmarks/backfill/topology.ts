import { bigquery, json, kafka, redis, stream, to, topology } from 'millrace/topology';

export interface Order {
  readonly id: number;
  readonly user: string;
  readonly amount: number;
  /** When it was sent, ms since the epoch. */
  readonly sentMs: number;
  readonly note: string;
}

export const APP = 'bench-backfill';
export const INPUT = `${APP}-in`;
export const OUTPUT = `${APP}-out`;
export const PARTITIONS = 4;

const orders = stream(INPUT, json<Order>());

/** Each order to another topic, by which live traffic is timed, to Redis and to BigQuery. */
export default topology(APP,
  orders.pipe(to('out', kafka(OUTPUT, json<Order>()))),
  orders.pipe(to('orders', redis.hash({ key: ({ id }) => `order:${id}`, fields: ({ user, amount, note }) => ({ user, amount, note }) }))),
  orders.pipe(to('rows', bigquery({
    table: 'analytics.orders', columns: { id: 'INT64', user: 'STRING', amount: 'INT64', note: 'STRING' }, row: ({ id, user, amount, note }) => ({ id, user, amount, note }), id: ({ id }) => id,
  }), { batch: { records: 500, waitMs: 200 } })),
);
