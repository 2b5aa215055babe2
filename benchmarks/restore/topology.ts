import { json, kafka, scan, stream, to, topology } from 'millrace/topology';

export interface Order {
  readonly amount: number;
}

export interface Total {
  readonly orders: number;
  readonly amount: number;
  readonly note: string;
}

export const APP = 'bench-restore';
export const INPUT = `${APP}-in`;
export const OUTPUT = `${APP}-out`;
export const CHANGELOG = `${APP}-totals-changelog`;
export const PARTITIONS = 4;

const add = (total: Total, { amount }: Order): Total => ({ ...total, orders: total.orders + 1, amount: total.amount + amount });

/** Totals by key: one state of a million keys. */
export default topology(APP, stream(INPUT, json<Order>()).pipe(
  scan('totals', add, { state: json<Total>(), seed: { orders: 0, amount: 0, note: '' } }),
  to('out', kafka(OUTPUT, json<Total>())),
));
