import { expect } from 'chai';
import { Redis } from 'ioredis';
import { after, before, describe, it } from 'mocha';
import { RejoinError, RetryError, StopError } from '../../lib/core/errors.ts';
import type { SinkContext, SinkDriver, SinkTask } from '../../lib/sinks/contract.ts';
import { createDriver } from '../../lib/sinks/index.ts';
import { fenceKey } from '../../lib/sinks/redis/driver.ts';
import { redis } from '../../topology/sinks/redis.ts';
import { secret, type RedisSink } from '../../topology/sinks.ts';
import { describeConformance, type Place } from './support/conformance.ts';
import { Proxy } from './support/proxy.ts';
import { RedisServer } from './support/redis.ts';
import { contextOf, FAR_ENDS, recordOf, refusedIndexes, rejection, running, taskOf, testConfig, TOPIC, writeAll, type Item } from './support/sinks.ts';

const url = secret('REDIS');
const driverOf = (sink: RedisSink, context: SinkContext, at: string): SinkDriver => createDriver(sink, context, { environment: { REDIS: at }, config: testConfig });

/** Increments are the hardest case: nothing but the fence makes them repeatable. */
const server = new RedisServer();
let proxy: Proxy;
let client: Redis;

const place = async (): Promise<Place> => {
  const key = crypto.randomUUID();
  await client.set(`${key}:text`, 'not a hash');
  const sink = redis.increment<Item, unknown>({
    key: (item) => (item.bad === true ? `${key}:text` : key),
    fields: (item) => {
      if (item.throws === true) throw new Error('on purpose');
      return { [item.id]: 1 };
    },
    url,
  });
  return {
    driver: (context) => driverOf(sink, context, `redis://127.0.0.1:${proxy.port}`),
    contents: async () => new Map(Object.entries(await client.hgetall(key)).map(([id, count]) => [id, Number(count)])),
  };
};

describeConformance({
  name: 'redis',
  promises: { fence: true, stopsBeforeTheFirst: true },
  proxy: () => proxy,
  start: async () => {
    await server.start();
    proxy = new Proxy('127.0.0.1', server.port);
    await proxy.up();
    client = new Redis(server.url);
  },
  stop: async () => {
    client.disconnect();
    await proxy.down();
    await server.stop();
  },
  place,
});

describe('redis', function () {
  this.timeout(30_000);
  const own = new RedisServer('--appendonly', 'yes', '--appendfsync', 'always');
  const open: SinkDriver[] = [];
  let admin: Redis;

  before(async () => {
    await own.start();
    admin = new Redis(own.url, { protocol: 2, retryStrategy: () => 50, maxRetriesPerRequest: null });
    admin.on('error', () => undefined);
  });
  after(async () => {
    await Promise.all(open.map((driver) => driver.close()));
    admin.disconnect();
    await own.stop();
  });

  const started = async <V>(sink: RedisSink<V, unknown>, context = contextOf()): Promise<SinkDriver> => {
    const driver = driverOf(sink as RedisSink, context, own.url);
    open.push(driver);
    await driver.open();
    return driver;
  };
  const writerOf = async <V>(sink: RedisSink<V, unknown>, context = contextOf(), task = taskOf(1)) => (await started(sink, context)).writer(task);
  const write = async <V>(sink: RedisSink<V, unknown>, values: readonly V[]): Promise<number[]> =>
    refusedIndexes(await (await writerOf(sink)).write(values.map((value, n) => recordOf(value, n)), running()));
  const newKey = (): string => crypto.randomUUID();

  describe('hash', () => {
    it('sets fields as text, deletes those that are null and keeps the others', async () => {
      const key = newKey();
      const bytes = Uint8Array.from([0, 255, 10, 13, 128]);
      await admin.hset(key, { kept: 'k', gone: 'g' });
      const refused = await write(redis.hash<number, unknown>({ key, url, fields: () => ({ a: 'ü\u0000x', n: 1.5, big: 9007199254740993n, yes: true, gone: null, bytes }) }), [1]);
      expect(refused).deep.equal([]);
      const { bytes: text, ...rest } = await admin.hgetall(key);
      expect(rest).deep.equal({ kept: 'k', a: 'ü\u0000x', n: '1.5', big: '9007199254740993', yes: 'true' });
      expect(text).a('string');
      expect(await admin.hgetBuffer(key, 'bytes')).deep.equal(Buffer.from(bytes));
    });

    it('sets more fields at once than one call of Lua can take', async () => {
      const key = newKey();
      const fields = Object.fromEntries(Array.from({ length: 9_000 }, (_, n) => [`f${n}`, n]));
      expect(await write(redis.hash<number, unknown>({ key, url, fields: () => fields }), [1])).deep.equal([]);
      expect(await admin.hlen(key)).equal(9_000);
    });

    it('lets the key expire after its last write', async () => {
      const key = newKey();
      await write(redis.hash<number, unknown>({ key, url, fields: () => ({ a: 1 }), expireSeconds: 100 }), [1]);
      expect(await admin.ttl(key)).within(95, 100);
    });
  });

  it('keeps the highest scores of a sorted set', async () => {
    const key = newKey();
    const sink = redis.sortedSet<readonly [string, number], unknown>({ key, url, member: ([member]) => member, score: ([, score]) => score, keep: 3 });
    expect(await write(sink, [['a', 1], ['b', 5], ['c', 3], ['d', 0.5], ['e', Number.NaN], ['f', 9], ['b', 4]])).deep.equal([4]);
    expect(await admin.call('ZRANGE', key, '0', '-1', 'WITHSCORES')).deep.equal(['c', '3', 'b', '4', 'f', '9']);
  });

  it('keeps exactly the newest entries of a stream', async () => {
    const key = newKey();
    const sink = redis.stream<number, unknown>({ key, url, fields: (n) => ({ n, none: null }), maxLength: 3 });
    await write(sink, Array.from({ length: 250 }, (_, n) => n));
    expect((await admin.xrange(key, '-', '+')).map(([, fields]) => fields)).deep.equal([['n', '247'], ['n', '248'], ['n', '249']]);
  });

  describe('increment', () => {
    const add = (key: string) => redis.increment<Readonly<Record<string, number | bigint>>, unknown>({ key, url, fields: (fields) => fields });

    it('adds whole numbers, beyond 2^53 too, and refuses others', async () => {
      const key = newKey();
      expect(await write(add(key), [{ a: 1, b: -2 }, { a: 0.5 }, { b: 9007199254740993n }, { a: 2n ** 63n }])).deep.equal([1, 3]);
      expect(await admin.hgetall(key)).deep.equal({ a: '1', b: '9007199254740991' });
    });

    it('adds all fields of a record or none', async () => {
      const key = newKey();
      await admin.hset(key, { full: '9223372036854775807', text: 'abc', spaced: '5' });
      const refused = await write(add(key), [{ fresh: 1, spaced: 2, full: 1 }, { spaced: 3 }, { fresh: 1, text: 1 }]);
      expect(refused).deep.equal([0, 2]);
      expect(await admin.hgetall(key)).deep.equal({ full: '9223372036854775807', text: 'abc', spaced: '8' });
    });
  });

  it('cuts a large batch into several calls at the bounds of offsets', async () => {
    const key = newKey();
    const sink = redis.increment<string, unknown>({ key, url, fields: (id) => ({ [id]: 1 }) });
    const batch = Array.from({ length: 5_000 }, (_, n) => recordOf(`f${n}`, Math.floor(n / 7)));
    const writer = await writerOf(sink);
    await writer.write(batch, running());
    expect(await admin.hlen(key)).equal(5_000);
    const again = await writer.write(batch, running());
    expect(again).deep.equal({ refused: [], retry: [] });
    expect(new Set(await admin.hvals(key))).deep.equal(new Set(['1']));
  });

  it('keeps a fence per partition of each topic that the stage reads', async () => {
    const key = newKey();
    const context = contextOf();
    const sink = redis.increment<string, unknown>({ key, url, fields: (id) => ({ [id]: 1 }) });
    const task = (epoch: number): SinkTask => taskOf(epoch, { partitions: [{ topic: 'a', partition: 3 }, { topic: 'b', partition: 3 }] });
    const at = (topic: string, offset: number) => recordOf(`${topic}${offset}`, offset, { topic, partition: 3 });
    await (await writerOf(sink, context, task(1))).write([at('a', 5), at('b', 1), at('a', 9)], running());
    const next = await writerOf(sink, context, task(2));
    expect(await next.positions(FAR_ENDS)).deep.equal([10, 2]);
    await next.write([at('b', 1), at('b', 2), at('a', 9), at('a', 10)], running());
    expect(await admin.hgetall(key)).deep.equal({ a5: '1', b1: '1', a9: '1', b2: '1', a10: '1' });
  });

  it('passes its fence over records that are refused', async () => {
    const context = contextOf();
    const sink = redis.increment<number, unknown>({ key: newKey(), url, fields: (n) => ({ n }) });
    const writer = await writerOf(sink, context);
    expect(refusedIndexes(await writer.write([recordOf(1, 0), recordOf(0.5, 1)], running()))).deep.equal([1]);
    expect(await (await writerOf(sink, context, taskOf(2))).positions(FAR_ENDS)).deep.equal([2]);
  });

  it('begins a new generation when its fence lies beyond the end of the topic', async () => {
    const context = contextOf();
    const key = newKey();
    const sink = redis.increment<number, unknown>({ key, url, fields: (n) => ({ n }) });
    await (await writerOf(sink, context)).write([recordOf(1, 50)], running());
    const writer = await writerOf(sink, context, taskOf(2));
    expect(await writer.positions([50])).deep.equal([0]);
    await writer.write([recordOf(1, 7)], running());
    expect(await admin.hgetall(key)).deep.equal({ n: '2' });
    expect(await admin.hgetall(fenceKey(context.app, context.sink, TOPIC, 0))).deep.equal({ generation: '2', producerId: '7', epoch: '2', offset: '7' });
    expect(await admin.ttl(fenceKey(context.app, context.sink, TOPIC, 0)), 'a fence never expires').equal(-1);
  });

  it('opens again where Redis stands when Redis has lost confirmed writes', async () => {
    const context = contextOf();
    const key = newKey();
    const sink = redis.increment<number, unknown>({ key, url, fields: (n) => ({ [`n${n}`]: 1 }) });
    const writer = await writerOf(sink, context);
    await writer.write([recordOf(0, 0)], running());
    const fence = fenceKey(context.app, context.sink, TOPIC, 0);
    const position = await admin.dumpBuffer(fence);
    const data = await admin.dumpBuffer(key);
    await writer.write([recordOf(1, 1)], running());
    await writer.verify!(running());
    await admin.restore(fence, 0, position, 'REPLACE');
    await admin.restore(key, 0, data, 'REPLACE');
    expect(await rejection(writer.verify!(running())), 'asked without a write').instanceOf(RejoinError);
    expect(await rejection(writer.write([recordOf(2, 2)], running()))).instanceOf(RejoinError);
    const next = await writerOf(sink, context, taskOf(2));
    expect(await next.positions(FAR_ENDS)).deep.equal([1]);
    await next.write([recordOf(1, 1), recordOf(2, 2)], running());
    expect(await admin.hgetall(key)).deep.equal({ n0: '1', n1: '1', n2: '1' });
  });

  it('loses and doubles nothing when Redis is killed and started again', async () => {
    const key = newKey();
    const sink = redis.increment<number, unknown>({ key, url, fields: (n) => ({ [`n${n}`]: 1 }) });
    const writer = await writerOf(sink, contextOf({ timeoutMs: 1_000 }));
    const batch = Array.from({ length: 300 }, (_, n) => recordOf(n, n));
    await writeAll(writer, batch.slice(0, 100));
    const during = writeAll(writer, batch.slice(100));
    await own.signal('SIGKILL');
    await own.start();
    await during;
    await admin.ping();
    expect(await admin.hlen(key)).equal(300);
    expect(new Set(await admin.hvals(key))).deep.equal(new Set(['1']));
  });

  it('asks for another try while Redis is out of memory, and writes nothing of the batch', async () => {
    const key = newKey();
    const sink = redis.hash<number, unknown>({ key, url, fields: (n) => ({ n: n === 2 ? null : n }) });
    const writer = await writerOf(sink);
    await writer.write([recordOf(1, 0)], running());
    await admin.config('SET', 'maxmemory', '1');
    try {
      expect(await rejection(writer.write([recordOf(2, 1)], running()))).instanceOf(RetryError);
    } finally {
      await admin.config('SET', 'maxmemory', '0');
    }
    expect(await admin.hget(key, 'n')).equal('1');
    await writer.write([recordOf(2, 1)], running());
    expect(await admin.hget(key, 'n')).equal(null);
  });

  it('works after Redis has forgotten its scripts', async () => {
    const key = newKey();
    const writer = await writerOf(redis.hash<number, unknown>({ key, url, fields: (n) => ({ n }) }));
    await writer.write([recordOf(1, 0)], running());
    await admin.script('FLUSH');
    await writer.write([recordOf(2, 1)], running());
    expect(await admin.hget(key, 'n')).equal('2');
  });

  it('stops for good when Redis refuses the login, without naming the password', async () => {
    const locked = new RedisServer('--requirepass', 'right');
    await locked.start();
    const driver = driverOf(redis.hash<number, unknown>({ key: 'k', url, fields: () => ({}) }) as RedisSink, contextOf(), `redis://:wrong-Pa55@127.0.0.1:${locked.port}`);
    try {
      const error = await rejection(driver.open());
      expect(error).instanceOf(StopError);
      expect(String(error)).not.contains('wrong-Pa55');
    } finally {
      await driver.close();
      await locked.stop();
    }
  });
});
