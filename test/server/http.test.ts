import { once } from 'node:events';
import { connect, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { openHttp, type Answer, type HttpOptions, type HttpServer } from '../../lib/server/http.ts';
import { takenPort } from './support.ts';

/** More than the sockets of both sides hold. */
const LARGE = 'x'.repeat(16_000_000);
const TIMEOUT_MS = 400;
const never = (): Promise<Answer> => new Promise(() => {});

describe('the server of health and metrics', function () {
  this.timeout(10_000);
  const servers: HttpServer[] = [];
  const sockets: Socket[] = [];
  const others: Server[] = [];

  const open = async (changes: Partial<HttpOptions> = {}): Promise<HttpServer> => {
    const routes = new Map([
      ['/small', async () => ({ status: 200, type: 'text/plain', body: 'ok\n' })],
      ['/large', async () => ({ status: 200, type: 'text/plain', body: LARGE })],
      ['/broken', () => Promise.reject(new Error('a secret'))],
    ]);
    const server = await openHttp({ host: '127.0.0.1', port: 'auto', clock: systemClock, routes, responseTimeoutMs: TIMEOUT_MS, ...changes });
    servers.push(server);
    return server;
  };
  /** A connection that sends a text and reads nothing. */
  const mute = async (server: HttpServer, text: string): Promise<Socket> => {
    const socket = connect(Number(new URL(server.url).port), '127.0.0.1');
    sockets.push(socket);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(text);
    return socket;
  };
  /** What comes until the other side ends the connection. */
  const restOf = async (socket: Socket): Promise<string> => {
    let text = '';
    socket.on('data', (data) => (text += data.toString('latin1')));
    await once(socket, 'close');
    return text;
  };
  const statusOf = async (server: HttpServer, path: string, init: RequestInit = {}): Promise<number> => {
    const answer = await fetch(`${server.url}${path}`, init);
    await answer.arrayBuffer();
    return answer.status;
  };

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await Promise.all(servers.splice(0).map((server) => server.close()));
    for (const server of others.splice(0)) server.close();
  });

  it('answers GET and HEAD on its paths, and refuses all else', async () => {
    const server = await open();
    const cases: readonly (readonly [path: string, method: string, body: string | null, status: number])[] = [
      ['/small', 'GET', null, 200], ['/small?x=1', 'GET', null, 200], ['/small', 'HEAD', null, 200],
      ['/', 'GET', null, 404], ['/other', 'GET', null, 404],
      ['/small', 'POST', 'x', 405], ['/small', 'DELETE', null, 405],
      ['/broken', 'GET', null, 500],
    ];
    for (const [path, method, body, status] of cases) expect(await statusOf(server, path, { method, body }), `${method} ${path}`).to.equal(status);
    expect(await (await fetch(`${server.url}/broken`)).text()).not.to.include('secret');
  });

  it('reads no body', async () => {
    const text = await restOf(await mute(await open(), 'GET /small HTTP/1.1\r\nhost: x\r\ncontent-length: 100000000\r\n\r\n'));
    expect(text).to.match(/^HTTP\/1\.1 413 /);
  });

  it('refuses headers beyond 8 KB', async () => {
    const text = await restOf(await mute(await open(), `GET /small HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(10_000)}\r\n\r\n`));
    expect(text).to.match(/^HTTP\/1\.1 431 /);
  });

  it('cuts a scraper that never reads', async () => {
    const server = await open();
    const scraper = await mute(server, 'GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
    await delay(TIMEOUT_MS + 300);
    const text = await restOf(scraper);
    expect(text.length).to.be.within(1, LARGE.length - 1_000_000);
    expect(await statusOf(server, '/small')).to.equal(200);
  });

  it('cuts a scraper that reads a little now and then', async () => {
    const scraper = await mute(await open(), 'GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
    let closed = false;
    scraper.once('close', () => (closed = true));
    const beganMs = performance.now();
    while (!closed && performance.now() - beganMs < 5_000) {
      scraper.read(1_000);
      await delay(50);
      if (performance.now() - beganMs > TIMEOUT_MS + 300) scraper.resume();
    }
    expect(performance.now() - beganMs).to.be.lessThan(3_000);
  });

  it('holds so many connections and no more, and takes new ones when the silent ones have been cut', async () => {
    const server = await open({ routes: new Map([['/large', never], ['/small', async () => ({ status: 200, type: 'text/plain', body: 'ok' })]]) });
    for (let i = 0; i < 32; i += 1) await mute(server, 'GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
    expect(await statusOf(server, '/small').catch(() => 'dropped')).to.equal('dropped');
    await delay(TIMEOUT_MS + 300);
    expect(await statusOf(server, '/small')).to.equal(200);
  });

  it('makes one answer for all who ask at the same time', async () => {
    let made = 0;
    const server = await open({ routes: new Map([['/slow', async () => {
      made += 1;
      await delay(100);
      return { status: 200, type: 'text/plain', body: String(made) };
    }]]) });
    const bodies = await Promise.all(Array.from({ length: 10 }, async () => (await fetch(`${server.url}/slow`)).text()));
    expect(new Set(bodies).size).to.be.lessThan(3);
    expect(made).to.be.lessThan(3);
  });

  it('closes within a second whoever is connected', async () => {
    const server = await open({ responseTimeoutMs: 60_000 });
    await mute(server, 'GET /large HTTP/1.1\r\nhost: x\r\n\r\n');
    await mute(server, 'GET /small HTT');
    await mute(server, '');
    await statusOf(server, '/small');
    const beganMs = performance.now();
    await Promise.all([server.close(), server.close()]);
    expect(performance.now() - beganMs).to.be.lessThan(1_000);
    expect(await statusOf(server, '/small').catch(() => 'closed')).to.equal('closed');
  });

  it('names a port that is in use', async () => {
    const { port, server } = await takenPort();
    others.push(server);
    const error = await open({ port }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems).to.deep.equal([`MILLRACE_HTTP_PORT: port ${port} of 127.0.0.1 is in use`]);
    expect((error as ConfigurationError).hint).to.include('auto');
  });

  it('says that it cannot listen on an address of another machine', async () => {
    const error = await open({ host: '192.0.2.1' }).catch((thrown: unknown) => thrown);
    expect(error).to.be.instanceOf(ConfigurationError).with.property('message').that.matches(/^MILLRACE_HTTP_HOST: nothing can listen on 192\.0\.2\.1/);
  });

  it('takes the next free port of its own accord', async () => {
    const [first, second] = [await open(), await open()];
    expect(first.url).not.to.equal(second.url);
    expect(await statusOf(first, '/small')).to.equal(200);
    expect(await statusOf(second, '/small')).to.equal(200);
  });
});
