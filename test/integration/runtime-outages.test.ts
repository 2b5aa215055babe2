/** Systems that are away: what depends on them waits and loses nothing, the rest goes on, and the log stays short. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { Redis } from 'ioredis';
import { after, afterEach, before, describe, it } from 'mocha';
import { avro, json, map, schema, stream, to, topology } from 'millrace/topology';
import { env, kafka, redis } from 'millrace/sinks';
import { clean, up, type Stack } from '../../lib/stack/index.ts';
import { counting, type Count, type Event } from './runtime/counting.ts';
import { avroMessage, deleteSubject, registerSchema } from './support/avro-messages.ts';
import { Handles, type KeptLog } from './support/handles.ts';
import { eventually, Lab } from './support/lab.ts';
import { Proxy } from './support/proxy.ts';

const REGISTRY_URL = process.env.MILLRACE_REGISTRY_URL!;
const REDIS_URL = process.env.MILLRACE_REDIS_URL!;
const OUTAGE_MS = 2_500;

const proxyOf = async (url: string): Promise<{ readonly proxy: Proxy; readonly url: string }> => {
  const { hostname, port } = new URL(url);
  const proxy = new Proxy(hostname, Number(port));
  await proxy.up();
  const own = new URL(url);
  own.port = String(proxy.port);
  return { proxy, url: own.href };
};

const forget = async (client: Redis, app: string): Promise<void> => {
  const keys = await client.keys(`*${app}*`);
  if (keys.length > 0) await client.del(keys);
  client.disconnect();
};

const messages = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => ({ key: `k${(from + i) % 7}`, value: JSON.stringify({ id: from + i }) }));
/** A line for each kind of trouble, not for each attempt. */
const expectShort = (log: KeptLog): void => {
  expect(log.lines.filter(({ level }) => level === 'warn').length).to.be.above(0).and.below(12);
  expect(log.lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
};

describe('systems that are away', function () {
  this.timeout(180_000);
  const handles = new Handles();
  let lab: Lab;

  before(() => {
    lab = new Lab('away');
  });
  afterEach(() => handles.stop());
  after(() => lab.close());

  it('Redis: its branch waits and then writes everything once, the other branch goes on', async () => {
    const { proxy, url } = await proxyOf(REDIS_URL);
    const client = new Redis(REDIS_URL);
    const topic = await lab.topic('clicks', 4);
    const clicks = stream(topic, json<{ readonly id: number }>());
    const app = `${lab.app}-redis`;
    const branches = topology(app,
      clicks.pipe(to('counters', redis.increment({ key: `${app}:clicks`, fields: (_, meta) => ({ [String(meta.key)]: 1 }), url: env('RT_REDIS_URL') }))),
      clicks.pipe(to('copy', kafka(`${app}.copy`, json<{ readonly id: number }>()))),
    );
    try {
      await proxy.down();
      await lab.send(topic, messages(0, 1_000));
      const { handle, log } = handles.start(branches, { environment: { ...process.env, RT_REDIS_URL: url } });
      await eventually(async () => (await lab.readJson(`${app}.copy`)).length === 1_000, () => 'the copy while Redis is away');
      expect(await client.exists(`${app}:clicks`)).to.equal(0);
      await proxy.up();
      await eventually(async () => Object.values(await client.hgetall(`${app}:clicks`)).reduce((sum, n) => sum + Number(n), 0) === 1_000, () => 'all clicks of the first outage');
      await lab.send(topic, messages(1_000, 1_500));
      await proxy.down();
      await lab.send(topic, messages(1_500, 2_100));
      await eventually(async () => (await lab.readJson(`${app}.copy`)).length === 2_100, () => 'the copy while Redis is away again');
      await proxy.up();
      await eventually(async () => Object.values(await client.hgetall(`${app}:clicks`)).reduce((sum, n) => sum + Number(n), 0) >= 2_100, () => 'all clicks');
      await eventually(() => handle.figures().stages.every(({ lagRecords }) => lagRecords === 0), () => 'no lag is left');
      expect(await client.hgetall(`${app}:clicks`)).to.deep.equal({ k0: '300', k1: '300', k2: '300', k3: '300', k4: '300', k5: '300', k6: '300' });
      expect(handle.figures().stages.find(({ sink }) => sink === 'counters')!.retries).to.be.above(0);
      expectShort(log);
    } finally {
      await handles.stop();
      await proxy.down();
      await forget(client, app);
    }
  });

  it('a sink that hangs: the worker still stops in time, and the records come with the next one', async () => {
    const { proxy, url } = await proxyOf(REDIS_URL);
    const client = new Redis(REDIS_URL);
    const topic = await lab.topic('hanging', 2);
    const app = `${lab.app}-hanging`;
    const value = topology(app, stream(topic, json<{ readonly id: number }>()).pipe(to('counters', redis.increment({ key: `${app}:n`, fields: () => ({ n: 1 }), url: env('RT_REDIS_URL') }))));
    const environment = { ...process.env, RT_REDIS_URL: url };
    try {
      const { handle, log } = handles.start(value, { environment, settings: { stopTimeoutMs: 3_000 } });
      await eventually(() => handle.figures().stages[0]!.tasks === 2, () => 'the tasks are open');
      proxy.mode('silent');
      await lab.send(topic, messages(0, 100));
      await eventually(() => handle.figures().stages[0]!.recordsIn === 100, () => 'the records are under way');
      const began = performance.now();
      await handle.stop();
      expect(performance.now() - began).to.be.below(5_000);
      expect(log.said('stopped')).to.have.length(1);
      proxy.mode('through');
      const next = handles.start(value, { environment });
      await eventually(async () => Number(await client.hget(`${app}:n`, 'n')) >= 100, () => 'the next worker writes them');
      await eventually(() => next.handle.figures().stages[0]!.lagRecords === 0, () => 'no lag is left');
      expect(await client.hgetall(`${app}:n`)).to.deep.equal({ n: '100' });
    } finally {
      await handles.stop();
      await proxy.down();
      await forget(client, app);
    }
  });

  it('the registry: what needs a schema waits, what needs none goes on', async () => {
    const { proxy, url } = await proxyOf(REGISTRY_URL);
    const SCHEMA = { type: 'record', name: 'Sale', fields: [{ name: 'id', type: 'int' }] } as const;
    const sale = schema<{ readonly id: number }>(SCHEMA);
    const app = `${lab.app}-registry`;
    const avroTopic = await lab.topic('sales', 2);
    const jsonTopic = await lab.topic('notes', 2);
    const value = topology(app,
      stream(avroTopic, avro(sale)).pipe(map((s) => s.id), to('sales', kafka(`${app}.sales`, json<number>()))),
      stream(jsonTopic, json<{ readonly id: number }>()).pipe(to('notes', kafka(`${app}.notes`, json<{ readonly id: number }>()))),
    );
    const id = await registerSchema(REGISTRY_URL, `${avroTopic}-value`, SCHEMA);
    try {
      await proxy.down();
      await lab.send(avroTopic, Array.from({ length: 300 }, (_, n) => ({ key: String(n), value: avroMessage(id, SCHEMA, { id: n }) })));
      await lab.send(jsonTopic, messages(0, 300));
      const { handle, log } = handles.start(value, { settings: { registryUrl: url, retryMaxMs: 500 } });
      await eventually(async () => (await lab.readJson(`${app}.notes`)).length === 300, () => 'the notes');
      await delay(OUTAGE_MS);
      expect(await lab.readJson(`${app}.sales`)).to.deep.equal([]);
      await proxy.up();
      await eventually(async () => (await lab.readJson(`${app}.sales`)).length >= 300, () => `the sales ${JSON.stringify(log.lines.slice(-4))}`);
      expect((await lab.readJson<number>(`${app}.sales`)).sort((a, b) => a - b)).to.deep.equal(Array.from({ length: 300 }, (_, n) => n));
      expect(handle.figures().stages.find((s) => s.stage === avroTopic)!.deadLetters).to.equal(0);
      expectShort(log);
    } finally {
      await handles.stop();
      await proxy.down();
      await deleteSubject(REGISTRY_URL, `${avroTopic}-value`);
    }
  });
});

describe('a broker that restarts', function () {
  this.timeout(180_000);
  const EVENTS = 10_000;
  const USERS = 50;
  const eventOf = (id: number): Event => ({ id, user: `user-${id % USERS}`, amount: 1 });
  const handles = new Handles();
  let dir: string;
  let broker: Stack;
  let lab: Lab;

  before(async () => {
    dir = await mkdtemp(join(tmpdir(), 'millrace-broker-'));
    broker = await up({ dir, services: ['kafka'], portOffset: 12_000 });
    lab = new Lab('broker', broker.endpoints.brokers.join(','));
  });
  after(async () => {
    await handles.stop();
    await lab?.close();
    await clean({ dir });
    await rm(dir, { recursive: true, force: true });
  });

  it('after a crash: workers come back by themselves, and each record counts once', async () => {
    const topic = await lab.topic('events', 4);
    const send = async (from: number, to: number): Promise<void> => {
      for (let id = from; id < to; id += 1_000) await lab.send(topic, Array.from({ length: Math.min(1_000, to - id) }, (_, i) => ({ key: String(id + i), value: JSON.stringify(eventOf(id + i)) })));
    };
    const { handle, log } = handles.start(counting(lab.app), { settings: { kafkaBrokers: [lab.brokers], commitRecords: 200, fetchPartitionBytes: 20_000 } });
    const counted = (): number => handle.figures().stages.find(({ stage }) => stage === 'by-user')!.recordsIn;
    await eventually(() => handle.figures().stages.every(({ tasks }) => tasks === 4), () => 'all tasks are open');
    await send(0, EVENTS / 2);
    await eventually(() => counted() > 0, () => 'some are counted');
    const atKill = counted();
    await broker.kill('kafka');
    await broker.start('kafka');
    await send(EVENTS / 2, EVENTS);
    let counts: Count[] = [];
    await eventually(() => handle.figures().stages.every(({ tasks, lagRecords }) => tasks === 4 && lagRecords === 0), () => JSON.stringify(log.lines.slice(-5)), 40_000);
    await eventually(async () => {
      await delay(300);
      counts = await lab.readJson<Count>(`${lab.app}.counts`);
      return counts.length >= EVENTS;
    }, () => `${counts.length} of ${EVENTS}, ${JSON.stringify(log.lines.slice(-5))}`);
    expect(atKill).to.be.below(EVENTS / 2);
    // A producer whose answer was lost sends again, so what is on the topic is the truth.
    const inputs = await lab.readJson<Event>(topic);
    expect(new Set(inputs.map(({ id }) => id)).size).to.equal(EVENTS);
    expect(counts.map(({ id }) => id).sort((a, b) => a - b)).to.deep.equal(inputs.map(({ id }) => id).sort((a, b) => a - b));
    const perUser = (users: readonly string[]): Record<string, number> => {
      const numbers: Record<string, number> = {};
      for (const user of users) numbers[user] = (numbers[user] ?? 0) + 1;
      return numbers;
    };
    const highest: Record<string, number> = {};
    for (const { id, n } of counts) highest[eventOf(id).user] = Math.max(n, highest[eventOf(id).user] ?? 0);
    expect(highest).to.deep.equal(perUser(inputs.map(({ user }) => user)));
    expect(log.lines.filter(({ level }) => level === 'error')).to.deep.equal([]);
    expect(log.lines.filter(({ level }) => level === 'warn').length).to.be.below(30);
  });
});
