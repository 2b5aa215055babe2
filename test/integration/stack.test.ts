import { expect } from 'chai';
import { describe, it } from 'mocha';
import pg from 'pg';
import { Redis } from 'ioredis';
import { baseServiceNames, down, status, up } from '../../lib/stack/index.ts';
import { millrace } from '../cli/support.ts';
import { stack } from './support/stack.ts';

const RESTART_TIMEOUT_MS = 60_000;

const call = async (method: string, path: string, body?: unknown): Promise<Record<string, unknown>> => {
  const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
  const response = await fetch(`${stack.endpoints.registryUrl}${path}`, { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) });
  const text = await response.text();
  return { status: response.status, ...(text.startsWith('{') ? (JSON.parse(text) as object) : { text }) };
};

const record = (name: string, fields: readonly unknown[]): string => JSON.stringify({ type: 'record', name, fields });

describe('the local stack', function () {
  this.timeout(RESTART_TIMEOUT_MS);

  it('runs every service and shows it', async () => {
    const services = await status({ dir: stack.dir });
    const healthy = services.filter((service) => service.healthy).map(({ name }) => name);
    expect(healthy).to.include.members([...baseServiceNames]);
    const { code, stdout, stderr } = await millrace(['status', '--dir', stack.dir]);
    // Other tests may have added services of their own, and stopped them.
    expect({ code, stderr }).to.deep.equal({ code: healthy.length === services.length ? 0 : 3, stderr: '' });
    // The replication slots come after an empty line.
    expect(stdout.trim().split('\n\n')[0]!.split('\n')).to.have.length(1 + services.length);
  });

  it('captures changes: PostgreSQL writes its log for logical decoding, and the role of the pipeline is no superuser', async () => {
    const client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
    await client.connect();
    try {
      const { rows } = await client.query("select current_setting('wal_level') wal, rolsuper, rolreplication from pg_roles where rolname = current_user");
      expect(rows).to.deep.equal([{ wal: 'logical', rolsuper: false, rolreplication: true }]);
    } finally {
      await client.end();
    }
  });

  it('refuses a schema that readers of the old one could not use', async () => {
    const id = { name: 'id', type: 'string' };
    const path = '/subjects/stack-compatibility-value/versions';
    expect(await call('POST', path, { schema: record('Compatibility', [id]) })).to.include({ status: 200 });
    const incompatible = { schema: record('Compatibility', [id, { name: 'added', type: 'int' }]) };
    expect(await call('POST', path, incompatible)).to.include({ status: 409 });
  });

  it('keeps schemas and their ids over a crash of the registry', async () => {
    const schema = record('Kept', [{ name: `at_${Date.now()}`, type: 'long' }]);
    const path = `/subjects/stack-kept-${process.pid}-value/versions`;
    const { id } = await call('POST', path, { schema });
    expect(id).to.be.a('number');
    await stack.kill('registry');
    expect((await status({ dir: stack.dir })).find((service) => service.name === 'registry')).to.include({ running: false, healthy: false });
    await stack.start('registry');
    const kept = await call('GET', `/schemas/ids/${String(id)}`);
    expect(JSON.parse(String(kept.schema))).to.deep.equal(JSON.parse(schema));
    expect(await call('POST', path.replace('kept', 'next'), { schema: record('Next', []) })).to.include({ status: 200 }).and.not.to.include({ id });
    expect(await call('GET', '/config')).to.include({ compatibilityLevel: 'BACKWARD' });
  });

  it('keeps what Redis was given when it is stopped', async () => {
    const url = stack.endpoints.redisUrl!;
    const write = new Redis(url, { maxRetriesPerRequest: 1 });
    await write.set('stack:kept', 'value');
    await write.quit();
    await stack.stop('redis');
    await stack.start('redis');
    const read = new Redis(url, { maxRetriesPerRequest: 1 });
    expect(await read.get('stack:kept')).to.equal('value');
    await read.del('stack:kept');
    await read.quit();
  });

  it('leaves running what runs when it is brought up again', async () => {
    const before = await status({ dir: stack.dir });
    const again = await up({ dir: stack.dir, portOffset: 20_000 });
    const pids = (pidOf: (name: string) => number | null | undefined) => Object.fromEntries(baseServiceNames.map((name) => [name, pidOf(name)]));
    expect(pids((name) => again.service(name).pid)).to.deep.equal(pids((name) => before.find((service) => service.name === name)?.pid));
  });

  it('does not stop the services of a stack in another folder', async () => {
    expect(await down({ dir: `${stack.dir}-absent` })).to.deep.equal([]);
    const running = (await status({ dir: stack.dir })).filter((service) => service.running).map(({ name }) => name);
    expect(running).to.include.members([...baseServiceNames]);
  });
});
