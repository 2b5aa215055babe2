/** What a running worker does with records whose schema its topology cannot read. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import avsc from 'avsc';
import { avro, concatMap, json, leftJoin, map, merge, schema, stream, table, to, topology, type AvroSchema, type Schema, type Topology } from '../../topology/index.ts';
import { kafka } from '../../topology/sinks/kafka.ts';
import { redis } from '../../topology/sinks/redis.ts';
import { systemClock } from '../../lib/core/clock.ts';
import type { RunHandle } from '../../lib/runtime/run.ts';
import type { Lookup, Schemas } from '../../lib/serde/schemas.ts';
import { healthOf } from '../../lib/server/index.ts';
import { Cluster, eventsOf, Outside, until } from './cluster.ts';

interface Order {
  readonly id: number;
  readonly price: number | string | null;
}

const orderOf = (price: AvroSchema, more: object = {}): { readonly type: 'record'; readonly name: string; readonly fields: readonly object[] } =>
  ({ type: 'record', name: 'shop.Order', fields: [{ name: 'id', type: 'int' }, { name: 'price', type: price, ...more }] });

const WHOLE = orderOf('int');
const AS_TEXT = orderOf('string');
const OTHER = { type: 'record', name: 'shop.Refund', fields: [{ name: 'id', type: 'int' }, { name: 'reason', type: 'string' }] } as const;

/** A registry whose ids are the places in a list, from 1 on; an entry may be mended. */
class Registry implements Schemas {
  readonly entries: object[] = [WHOLE, AS_TEXT, OTHER];
  readonly asked: number[] = [];
  readonly #known = new Map<number, Lookup>();
  readonly #doubted = new Set<number>();
  peek(id: number): Lookup | undefined {
    return this.#known.get(id);
  }
  isCurrent(id: number): boolean {
    return this.#known.has(id) && !this.#doubted.has(id);
  }
  async fetch(id: number): Promise<void> {
    this.asked.push(id);
    this.#doubted.delete(id);
    this.#known.set(id, { type: avsc.Type.forSchema(this.entries[id - 1] as never, { wrapUnions: 'always' }) });
  }
  doubt(id: number): void {
    this.#doubted.add(id);
  }
  register(): Promise<number> {
    return Promise.reject(new Error('nothing is registered here'));
  }
}

const ofOurs = schema<Order>(WHOLE);
const bytes = (id: number, written: object, value: object): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(id, 1);
  return Buffer.concat([header, avsc.Type.forSchema(written as never).toBuffer(value)]);
};
const whole = (id: number, price = id): Buffer => bytes(1, WHOLE, { id, price });
const asText = (id: number, price = String(id)): Buffer => bytes(2, AS_TEXT, { id, price });

describe('a schema that the topology cannot read', () => {
  let cluster: Cluster;
  let registry: Registry;

  beforeEach(() => {
    cluster = new Cluster();
    registry = new Registry();
    cluster.topic('orders');
    cluster.topic('others');
  });

  afterEach(() => cluster.close());

  const send = (topic: string, ...values: readonly Buffer[]): void => {
    cluster.broker.append({ topic, partition: 0 }, values.map((value) => ({ key: Buffer.from('1'), value, timestamp: systemClock.now(), headers: [] })));
  };
  const show = ({ id, price }: Order): string => `${id}:${price}`;
  const plain = (of: Schema<Order> = ofOurs): Topology => topology('app',
    stream('orders', avro(of)).pipe(map(show), to('shown', kafka('shown', json<string>()))),
    stream('others', json<number>()).pipe(to('copied', kafka('copied', json<number>()))),
  );
  const start = (value: Topology, options: Parameters<Cluster['start']>[1] = {}): RunHandle => cluster.start(value, { schemas: registry, ...options });
  const pausedOf = (handle: RunHandle): readonly (string | null)[] => handle.figures().stages.map(({ pausedBy }) => pausedBy);
  const paused = (handle: RunHandle): Promise<void> => until(() => pausedOf(handle).some((by) => by !== null), () => 'a paused task');
  const letters = (): unknown[] => [...cluster.broker.listTopics()].filter((topic) => topic.endsWith('-dlq')).flatMap((topic) => cluster.broker.log({ topic, partition: 0 }).entries.filter(({ record }) => record !== null));

  it('pauses its stage behind what came before, names field and schemas, and lets the other branches go on', async () => {
    send('orders', whole(1), whole(2), asText(3), whole(4));
    const handle = start(plain());
    const events = eventsOf(handle);
    await paused(handle);
    cluster.send('others', [7]);
    await until(() => cluster.values('copied').length === 1);
    await until(() => cluster.committed('app.orders', 'orders') === 2);
    expect(cluster.values('shown')).to.deep.equal(['1:1', '2:2']);
    const [reason] = pausedOf(handle);
    expect(reason).to.include('schema 2 (shop.Order) cannot be read, price: string cannot be read as int').and.include('the records before it have schema 1').and.include('orders[0] offset 2');
    expect(handle.figures().stages.map(({ stage, paused: tasks }) => [stage, tasks])).to.deep.equal([['orders', 1], ['others', 0]]);
    const health = healthOf(handle.figures());
    expect([health.live, health.ready, health.waiting]).to.deep.equal([true, false, [`stage orders is paused: ${reason}`]]);
    expect(events.filter(({ type }) => ['paused', 'aborted', 'error', 'deadLetter'].includes(type)).map(({ type }) => type)).to.deep.equal(['paused']);
    expect(letters()).to.deep.equal([]);
  });

  it('is read from where the stage stood when a topology that can is deployed: nothing is lost, nothing is there twice', async () => {
    send('orders', whole(1), asText(2), whole(3), asText(4));
    const former = start(plain());
    await paused(former);
    await former.stop();
    start(plain(schema<Order>(orderOf(['string', 'int']))));
    await until(() => cluster.values('shown').length === 4);
    expect(cluster.values('shown')).to.deep.equal(['1:1', '2:2', '3:3', '4:4']);
    expect(letters()).to.deep.equal([]);
  });

  it('is asked for anew, and the stage goes on by itself once it is mended', async () => {
    send('orders', whole(1), bytes(2, WHOLE, { id: 2, price: 2 }), whole(3));
    const handle = start(plain());
    await paused(handle);
    await until(() => registry.asked.filter((id) => id === 2).length > 2);
    registry.entries[1] = WHOLE;
    await until(() => cluster.values('shown').length === 3);
    expect(cluster.values('shown')).to.deep.equal(['1:1', '2:2', '3:3']);
    expect(pausedOf(handle)).to.deep.equal([null, null]);
    expect(healthOf(handle.figures()).ready).to.equal(true);
  });

  it('is no reason to pause when the record is none of ours: that is a dead letter', async () => {
    send('orders', whole(1), bytes(3, OTHER, { id: 2, reason: 'broken' }), whole(3));
    const handle = start(plain());
    await until(() => cluster.values('shown').length === 2);
    expect(letters()).to.have.length(1);
    expect(pausedOf(handle)).to.deep.equal([null, null]);
  });

  it('pauses a stage with inner streams behind those that are under way', async () => {
    const later = (order: Order): Promise<string> => systemClock.sleep(5).then(() => show(order));
    send('orders', whole(1), whole(2), asText(3));
    const handle = start(topology('app', stream('orders', avro(ofOurs)).pipe(concatMap(later), to('shown', kafka('shown', json<string>())))));
    await paused(handle);
    await until(() => cluster.committed('app.orders', 'orders') === 2);
    expect(cluster.values('shown')).to.deep.equal(['1:1', '2:2']);
  });

  it('pauses all that a stage reads, so that the order of time holds', async () => {
    const orders = stream('orders', avro(ofOurs)).pipe(map(show));
    const others = stream('others', json<number>()).pipe(map(String));
    send('orders', asText(1));
    const handle = start(topology('app', orders.pipe(merge('both', others), to('shown', kafka('shown', json<string>())))));
    await paused(handle);
    cluster.send('others', [7]);
    await until(() => handle.figures().stages[0]!.lagRecords === 2);
    expect(cluster.values('shown')).to.deep.equal([]);
  });

  it('pauses a stage with an outside sink, which has what came before', async () => {
    const outside = new Outside();
    send('orders', whole(1), asText(2));
    const sink = redis.hash({ key: ({ id }: Order) => `order:${id}`, fields: ({ price }: Order) => ({ price: String(price) }) });
    const handle = start(topology('app', stream('orders', avro(ofOurs)).pipe(to('cache', sink))), { drivers: () => outside.driver, environment: { REDIS_URL: 'redis://127.0.0.1:1' } });
    await paused(handle);
    await until(() => cluster.committed('app.cache', 'orders') === 1);
    expect(outside.written.map(({ value }) => (value as Order).id)).to.deep.equal([1]);
  });

  for (const [when, before] of [['while the table is followed', false], ['when the table is loaded', true]] as const) {
    it(`pauses the stages that join with a table, and no others, ${when}`, async () => {
      cluster.topic('prices');
      const prices = table('prices', avro(ofOurs), { key: 'id' });
      const joined = topology('app',
        stream('others', json<number>()).pipe(leftJoin(prices, (id) => id), map(([id, price]) => `${id}:${price?.price ?? 'none'}`), to('joined', kafka('joined', json<string>()))),
        stream('orders', avro(ofOurs)).pipe(map(show), to('shown', kafka('shown', json<string>()))),
      );
      const row = (value: Buffer): void => send('prices', value);
      if (before) row(asText(1));
      const handle = start(joined);
      if (!before) {
        await until(() => handle.figures().tables[0]?.loaded === true);
        row(asText(1));
      }
      await until(() => handle.figures().tables[0]?.pausedBy !== undefined);
      cluster.send('others', [1]);
      send('orders', whole(5));
      await until(() => cluster.values('shown').length === 1);
      expect(cluster.values('joined')).to.deep.equal([]);
      expect(healthOf(handle.figures()).waiting.join()).to.include('table prices is paused: schema 2 (shop.Order) cannot be read, price');
      registry.entries[1] = WHOLE;
      row(bytes(1, WHOLE, { id: 1, price: 9 }));
      await until(() => cluster.values('joined').length === 1);
    });
  }
});
