/**
 * The load that the faults strike: a join, a state behind a repartition topic, and sinks of every kind. Each record of the
 * source is named by its place there, and that name goes with it everywhere, so that each sink can be asked for each record.
 */
import { bigquery, env, http, join, json, kafka, keyBy, map, redis, scan, stream, table, to, topology, type Meta } from 'millrace/topology';

export interface Event {
  readonly id: number;
  readonly user: string;
  readonly item: string;
  readonly amount: number;
  /** Makes records as large as a fault wants them. */
  readonly filling: string;
}

export interface Item {
  readonly id: string;
  readonly category: string;
  readonly price: number;
}

/** An event with its item. */
export interface Sale {
  /** partition-offset of the event in the source topic. */
  readonly at: string;
  readonly id: number;
  readonly user: string;
  readonly category: string;
  readonly cents: number;
  readonly filling: string;
}

export interface Total {
  readonly at: string;
  readonly n: number;
  readonly cents: number;
}

/** Who wrote an output: the partition number of the task, and the process that had it. */
export interface Written {
  readonly task: number;
  readonly pid: number;
}

export type Copy = Omit<Sale, 'filling'> & Written;
export type Step = Total & Written;

const written = (meta: Meta<unknown>): Written => ({ task: meta.partition, pid: process.pid });

const toSale = ([event, item]: readonly [Event, Item], meta: Meta<unknown>): Sale => ({
  at: `${meta.partition}-${meta.offset}`, id: event.id, user: event.user, category: item.category, cents: event.amount * item.price, filling: event.filling,
});
const toCopy = ({ filling: _, ...sale }: Sale, meta: Meta<unknown>): Copy => ({ ...sale, ...written(meta) });
const toStep = (total: Total, meta: Meta<unknown>): Step => ({ ...total, ...written(meta) });

/** `dataset` is BigQuery's. */
export const sales = (app: string, dataset: string) => {
  const items = table(`${app}.items`, json<Item>(), { key: 'id' });
  const sold = stream(`${app}.events`, json<Event>()).pipe(join(items, (event) => event.item), map(toSale));
  const totals = sold.pipe(
    keyBy('by-user', (sale) => sale.user),
    scan('totals', (total, sale): Total => ({ at: sale.at, n: total.n + 1, cents: total.cents + sale.cents }), { state: json<Total>(), seed: { at: '', n: 0, cents: 0 } }),
  );
  return topology(app,
    sold.pipe(map(toCopy), to('copy', kafka(`${app}.copy`, json<Copy>()))),
    totals.pipe(map(toStep), to('totals', kafka(`${app}.totals`, json<Step>()))),
    totals.pipe(to('board', redis.sortedSet({ key: `${app}:board`, member: (_, meta) => meta.key, score: (total) => total.cents, url: env('RT_REDIS_URL') }))),
    sold.pipe(to('counters', redis.increment({ key: `${app}:counters`, fields: (sale) => ({ [`${sale.category}:n`]: 1, [`${sale.category}:cents`]: sale.cents }), url: env('RT_REDIS_URL') }))),
    sold.pipe(to('partner', http({ url: env('RT_PARTNER_URL'), body: ({ at, id, cents }) => ({ at, id, cents }), idempotencyKey: (sale) => sale.at }))),
    sold.pipe(to('warehouse', bigquery({
      table: `${dataset}.sales`,
      columns: { place: 'STRING', category: 'STRING', cents: 'INT64' },
      row: ({ at, category, cents }) => ({ place: at, category, cents }),
      id: (sale) => sale.at,
    }), { batch: { waitMs: 500 } })),
  );
};

export default sales(process.env.RT_APP ?? 'sales', process.env.RT_DATASET ?? 'sales');
