import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Observable } from 'rxjs';
import { bigquery, concatMap, debezium, filter, http, inserts, json, kafka, keyBy, leftJoin, map, merge, mergeMap, redis, rx, scan, schema, stream, table, through, to, topology, type End } from 'millrace/topology';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { plan } from '../../lib/plan/plan.ts';
import { printPlan } from '../../lib/plan/print.ts';
import type { Plan } from '../../lib/plan/types.ts';

interface Order { readonly id: number; readonly customer: string; readonly total: number }
interface Customer { readonly id: string; readonly name: string }

const orderRow = schema<Order>({ type: 'record', name: 'Value', namespace: 'shop.public.orders', fields: [] });
const customerRow = schema<Customer>({ type: 'record', name: 'Value', namespace: 'shop.public.customers', fields: [] });
const orders = stream('shop.public.orders', debezium(orderRow)).pipe(inserts({ snapshot: 'include' }));
const customers = table('shop.public.customers', debezium(customerRow), { key: 'id' });
const sum = (state: number, order: { readonly total: number }): number => state + order.total;
const totals = scan('totals', sum, { state: json<number>(), seed: 0 });
const toHash = (name: string) => to(name, redis.hash({ key: name, fields: () => ({ n: 1 }) }));

/** stage -> what it reads and writes, as text. */
const shape = (p: Plan): Record<string, string> => Object.fromEntries(p.stages.map((s) => [
  s.name, `${s.entries.map((e) => e.topic).join('+')} -> ${s.sink === null ? s.outputs.map((o) => o.topic).join(', ') : `sink ${s.sink.name}`}`,
]));

const problemsOf = (...ends: End[]): readonly string[] => {
  try {
    plan(topology('shop', ...ends));
  } catch (error) {
    if (error instanceof ConfigurationError) return error.problems;
    throw error;
  }
  return [];
};

describe('plan', () => {
  it('lets an outside sink behind stateless steps read the source topic itself', () => {
    const p = plan(topology('shop', orders.pipe(filter((o) => o.total > 0), toHash('big'))));
    expect(shape(p)).to.deep.equal({ big: 'shop.public.orders -> sink big' });
  });

  it('gives an outside sink behind a join a topic of its own, written in the transactions of the stage before', () => {
    const p = plan(topology('shop', orders.pipe(leftJoin(customers, (o) => o.customer), map(([o]) => o), toHash('joined'))));
    expect(shape(p)).to.deep.equal({
      'shop.public.orders': 'shop.public.orders -> shop-joined-input',
      joined: 'shop-joined-input -> sink joined',
    });
  });

  it('cuts at keyBy in front of a stateful step, at through and at every outside sink', () => {
    const keyed = orders.pipe(keyBy('by-customer', (o) => o.customer));
    const sums = keyed.pipe(totals, through('shop.totals', json<number>()));
    const p = plan(topology('shop', sums.pipe(toHash('a')), sums.pipe(toHash('b')), sums.pipe(to('copy', kafka('shop.copy', json<number>())))));
    expect(shape(p)).to.deep.equal({
      'shop.public.orders': 'shop.public.orders -> shop-by-customer-repartition',
      'by-customer': 'shop-by-customer-repartition -> shop.totals',
      'shop.totals': 'shop.totals -> shop.copy',
      a: 'shop.totals -> sink a',
      b: 'shop.totals -> sink b',
    });
    const stateful = p.stages.find((s) => s.name === 'by-customer');
    expect(stateful?.stores.map((s) => s.changelog)).to.deep.equal(['shop-totals-changelog']);
  });

  it('does not cut at keyBy when only a topic follows', () => {
    const p = plan(topology('shop', orders.pipe(keyBy((o) => o.customer), to('copy', kafka('shop.copy', json<Order>())))));
    expect(shape(p)).to.deep.equal({ 'shop.public.orders': 'shop.public.orders -> shop.copy' });
  });

  it('names groups, transactional ids, dead letters and internal topics as documented', () => {
    const p = plan(topology('shop', orders.pipe(keyBy('by-customer', (o) => o.customer), totals, toHash('sums'))));
    const stage = p.stages.find((s) => s.name === 'by-customer')!;
    expect(stage.group).to.equal('shop.by-customer');
    expect(stage.transactionalId(3)).to.equal('shop.by-customer.3');
    expect(stage.deadLetters).to.equal('shop-by-customer-dlq');
    expect(p.stages.find((s) => s.name === 'sums')?.group).to.equal('shop.sums');
    const roles = Object.fromEntries(p.topics.map((t) => [t.topic, t.role]));
    expect(roles).to.include({ 'shop.public.orders': 'source', 'shop-by-customer-repartition': 'repartition', 'shop-totals-changelog': 'changelog', 'shop-sums-input': 'input', 'shop-sums-dlq': 'dead-letter' });
    expect(p.topics.find((t) => t.role === 'changelog')?.config).to.deep.equal({ 'cleanup.policy': 'compact' });
    expect(p.topics.find((t) => t.role === 'repartition')?.config).to.deep.equal({ 'retention.ms': '-1' });
  });

  it('keeps every name when a filter is inserted', () => {
    const build = (steps: (s: typeof orders) => typeof orders) => plan(topology('shop', steps(orders).pipe(keyBy('by-customer', (o) => o.customer), totals, toHash('sums'))));
    expect(printPlan(build((s) => s.pipe(filter((o) => o.total > 1))))).to.equal(printPlan(build((s) => s)));
  });

  it('makes one stage of merged topics and takes its name from the merge', () => {
    const others = stream('shop.old-orders', json<Order>());
    const p = plan(topology('shop', orders.pipe(merge('all-orders', others), to('copy', kafka('shop.copy', json<Order>())))));
    expect(shape(p)).to.deep.equal({ 'all-orders': 'shop.public.orders+shop.old-orders -> shop.copy' });
  });

  it('reads a topic that two pipes begin with in one stage', () => {
    const p = plan(topology('shop', orders.pipe(to('x', kafka('x', json<Order>()))), orders.pipe(filter((o) => o.total > 5), to('y', kafka('y', json<Order>())))));
    expect(shape(p)).to.deep.equal({ 'shop.public.orders': 'shop.public.orders -> x, y' });
  });

  it('sets retention and partitions of the topics it creates', () => {
    const p = plan(topology('shop', orders.pipe(keyBy((o) => o.customer), through('shop.kept', json<Order>(), { retention: '7d', partitions: 6, cleanup: 'delete' }), toHash('a'))));
    expect(p.topics.find((t) => t.topic === 'shop.kept')).to.deep.equal({ topic: 'shop.kept', role: 'through', partitions: 6, config: { 'retention.ms': '604800000', 'cleanup.policy': 'delete' } });
  });

  it('describes sinks of every kind', () => {
    const p = plan(topology('shop',
      orders.pipe(to('rows', bigquery({ table: 'd.t', columns: { id: 'INT64' }, row: (o) => ({ id: o.id }), id: (o) => o.id }))),
      orders.pipe(to('calls', http({ url: 'http://127.0.0.1:1/', body: (o) => o, idempotencyKey: (o) => o.id })))));
    expect(p.stages.map((s) => s.sink?.sink.kind)).to.deep.equal(['bigquery', 'http']);
  });

  it('reports every problem at once', () => {
    const others = stream('shop.old-orders', json<Order>());
    const problems = problemsOf(
      orders.pipe(keyBy((o) => o.customer), totals, toHash('unnamed-key')),
      orders.pipe(scan('unkeyed', sum, { state: json<number>(), seed: 0 }), toHash('no-key')),
      orders.pipe(through('shop.old-orders', json<Order>()), toHash('twice')),
      others.pipe(toHash('others')),
    );
    expect(problems).to.have.length(3);
    expect(problems[0]).to.match(/keyBy names a topic: write keyBy\('name', \.\.\.\)/);
    expect(problems[1]).to.match(/shop\.public\.orders hold a schema id.*put keyBy/);
    expect(problems[2]).to.match(/shop\.old-orders is a through topic and is declared with stream/);
  });

  it('gives an outside sink behind an inner stream a topic of its own: asked again it might say something else', () => {
    for (const step of [concatMap((o: Order) => [o]), mergeMap((o: Order) => [o]), rx((order$: Observable<Order>) => order$)]) {
      expect(shape(plan(topology('shop', orders.pipe(step, toHash('asked')))))).to.deep.equal({
        'shop.public.orders': 'shop.public.orders -> shop-asked-input',
        asked: 'shop-asked-input -> sink asked',
      });
    }
  });

  describe('where records overlap', () => {
    const keyed = orders.pipe(keyBy('by-customer', (o) => o.customer));
    const ask = mergeMap((o: Order) => [o]);
    const askOne = mergeMap((o: Order) => [o], 1);
    const inOrder = concatMap((o: Order) => [o]);
    const counted = scan('counted', (o: Order, next: Order) => ({ ...next, total: o.total + next.total }), { state: json<Order>(), seed: { id: 0, customer: '', total: 0 } });
    const behind = 'stream(shop.public.orders) > inserts > keyBy(by-customer)';

    const sound: Readonly<Record<string, () => End>> = {
      'a scan behind the mergeMap': () => keyed.pipe(ask, totals, toHash('out')),
      'a scan in another stage': () => keyed.pipe(totals, through('shop.totals', json<number>()), mergeMap((n) => [n]), toHash('out')),
      'a scan behind a keyBy of its own': () => orders.pipe(ask, keyBy('again', (o) => o.customer), totals, toHash('out')),
      'two inner streams without a scan': () => keyed.pipe(ask, inOrder, toHash('out')),
      'a scan in front, one record at a time': () => keyed.pipe(counted, askOne, inOrder, toHash('out')),
    };
    for (const [what, build] of Object.entries(sound)) {
      it(`takes ${what}`, () => expect(problemsOf(build())).to.deep.equal([]));
    }

    it('refuses a scan in front of the mergeMap', () => {
      expect(problemsOf(keyed.pipe(counted, ask, toHash('out')))).to.deep.equal([
        `${behind} > scan(counted) > mergeMap: its records overlap, so a scan of the stage must come behind it, and ${behind} > scan(counted) does not: put through('topic', codec) between the two`,
      ]);
    });

    it('refuses a scan beside the mergeMap, and one that records reach past it', () => {
      expect(problemsOf(keyed.pipe(ask, toHash('asked')), keyed.pipe(totals, toHash('sums')))).to.deep.equal([
        `${behind} > mergeMap: its records overlap, so a scan of the stage must come behind it, and ${behind} > scan(totals) does not: put through('topic', codec) between the two`,
      ]);
      expect(problemsOf(keyed.pipe(ask, merge('both', keyed), totals, toHash('sums')))).to.have.length(1);
    });

    it('refuses a second inner stream beside a scan', () => {
      expect(problemsOf(keyed.pipe(ask, counted, inOrder, toHash('out')))).to.deep.equal([
        `${behind} > mergeMap: its records overlap, so beside a scan no other step of the stage may take its time, and ${behind} > mergeMap > scan(counted) > concatMap does: put through('topic', codec) between the two`,
      ]);
    });
  });

  it('asks for a name when a stage reads several topics', () => {
    const others = stream('shop.old-orders', json<Order>());
    expect(problemsOf(orders.pipe(merge(others), to('copy', kafka('shop.copy', json<Order>()))))).to.deep.equal([
      "a stage reads shop.public.orders and shop.old-orders and has no name: write merge('name', ...)",
    ]);
  });
});
