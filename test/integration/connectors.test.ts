/** `millrace connectors` as a user types it, against Connect, PostgreSQL and the registry. */
import { expect } from 'chai';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { after, before, describe, it } from 'mocha';
import pg from 'pg';
import { openKafka, readTopic } from '../../examples/engagement/compare/topics.ts';
import { millrace, type Outcome } from '../cli/support.ts';
import { debeziumConnector, removeConnector } from './support/connectors.ts';
import { stack } from './support/stack.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const NAME = `connectors_cli_${process.pid}`;
const FAILING = `${NAME}_failing`;
const CONNECT_CONFIGS = 'millrace-connect-configs';
const PASSWORD = stack.environment.MILLRACE_PG_PASSWORD!;
const WAIT_ATTEMPTS = 100;
const WAIT_PAUSE_MS = 100;

const connectors = (...args: readonly string[]): Promise<Outcome> => millrace(['connectors', ...args, '--dir', stack.dir], { MILLRACE_CONNECT_URL: '' });

/** A port where nobody listens. */
const closedPort = async (): Promise<number> => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
};

describe('millrace connectors', function () {
  this.timeout(60_000);
  const client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
  const kafka = openKafka(stack.endpoints.brokers.join(','));
  let folder: string;
  let file: string;

  const configOf = (changes: Readonly<Record<string, unknown>> = {}, name = NAME): Record<string, unknown> => ({ ...debeziumConnector(name, [`public.${NAME}`], changes).config });
  const write = async (name: string, content: unknown): Promise<string> => {
    const path = join(folder, `${name}.json`);
    await writeFile(path, JSON.stringify(content));
    return path;
  };
  /** The process of PostgreSQL that serves the connector's task: a task that restarts gets another one. */
  const walSender = async (): Promise<number | null> => (await client.query<{ active_pid: number | null }>('SELECT active_pid FROM pg_replication_slots WHERE slot_name = $1', [NAME])).rows[0]?.active_pid ?? null;
  /** Whatever Connect was told of the connector, ever: its configuration, its tasks', restarts. */
  const orders = async (): Promise<number> => {
    let count = 0;
    for await (const { key } of readTopic(kafka, CONNECT_CONFIGS)) if (key?.toString().includes(NAME) === true) count += 1;
    return count;
  };
  const taskState = async (name = NAME): Promise<string> => {
    const answer = await fetch(`${stack.endpoints.connectUrl}/connectors/${name}/status`);
    return ((await answer.json()) as { tasks?: readonly { state: string }[] }).tasks?.[0]?.state ?? 'none';
  };
  const until = async (holds: () => Promise<boolean>): Promise<void> => {
    for (let attempt = 0; attempt < WAIT_ATTEMPTS && !(await holds()); attempt += 1) await delay(WAIT_PAUSE_MS);
  };

  before(async () => {
    await client.connect();
    await client.query(`CREATE TABLE ${NAME} (id bigint PRIMARY KEY, name text)`);
    folder = await mkdtemp(join(tmpdir(), 'millrace-connectors-'));
    const { name: _, ...flat } = configOf();
    file = await write(NAME, flat);
    expect(await connectors('apply', folder)).to.deep.equal({ code: 0, stdout: `${NAME} created\n`, stderr: '' });
    expect((await connectors('status', folder, '--wait', '30')).code).to.equal(0);
    await until(async () => (await walSender()) !== null);
  });

  after(async () => {
    await removeConnector(client, NAME);
    await removeConnector(client, FAILING);
    await client.query(`DROP TABLE ${NAME}`);
    await client.end();
    await kafka.close();
    await rm(folder, { recursive: true });
  });

  it('validate a file with what only a look into the database can tell, as notes', async () => {
    const { code, stdout, stderr } = await connectors('validate', file);
    expect({ code, stdout }).to.deep.equal({ code: 0, stdout: `${NAME} valid\n` });
    expect(stderr).to.contain(`public.${NAME} has columns whose large values PostgreSQL does not send again`).and.to.contain(`ALTER TABLE public.${NAME} REPLICA IDENTITY FULL;`);
  });

  it('validate the connector of the example', async () => {
    const { code, stdout, stderr } = await connectors('validate', join(ROOT, 'connectors', 'engagement.json'), '--skip', 'database');
    expect({ code, stdout, stderr }).to.deep.equal({ code: 0, stdout: 'engagement valid\n', stderr: '' });
  });

  it('restart no task when an unchanged folder is applied', async () => {
    const [sender, told] = [await walSender(), await orders()];
    expect(sender).to.be.a('number');
    expect(told).to.be.greaterThan(0);
    for (let again = 0; again < 2; again += 1) expect(await connectors('apply', folder)).to.deep.equal({ code: 0, stdout: `${NAME} unchanged\n`, stderr: '' });
    expect(await orders()).to.equal(told);
    expect(await walSender()).to.equal(sender);
    // A restart is seen by both.
    expect((await connectors('restart', NAME)).stdout).to.equal(`${NAME} restarted\n`);
    await until(async () => ![null, sender].includes(await walSender()));
    expect(await walSender()).to.be.a('number').and.not.equal(sender);
    expect(await orders()).to.be.greaterThan(told);
  });

  it('show what a file would change, without what may be secret, and with exit code 3', async () => {
    const { 'exactly.once.support': _, ...changed } = configOf({ 'poll.interval.ms': 50, 'query.fetch.size': 100, 'database.password': 'hunter22' });
    const other = await write('changed', changed);
    try {
      expect(await connectors('diff', file)).to.deep.equal({ code: 0, stdout: `${NAME} same\n`, stderr: '' });
      const { code, stdout, stderr } = await connectors('diff', other);
      expect({ code, stderr }).to.deep.equal({ code: 3, stderr: '' });
      expect(stdout.split('\n')).to.deep.equal([
        `${NAME} different`,
        '  ~ database.password: ${env:MILLRACE_PG_PASSWORD} -> [redacted]',
        '  - exactly.once.support: required',
        '  ~ poll.interval.ms: 20 -> 50',
        '  + query.fetch.size: 100',
        '',
      ]);
    } finally {
      await rm(other);
    }
  });

  it('pause, resume and restart, all or none', async () => {
    const typo = await connectors('pause', NAME, NAME.replace('cli', 'cil'));
    expect(typo).to.deep.include({ code: 2, stdout: '' });
    expect(typo.stderr).to.equal(`millrace: Connect has no connector ${NAME.replace('cli', 'cil')}; did you mean ${NAME}?\n`);
    expect(await taskState()).to.equal('RUNNING');
    expect((await connectors('pause', file)).stdout).to.equal(`${NAME} paused\n`);
    await until(async () => (await taskState()) === 'PAUSED');
    expect((await connectors('status', NAME)).code).to.equal(3);
    expect((await connectors('resume', NAME)).stdout).to.equal(`${NAME} resumed\n`);
    expect((await connectors('status', NAME, '--wait', '20')).code).to.equal(0);
  });

  it('resolve placeholders here when told to, show why a task failed, and print the secret nowhere', async () => {
    const failing = configOf({ 'publication.autocreate.mode': 'disabled' }, FAILING);
    const other = await write('failing', { name: FAILING, config: failing });
    const refused = await connectors('apply', other, '--placeholders', 'here');
    expect(refused.code).to.equal(2);
    expect(refused.stderr).to.contain(`publication.name: there is no publication ${FAILING}: CREATE PUBLICATION ${FAILING} FOR TABLE public.${NAME};`);
    const applied = await connectors('apply', other, '--placeholders', 'here', '--skip', 'database');
    expect(applied).to.deep.include({ code: 0, stdout: `${FAILING} created\n` });
    const kept = (await (await fetch(`${stack.endpoints.connectUrl}/connectors/${FAILING}/config`)).json()) as Record<string, string>;
    expect(kept['database.password'] === PASSWORD).to.equal(true);
    await until(async () => (await taskState(FAILING)) === 'FAILED');
    const shown = await connectors('status', other);
    expect(shown.code).to.equal(3);
    expect(shown.stdout).to.match(new RegExp(`^${FAILING} +task 0 +FAILED +\\S.*ublication.*`, 'm'));
    const unchanged = await connectors('apply', other, '--placeholders', 'here', '--skip', 'database');
    expect(unchanged.stdout).to.equal(`${FAILING} unchanged\n`);
    expect(unchanged.stderr).to.contain(`${FAILING} has failed`).and.to.contain(`millrace connectors restart ${FAILING} --failed`);
    const diff = await connectors('diff', other);
    expect(diff.stdout).to.contain('  ~ database.password: [redacted] -> ${env:MILLRACE_PG_PASSWORD}');
    const removed = await connectors('delete', other);
    expect(removed).to.deep.include({ code: 0, stdout: `${FAILING} deleted\n` });
    await until(async () => (await taskState(FAILING)) === 'none');
    expect(await taskState(FAILING)).to.equal('none');
    await rm(other);
    for (const { stdout, stderr } of [refused, applied, shown, unchanged, diff, removed]) expect((stdout + stderr).includes(PASSWORD), 'the password is printed').to.equal(false);
  });

  describe('given a wrong file', () => {
    const wrong: readonly (readonly [what: string, changes: () => Promise<Readonly<Record<string, unknown>>>, code: number, message: string, more?: readonly string[]])[] = [
      ['with a key that nobody knows', async () => ({ 'my.own.key': 'x' }), 2, 'my.own.key: there is no such key, and Connect would ignore it\n'],
      ['with a typo in a key', async () => ({ 'snapshot.mod': 'initial' }), 2, 'snapshot.mod: there is no such key, and Connect would ignore it; did you mean snapshot.mode?\n'],
      ['with a secret that Connect does not have', async () => ({ 'database.password': '${env:NO_SUCH_SECRET}' }), 2, 'database.password: Connect has nothing for ${env:NO_SUCH_SECRET}: set it where its workers run'],
      ['with a secret that is not here', async () => ({ 'database.password': '${env:NO_SUCH_SECRET}' }), 2, 'database.password: the variable NO_SUCH_SECRET is not set here\n', ['--placeholders', 'here']],
      ['with a table that does not exist', async () => ({ 'table.include.list': `public.${NAME.replace('cli', 'cil')}` }), 2, `table.include.list: there is no table public.${NAME.replace('cli', 'cil')}; did you mean public.${NAME}?\n`],
      ['with a class that Connect does not have', async () => ({ 'connector.class': 'io.debezium.connector.postgresql.PostgressConnector' }), 2, 'connector.class: Connect has no connector io.debezium.connector.postgresql.PostgressConnector; did you mean io.debezium.connector.postgresql.PostgresConnector?\n'],
      ['with a registry that is down', async () => ({ 'value.converter.apicurio.registry.url': `http://localhost:${await closedPort()}/apis/registry/v2` }), 1, '(value.converter.apicurio.registry.url) does not answer: '],
      ['with a value that Connect does not take', async () => ({ 'poll.interval.ms': 'often' }), 2, 'poll.interval.ms: '],
    ];
    for (const [what, changes, code, message, more = []] of wrong) {
      it(`${what}: say so, exit with ${code}, and apply nothing, the good ones neither`, async () => {
        const own = await mkdtemp(join(tmpdir(), 'millrace-connectors-'));
        const [good, bad] = [`${NAME}_a_good`, `${NAME}_b_bad`];
        await writeFile(join(own, 'a.json'), JSON.stringify({ name: good, config: configOf({}, good) }));
        await writeFile(join(own, 'b.json'), JSON.stringify(configOf(await changes(), bad)));
        const outcome = await connectors('apply', own, ...more);
        expect(outcome.stderr).to.contain(message);
        expect(outcome).to.deep.include({ code, stdout: '' });
        const names = (await (await fetch(`${stack.endpoints.connectUrl}/connectors`)).json()) as readonly string[];
        expect(names).not.to.include(good).and.not.to.include(bad);
        await rm(own, { recursive: true });
      });
    }

    it('and no Connect: say so and exit with 1', async () => {
      const url = `http://127.0.0.1:${await closedPort()}`;
      const { code, stdout, stderr } = await millrace(['connectors', 'validate', file, '--connect-url', url, '--retry', '0.2']);
      expect({ code, stdout }).to.deep.equal({ code: 1, stdout: '' });
      expect(stderr).to.contain(`millrace: Kafka Connect at ${url}: connect ECONNREFUSED`);
    });
  });
});
