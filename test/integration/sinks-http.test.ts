import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'chai';
import { after, afterEach, before, beforeEach, describe, it } from 'mocha';
import { startPartner, type Partner } from '../../examples/engagement/partner/server.ts';
import { RetryError } from '../../lib/core/errors.ts';
import type { SinkContext, SinkDriver, SinkWriter } from '../../lib/sinks/contract.ts';
import { createDriver } from '../../lib/sinks/index.ts';
import { http, type HttpOptions } from '../../topology/sinks/http.ts';
import { secret, type HttpSink } from '../../topology/sinks.ts';
import { describeConformance, type Place } from './support/conformance.ts';
import { Proxy } from './support/proxy.ts';
import { contextOf, recordOf, refusedIndexes, retryIndexes, running, taskOf, testConfig, type Item } from './support/sinks.ts';

const TOKEN = 'planted-t0ken-5e1f';
const driverOf = (sink: HttpSink, context: SinkContext = contextOf()): SinkDriver => createDriver(sink, context, { environment: { TOKEN }, config: testConfig });

let folder = '';
let partner: Partner;
let proxy: Proxy;

/** Every call of the partner's API with this key but another body is refused by it. */
const poison = async (key: string): Promise<void> => {
  const response = await fetch(`${partner.url}/plays`, {
    method: 'POST', headers: { authorization: `Bearer ${TOKEN}`, 'idempotency-key': `"${key}"`, 'content-type': 'application/json' }, body: '"first"',
  });
  expect(response.status).equal(201);
};

const place = async (): Promise<Place> => {
  const name = crypto.randomUUID();
  await poison(`${name}/poison`);
  const sink = http<Item, unknown>({
    url: `http://127.0.0.1:${proxy.port}/plays`,
    token: secret('TOKEN'),
    body: (item) => {
      if (item.throws === true) throw new Error('on purpose');
      return { id: item.id };
    },
    idempotencyKey: (item) => (item.bad === true ? `${name}/poison` : `${name}/${item.id}`),
  });
  return {
    driver: (context) => driverOf(sink as HttpSink, context),
    contents: async () => {
      const response = await fetch(`${partner.url}/admin/accepted`, { headers: { authorization: `Bearer ${TOKEN}` } });
      const counts = new Map<string, number>();
      for (const line of (await response.text()).split('\n').filter((text) => text !== '')) {
        const { key, body } = JSON.parse(line) as { readonly key: string; readonly body: { readonly id: string } | string };
        if (key.replaceAll('"', '').startsWith(`${name}/`) && typeof body !== 'string') counts.set(body.id, (counts.get(body.id) ?? 0) + 1);
      }
      return counts;
    },
  };
};

describeConformance({
  name: 'http',
  promises: { fence: false, stopsBeforeTheFirst: true },
  proxy: () => proxy,
  start: async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-partner-'));
    partner = await startPartner({ port: 0, folder, token: TOKEN, faults: { refuseEvery: 0, dropEvery: 0 } });
    proxy = new Proxy('127.0.0.1', Number(new URL(partner.url).port));
    await proxy.up();
  },
  stop: async () => {
    await proxy.down();
    await partner.close();
    await rm(folder, { recursive: true, force: true });
  },
  place,
});

interface Call {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

type Reply = (call: Call, response: ServerResponse) => void | Promise<void>;

describe('http', function () {
  this.timeout(20_000);
  let server: Server;
  let reply: Reply;
  let calls: Call[];
  let writers: SinkWriter[];

  before(async () => {
    server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const call = { method: request.method!, url: request.url!, headers: request.headers, body: Buffer.concat(chunks).toString() };
        if (call.method === 'HEAD') return response.writeHead(404).end();
        calls.push(call);
        return void reply(call, response);
      });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  beforeEach(() => {
    calls = [];
    writers = [];
    reply = (_call, response) => void response.end('{}');
  });
  afterEach(async () => {
    await Promise.all(writers.map((writer) => writer.close()));
  });

  const origin = (): string => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const writerOf = async (options: Partial<HttpOptions<string, unknown>> = {}, context = contextOf()): Promise<SinkWriter> => {
    const sink = http<string, unknown>({ url: `${origin()}/calls?a=b`, body: (id) => ({ id }), idempotencyKey: (id) => id, token: secret('TOKEN'), ...options });
    const writer = await driverOf(sink as HttpSink, context).writer(taskOf(1));
    writers.push(writer);
    return writer;
  };
  const batch = (...values: string[]) => values.map((value, n) => recordOf(value, n, { key: value.split('/')[0]! }));
  const ids = (): string[] => calls.map(({ body }) => (JSON.parse(body) as { readonly id: string }).id);

  it('sends method, path, token, own headers, JSON and the key as a quoted string', async () => {
    await (await writerOf({ method: 'PUT', headers: { 'x-tenant': 't1' } })).write(batch('ab"c\\ü'), running());
    expect(calls.map(({ method, url, body }) => ({ method, url, body }))).deep.equal([{ method: 'PUT', url: '/calls?a=b', body: '{"id":"ab\\"c\\\\ü"}' }]);
    expect(calls[0]!.headers).deep.include({
      authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json', 'x-tenant': 't1', 'idempotency-key': '"ab\\"c\\\\%C3%BC"',
    });
  });

  const statuses: readonly (readonly [number, 'written' | 'refused' | 'retry', number])[] = [
    [200, 'written', 1], [201, 'written', 1], [204, 'written', 1],
    [302, 'refused', 1], [400, 'refused', 1], [403, 'refused', 1], [404, 'refused', 1], [410, 'refused', 1], [413, 'refused', 1], [422, 'refused', 1],
    [401, 'retry', 4], [408, 'retry', 4], [409, 'retry', 4], [425, 'retry', 4], [429, 'retry', 4], [500, 'retry', 4], [502, 'retry', 4], [503, 'retry', 4], [504, 'retry', 4],
  ];
  for (const [status, becomes, attempts] of statuses) {
    it(`takes ${status} as ${becomes} after ${attempts} attempt${attempts === 1 ? '' : 's'}`, async () => {
      reply = (_call, response) => void response.writeHead(status, { location: `${origin()}/elsewhere` }).end();
      const result = await (await writerOf()).write(batch('a'), running());
      expect({ refused: refusedIndexes(result), retry: retryIndexes(result) }).deep.equal({ refused: becomes === 'refused' ? [0] : [], retry: becomes === 'retry' ? [0] : [] });
      expect(calls.map(({ url }) => url)).deep.equal(Array.from({ length: attempts }, () => '/calls?a=b'));
    });
  }

  it('tries again by itself what passes', async () => {
    reply = (_call, response) => {
      if (calls.length === 1) response.destroy();
      else response.writeHead(calls.length < 4 ? 503 : 200).end();
    };
    expect(await (await writerOf()).write(batch('a'), running())).deep.equal({ refused: [], retry: [] });
    expect(new Set(calls.map(({ headers }) => headers['idempotency-key']))).deep.equal(new Set(['"a"']));
    expect(calls.length).equal(4);
  });

  it('keeps the first 2 KB of a refusal, without the token', async () => {
    reply = (_call, response) => void response.writeHead(422).end(`bad ${TOKEN} ${'x'.repeat(5_000)}`);
    const { refused: [refusal] } = await (await writerOf()).write(batch('a'), running());
    expect(refusal!.error.message).contains('(422): bad [redacted] xxx').not.contains(TOKEN);
    expect(refusal!.error.message.length).within(2_000, 2_200);
  });

  it('keeps nothing of a token that its cut would split', async () => {
    reply = (_call, response) => void response.writeHead(422).end(`${TOKEN}${'x'.repeat(2_040 - TOKEN.length)}${TOKEN}${'y'.repeat(100)}`);
    const { refused: [refusal] } = await (await writerOf()).write(batch('a'), running());
    expect(refusal!.error.message).not.contains(TOKEN.slice(0, 4));
  });

  for (const [form, header, lowest, highest] of [
    ['seconds', () => '120', 120_000, 120_000],
    ['a date', () => new Date(Date.now() + 60_000).toUTCString(), 57_000, 60_000],
    ['seconds beyond its bound', () => '86400', 300_000, 300_000],
  ] as const) {
    it(`passes on a Retry-After in ${form}, and tries no other record meanwhile`, async () => {
      reply = (_call, response) => void response.writeHead(429, { 'retry-after': header() }).end();
      const result = await (await writerOf({ concurrency: 1 })).write(batch('a', 'b', 'c'), running());
      expect(retryIndexes(result)).deep.equal([0, 1, 2]);
      for (const { error } of result.retry) expect(error.retryAfterMs).within(lowest, highest);
      expect(ids()).deep.equal(['a']);
    });
  }

  it('waits for a Retry-After that is near', async () => {
    reply = (_call, response) => void (calls.length === 1 ? response.writeHead(503, { 'retry-after': '1' }).end() : response.end());
    const began = performance.now();
    expect(await (await writerOf()).write(batch('a'), running())).deep.equal({ refused: [], retry: [] });
    expect(performance.now() - began).greaterThan(990);
  });

  it('has no more requests under way than its concurrency, and no two of one key', async () => {
    let underWay = 0;
    let most = 0;
    const busy = new Set<string>();
    let overlaps = 0;
    reply = async (call, response) => {
      const key = (JSON.parse(call.body) as { readonly id: string }).id.split('/')[0]!;
      if (busy.has(key)) overlaps += 1;
      busy.add(key);
      underWay += 1;
      most = Math.max(most, underWay);
      await sleep(10);
      busy.delete(key);
      underWay -= 1;
      response.end();
    };
    const values = Array.from({ length: 60 }, (_, n) => `k${n % 7}/${n}`);
    await (await writerOf({ concurrency: 3 })).write(batch(...values), running());
    expect({ most, overlaps }).deep.equal({ most: 3, overlaps: 0 });
    for (let key = 0; key < 7; key += 1) {
      expect(ids().filter((id) => id.startsWith(`k${key}/`))).deep.equal(values.filter((id) => id.startsWith(`k${key}/`)));
    }
  });

  it('sends nothing of a key behind a record that has to come again, and everything of the others', async () => {
    reply = (call, response) => void response.writeHead(call.body.includes('a/2') ? 500 : 200).end();
    const result = await (await writerOf({ concurrency: 2 })).write(batch('a/1', 'b/1', 'a/2', 'b/2', 'a/3'), running());
    expect(retryIndexes(result)).deep.equal([2, 4]);
    expect(new Set(ids())).deep.equal(new Set(['a/1', 'b/1', 'a/2', 'b/2']));
  });

  it('orders by what the sink says instead of the key', async () => {
    reply = (call, response) => void response.writeHead(call.body.includes('a/1') ? 500 : 200).end();
    const result = await (await writerOf({ orderBy: () => 'all' })).write(batch('a/1', 'b/1'), running());
    expect(retryIndexes(result)).deep.equal([0, 1]);
  });

  it('gives up on the batch after several records in a row have failed', async () => {
    reply = (_call, response) => void response.writeHead(500).end();
    const result = await (await writerOf({ concurrency: 1 })).write(batch(...Array.from({ length: 40 }, (_, n) => `k${n}`)), running());
    expect(result.retry.length).equal(40);
    expect(new Set(ids()).size).equal(5);
  });

  it('gives an attempt no more than its time', async () => {
    reply = () => undefined;
    const began = performance.now();
    const result = await (await writerOf({ timeoutMs: 100 })).write(batch('a'), running());
    expect(retryIndexes(result)).deep.equal([0]);
    expect(result.retry[0]!.error).instanceOf(RetryError);
    expect(performance.now() - began).within(400, 1_500);
    expect(calls.length).equal(4);
  });

  it('refuses what JSON cannot carry and what has no key', async () => {
    const writer = await writerOf({ body: (id) => (id === 'big' ? { n: 1n } : id === 'none' ? undefined : id), idempotencyKey: (id) => (id === 'nokey' ? '' : id) });
    expect(refusedIndexes(await writer.write(batch('a', 'big', 'none', 'nokey'), running()))).deep.equal([1, 2, 3]);
    expect(calls.length).equal(1);
  });
});
