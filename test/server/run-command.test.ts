/** What `millrace run` does with the settings of its server, without any Kafka. */
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { millrace } from '../cli/support.ts';
import { takenPort } from './support.ts';

describe('millrace run', function () {
  this.timeout(15_000);
  const file = join(import.meta.dirname, '..', 'integration', 'metrics', 'topology.ts');
  const settings = { MILLRACE_KAFKA_BROKERS: '127.0.0.1:1' };

  it('ends with code 2 when its port is in use, and names it', async () => {
    const { port, server } = await takenPort();
    try {
      const { code, stderr } = await millrace(['run', file], { ...settings, MILLRACE_HTTP_PORT: String(port) });
      expect(stderr).to.include(`millrace: MILLRACE_HTTP_PORT: port ${port} of 127.0.0.1 is in use`);
      expect(code).to.equal(2);
    } finally {
      server.close();
    }
  });

  it('ends with code 2 when a setting is wrong, and names it', async () => {
    const { code, stderr } = await millrace(['run', file], { ...settings, MILLRACE_HTTP_PORT: 'http', MILLRACE_HTTP_HOST: '' });
    expect(stderr).to.include("MILLRACE_HTTP_PORT must be a port from 1 to 65535, auto or off, not 'http'").and.to.include('MILLRACE_HTTP_HOST must be');
    expect(code).to.equal(2);
  });

  it('ends with code 2 when a flag is unknown', async () => {
    expect((await millrace(['run', file, '--metrics-port', '1'], settings)).code).to.equal(2);
  });
});
