import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { createServer, type Server } from 'node:net';
import { freePort, isFree } from '../../lib/stack/ports.ts';

const servers: Server[] = [];

const listen = (host: string): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen({ host, port: 0 }, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : 0);
    });
    servers.push(server);
  });

describe('ports', () => {
  afterEach(async () => {
    await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  });

  for (const host of ['127.0.0.1', '0.0.0.0', '::']) {
    it(`replaces a port that somebody listens on at ${host}`, async () => {
      const port = await listen(host);
      expect(await isFree(port)).to.equal(false);
      const other = await freePort(port, new Set());
      expect(other).to.be.greaterThan(port);
      expect(await isFree(other)).to.equal(true);
    });
  }

  it('keeps the preferred port when it is free', async () => {
    const port = await freePort(23_117, new Set());
    expect(await freePort(port, new Set())).to.equal(port);
  });

  it('gives out none of the ports that are taken already', async () => {
    const port = await freePort(23_217, new Set());
    expect(await freePort(port, new Set([port, port + 1]))).to.be.greaterThan(port + 1);
  });
});
