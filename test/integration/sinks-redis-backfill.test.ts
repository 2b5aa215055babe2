/** Whose value stands when a backfill and live traffic write the same field of Redis. */
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { after, before, describe, it } from 'mocha';
import { StopError } from '../../lib/core/errors.ts';
import type { SinkContext, SinkDriver, SinkWriter } from '../../lib/sinks/contract.ts';
import { createDriver } from '../../lib/sinks/index.ts';
import { fenceKey, markKey } from '../../lib/sinks/redis/driver.ts';
import { redis } from '../../topology/sinks/redis.ts';
import { secret, type RedisFields, type RedisSink } from '../../topology/sinks.ts';
import { RedisServer } from './support/redis.ts';
import { contextOf, recordOf, rejection, running, taskOf, testConfig, TOPIC } from './support/sinks.ts';

const url = secret('REDIS');
const PARTITIONS = [{ topic: TOPIC, partition: 0 }];

describe('a backfill into Redis', function () {
  this.timeout(30_000);
  const server = new RedisServer();
  const open: SinkDriver[] = [];
  let client: Redis;
  let runs = 0;

  before(async () => {
    await server.start();
    client = new Redis(server.url);
  });
  after(async () => {
    await Promise.all(open.map((driver) => driver.close()));
    client.disconnect();
    await server.stop();
  });

  const driverOf = async (sink: RedisSink, context: SinkContext): Promise<SinkDriver> => {
    const driver = createDriver(sink, context, { environment: { REDIS: server.url }, config: testConfig });
    open.push(driver);
    await driver.open();
    return driver;
  };
  interface Both {
    readonly live: (...values: readonly unknown[]) => Promise<void>;
    readonly backfill: (...values: readonly unknown[]) => Promise<void>;
    readonly driver: SinkDriver;
    readonly context: SinkContext;
  }
  const writing = (writer: SinkWriter): Both['live'] => {
    let offset = 0;
    return async (...values) => void await writer.write(values.map((value) => recordOf(value, offset++)), running());
  };
  const both = async (sink: RedisSink): Promise<Both> => {
    const liveContext = contextOf();
    runs += 1;
    const context = { ...liveContext, app: `tests-backfill-${runs}`, backfillOf: liveContext.app };
    const [live, driver] = [await driverOf(sink, liveContext), await driverOf(sink, context)];
    return { live: writing(await live.writer(taskOf(1))), backfill: writing(await driver.writer(taskOf(1))), driver, context };
  };
  const hashAt = (key: string): RedisSink => redis.hash<RedisFields, unknown>({ key, fields: (fields) => fields, url });

  it('overwrites what live traffic had written before it began, and never what it writes from then on', async () => {
    const { live, backfill, driver } = await both(hashAt('h1'));
    await live({ a: 'live 1', b: 'live 1', c: 'live 1', gone: 'live 1' });
    await driver.protect!('first');
    await live({ b: 'live 2', gone: null });
    await backfill({ a: 'old', b: 'old', d: 'old', gone: 'old' }, { a: 'newer', c: null });
    await live({ d: 'live 3' });
    await backfill({ d: 'newest of the past', e: 'old' });
    expect(await client.hgetall('h1')).to.deep.equal({ a: 'newer', b: 'live 2', d: 'live 3', e: 'old' });
  });

  it('does so member by member in a sorted set', async () => {
    const sink = redis.sortedSet<readonly [string, number], unknown>({ key: 'z1', member: ([member]) => member, score: ([, score]) => score, url });
    const { live, backfill, driver } = await both(sink);
    await live(['a', 1], ['b', 1]);
    await driver.protect!('first');
    await live(['b', 2]);
    await backfill(['a', 10], ['b', 20], ['c', 30]);
    // In pairs or not, as the protocol's version has it.
    const scores = (await client.call('ZRANGE', 'z1', '0', '-1', 'WITHSCORES')) as readonly (string | readonly string[])[];
    expect(scores.flat()).to.deep.equal(['b', '2', 'a', '10', 'c', '30']);
  });

  it('takes a key for no other and a field for no other, wherever their names are cut', async () => {
    const sink = redis.hash<readonly [string, string], unknown>({ key: ([key]) => key, fields: ([, field]) => ({ [field]: 'x' }), url });
    const { live, backfill, driver } = await both(sink);
    await driver.protect!('first');
    await live(['k', 'ab'], ['ka', 'b']);
    await client.del('k', 'ka');
    await backfill(['k', 'ab'], ['ka', 'b'], ['ka', 'ab'], ['k', 'b']);
    expect([await client.hkeys('k'), await client.hkeys('ka')]).to.deep.equal([['b'], ['ab']]);
  });

  it('leaves no word when no backfill runs, and none of itself after its release', async () => {
    const { live, backfill, driver, context } = await both(hashAt('h2'));
    await live({ a: '1' });
    expect(await client.keys('millrace:backfill:*:live')).to.not.include(`${markKey('tests', context.sink)}:live`);
    await driver.protect!('first');
    await live({ a: '2' });
    await backfill({ b: '1' });
    expect(await client.scard(`${markKey('tests', context.sink)}:live`)).to.equal(1);
    await driver.release!(PARTITIONS);
    expect(await client.exists(markKey('tests', context.sink), `${markKey('tests', context.sink)}:live`, fenceKey(context.app, context.sink, TOPIC, 0))).to.equal(0);
    await live({ a: '3' });
    expect(await client.exists(`${markKey('tests', context.sink)}:live`)).to.equal(0);
  });

  it('goes on only while its mark has been there all the time, and writes nothing without it', async () => {
    const { backfill, driver, context } = await both(hashAt('h3'));
    expect(await rejection(driver.protect!('resumed'))).to.be.instanceOf(StopError);
    await driver.protect!('first');
    await driver.protect!('resumed');
    await backfill({ a: '1' });
    await client.del(markKey('tests', context.sink));
    expect(await rejection(backfill({ a: '2' }))).to.be.instanceOf(StopError);
    expect(await client.hgetall('h3')).to.deep.equal({ a: '1' });
  });

  describe('does not take for newer what live traffic wrote during an earlier one', () => {
    const DAY_SECONDS = 86_400;
    /** The set of what live traffic has written, as an earlier backfill that ended badly has left it. */
    const stale = async (context: SinkContext, key: string): Promise<string> => {
      const live = `${markKey('tests', context.sink)}:live`;
      await client.sadd(live, `${key}\0a`);
      return live;
    };

    it('when its mark has run out', async () => {
      const { backfill, driver, context } = await both(hashAt('s1'));
      const live = await stale(context, 's1');
      await driver.protect!('first');
      expect(await client.exists(live)).to.equal(0);
      await backfill({ a: 'lost' });
      expect(await client.hgetall('s1')).to.deep.equal({ a: 'lost' });
    });

    it('when it was cut short before it settled where it ends', async () => {
      const { live, backfill, driver } = await both(hashAt('s2'));
      await driver.protect!('first');
      await live({ a: 'live 1' });
      await client.del('s2');
      await driver.protect!('first');
      await backfill({ a: 'lost' });
      expect(await client.hgetall('s2')).to.deep.equal({ a: 'lost' });
    });

    it('and nobody keeps that for ever, though the backfill ends before it writes', async () => {
      const { live, driver, context } = await both(hashAt('s3'));
      await driver.protect!('first');
      await live({ a: 'live 1' }, { b: 'live 1' });
      const seconds = await client.ttl(`${markKey('tests', context.sink)}:live`);
      expect(seconds).to.be.within(6 * DAY_SECONDS, 7 * DAY_SECONDS);
      expect(seconds).to.be.at.least(await client.ttl(markKey('tests', context.sink)));
    });

    it('and a discarded one leaves nothing of it, though its mark has run out', async () => {
      const { driver, context } = await both(hashAt('s4'));
      const live = await stale(context, 's4');
      await driver.release!(PARTITIONS);
      expect(await client.exists(live)).to.equal(0);
    });
  });

  it('goes on after a pause as long as a week after its last start', async () => {
    const { live, driver, context } = await both(hashAt('h5'));
    const mark = markKey('tests', context.sink);
    await driver.protect!('first');
    await live({ a: 'live 1' });
    await Promise.all([client.expire(mark, 100), client.expire(`${mark}:live`, 100)]);
    await driver.protect!('resumed');
    expect(Math.min(await client.ttl(mark), await client.ttl(`${mark}:live`))).to.be.above(100);
    expect(await client.smembers(`${mark}:live`)).to.deep.equal(['h5\0a']);
  });

  it('writes nothing under the mark of another one', async () => {
    const { backfill, driver, context } = await both(hashAt('h6'));
    await driver.protect!('first');
    await client.set(markKey('tests', context.sink), 'tests-backfill-other');
    expect(await rejection(backfill({ a: '1' }))).to.be.instanceOf(StopError);
    expect(await client.exists('h6')).to.equal(0);
  });

  it('refuses to write beside another backfill of the same sink', async () => {
    const sink = hashAt('h4');
    const { driver, context } = await both(sink);
    await driver.protect!('first');
    const other = await driverOf(sink, { ...context, app: 'tests-backfill-other' });
    expect(String(await rejection(other.protect!('first')))).to.include(`${context.app} writes to sink ${context.sink} already`);
    const live = `${markKey('tests', context.sink)}:live`;
    await client.sadd(live, 'x');
    await other.release!(PARTITIONS);
    expect([await client.get(markKey('tests', context.sink)), await client.exists(live)]).to.deep.equal([context.app, 1]);
  });
});
