import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { RetryError } from '../../lib/core/errors.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import type { SinkContext, SinkRecord } from '../../lib/sinks/contract.ts';
import { HttpDriver } from '../../lib/sinks/http/driver.ts';
import { idempotencyKeyHeader } from '../../lib/sinks/http/request.ts';
import { answerOf, retryAfterMs, type Answer } from '../../lib/sinks/http/response.ts';
import { HttpWriter } from '../../lib/sinks/http/writer.ts';
import { http } from '../../topology/sinks/http.ts';
import type { HttpSink } from '../../topology/sinks.ts';

const context: SinkContext = { app: 'tests', sink: 'partner', clock: systemClock, log: silentLogger, timeoutMs: 5_000 };
const recordsOf = (...values: readonly string[]): SinkRecord[] => values.map((value, offset) => ({ value, key: value, timestamp: 0, headers: [], topic: 't', partition: 0, offset, now: 0 }));
const running = new AbortController().signal;

/** A writer on a server that gives each request, by its body, the same answer each time; notes what it is sent and how many are there at once. */
class Calls {
  readonly sent: string[] = [];
  mostAtOnce = 0;
  #atOnce = 0;
  readonly writer: HttpWriter;

  constructor(statusOf: (body: string) => number) {
    const sink = http<string, unknown>({
      url: 'http://127.0.0.1:1/', idempotencyKey: (value) => value, concurrency: 4,
      body: (value) => {
        if (value.startsWith('throws')) throw new Error('on purpose');
        return value;
      },
    }) as HttpSink;
    const send = async ({ body }: { readonly body: string }): Promise<Answer> => {
      this.sent.push(JSON.parse(body) as string);
      this.#atOnce += 1;
      this.mostAtOnce = Math.max(this.mostAtOnce, this.#atOnce);
      await systemClock.turn();
      this.#atOnce -= 1;
      return answerOf(statusOf(JSON.parse(body) as string), undefined, '');
    };
    this.writer = new HttpWriter(sink, context, { send, close: () => Promise.resolve() }, { partitions: [], owner: { producerId: 1, epoch: 0 } });
  }
}

describe('a write over HTTP', () => {
  it('says which records it has refused by itself, and sends nothing of them', async () => {
    const calls = new Calls((body) => (body === 'bad' ? 422 : 200));
    const { refused, retry } = await calls.writer.write(recordsOf('throws', 'good', 'bad'), running);
    expect(refused.map(({ index, by }) => [index, by])).deep.equal([[0, 'writer'], [2, 'system']]);
    expect(retry).deep.equal([]);
    expect(calls.sent).deep.equal(['good', 'bad']);
  });

  it('tries a request that fails up to four times', async () => {
    const calls = new Calls(() => 500);
    await calls.writer.write(recordsOf('a'), running);
    expect(calls.sent).deep.equal(['a', 'a', 'a', 'a']);
  });

  it('tries it once as the one attempt of a breaker, and then no other', async () => {
    const calls = new Calls(() => 500);
    const { retry } = await calls.writer.write(recordsOf('a', 'b', 'c'), running, 'probe');
    expect(calls.sent).deep.equal(['a']);
    expect(retry.map(({ index }) => index)).deep.equal([0, 1, 2]);
  });

  it('sends one request at a time as that attempt, as long as they are answered', async () => {
    const calls = new Calls((body) => (body === 'c' ? 500 : body === 'b' ? 422 : 200));
    const { refused, retry } = await calls.writer.write(recordsOf('a', 'b', 'c', 'd'), running, 'probe');
    expect({ sent: calls.sent, mostAtOnce: calls.mostAtOnce }).deep.equal({ sent: ['a', 'b', 'c'], mostAtOnce: 1 });
    expect({ refused: refused.map(({ index }) => index), retry: retry.map(({ index }) => index) }).deep.equal({ refused: [1], retry: [2, 3] });
  });
});

describe('the look at an HTTP server', () => {
  const asked = async (listener: RequestListener): Promise<unknown> => {
    const server = createServer(listener).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const sink = http<string, unknown>({ url: `http://127.0.0.1:${port}/calls?a=b`, body: () => 1, idempotencyKey: () => 1 }) as HttpSink;
    try {
      return await new HttpDriver(sink, { ...context, timeoutMs: 200 }, `http://127.0.0.1:${port}/calls?a=b`, 'token-of-tests').open().then(() => 'there', (error: unknown) => error);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  };

  for (const status of [200, 302, 401, 404, 405, 429, 500, 501, 502, 503]) {
    it(`takes ${status} for an answer`, async () => expect(await asked((_request, response) => void response.writeHead(status).end())).equal('there'));
  }

  it('is a HEAD of the path, without the token', async () => {
    const requests: unknown[] = [];
    await asked(({ method, url, headers }, response) => {
      requests.push([method, url, headers.authorization]);
      response.end();
    });
    expect(requests).deep.equal([['HEAD', '/calls', undefined]]);
  });

  it('fails, and may be repeated, when nobody answers', async () => {
    expect(await asked(() => undefined), 'in time').instanceOf(RetryError);
    expect(await asked((request) => void request.socket.destroy()), 'at all').instanceOf(RetryError);
  });
});

describe('Idempotency-Key', () => {
  const cases: readonly (readonly [string, string])[] = [
    ['8e03978e-40d5-43dd-bc93-6894a57f9324', '"8e03978e-40d5-43dd-bc93-6894a57f9324"'],
    ['a"b\\c', '"a\\"b\\\\c"'],
    ['grün\n', '"gr%C3%BCn%0A"'],
    ['\ud800', '"%EF%BF%BD"'],
  ];
  for (const [key, header] of cases) it(`stands as ${header}`, () => expect(idempotencyKeyHeader(key)).equal(header));
});

describe('Retry-After', () => {
  const now = Date.UTC(2026, 0, 1, 12, 0, 0);
  const cases: readonly (readonly [string | undefined, number | undefined])[] = [
    ['0', 0], ['7', 7_000], [' 7 ', 7_000], ['100000', 300_000], ['Thu, 01 Jan 2026 12:00:30 GMT', 30_000], ['Thu, 01 Jan 2026 11:00:00 GMT', 0],
    ['Thu, 01 Jan 2027 12:00:00 GMT', 300_000], ['soon', undefined], ['', undefined], [undefined, undefined],
  ];
  for (const [header, waitMs] of cases) it(`reads ${JSON.stringify(header)} as ${waitMs}`, () => expect(retryAfterMs(header, now)).equal(waitMs));
});
