import { simulate, type Random, type SimulatedRecord } from 'millrace/testing';
import { json, kafka, keyBy, scan, stream, to, topology } from 'millrace/topology';

interface Order {
  readonly id: number;
  readonly customer: string;
  readonly cents: number;
}

const orders = stream('orders', json<Order>());

const spending = topology('shop',
  orders.pipe(
    keyBy('by-customer', ({ customer }) => customer),
    scan('spent', (sum, { cents }) => sum + cents, { state: json<number>(), seed: 0 }),
    to('spent', kafka('spent', json<number>())),
  ));

function* records(random: Random): Iterable<SimulatedRecord> {
  for (let id = 0; id < 20 + random.below(100); id += 1) {
    const order = { id, customer: random.pick(['ann', 'bob', 'cyd']), cents: random.below(1_000) };
    // One in fifty is no order at all.
    yield { to: orders, key: String(id), value: random.chance(0.02) ? Buffer.from('{') : order };
  }
}

export const survives = async (seeds: number): Promise<void> => {
  for (let seed = 0; seed < seeds; seed += 1) await simulate(spending, { seed, records });
};
