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

  it('ends with code 2 when there are fewer ports than workers, and says so before any worker starts', async () => {
    const { code, stderr } = await millrace(['run', file, '--workers', '2'], { ...settings, MILLRACE_HTTP_PORT: '65535' });
    expect(stderr).to.include('MILLRACE_HTTP_PORT=65535 leaves no port for each of 2 workers').and.to.include('Choose 65534 or lower, or auto');
    expect(stderr).not.to.include('65536');
    expect(code).to.equal(2);
  });

  it('leaves what is no port to the workers to refuse, as it was written', async () => {
    const { code, stderr } = await millrace(['run', file, '--workers', '2'], { ...settings, MILLRACE_HTTP_PORT: '80.5' });
    expect(stderr).to.include("MILLRACE_HTTP_PORT must be a port from 1 to 65535, auto or off, not '80.5'");
    expect(code).to.equal(2);
  });

  it('ends with code 2 when a flag is unknown', async () => {
    expect((await millrace(['run', file, '--metrics-port', '1'], settings)).code).to.equal(2);
  });
});
