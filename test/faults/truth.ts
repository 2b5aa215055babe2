/** What must have come of the events that stand in the source topic: plain arithmetic, without a part of Millrace. */
import type { ReadRecord } from '../integration/support/lab.ts';
import { items } from './load.ts';
import type { Event } from './topology.ts';
import type { CategorySum } from './warehouse.ts';

export interface ExpectedSale {
  readonly id: number;
  readonly user: string;
  readonly category: string;
  readonly cents: number;
}

export interface Truth {
  /** By the place of the event in the source topic, partition-offset. */
  readonly sales: ReadonlyMap<string, ExpectedSale>;
  readonly byCategory: ReadonlyMap<string, CategorySum>;
  readonly centsByUser: ReadonlyMap<string, number>;
}

const itemOf = new Map(items.map((item) => [item.id, item]));

export const truthOf = (source: readonly ReadRecord[]): Truth => {
  const sales = new Map<string, ExpectedSale>();
  const byCategory = new Map<string, CategorySum>();
  const centsByUser = new Map<string, number>();
  for (const { partition, offset, value } of source) {
    const { id, user, item, amount } = JSON.parse(String(value)) as Event;
    const { category, price } = itemOf.get(item)!;
    const cents = amount * price;
    sales.set(`${partition}-${offset}`, { id, user, category, cents });
    const sum = byCategory.get(category) ?? { category, n: 0, cents: 0 };
    byCategory.set(category, { category, n: sum.n + 1, cents: sum.cents + cents });
    centsByUser.set(user, (centsByUser.get(user) ?? 0) + cents);
  }
  return { sales, byCategory, centsByUser };
};
