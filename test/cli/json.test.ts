/** What programs read: stdout carries data and nothing else, and every `--help` names the exit codes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { millrace } from './support.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const TOPOLOGY = join(ROOT, 'examples', 'engagement', 'topology.ts');

const COMMANDS: readonly (readonly string[])[] = [
  ['start'], ['up'], ['down'], ['status'], ['clean'], ['run'], ['reset'], ['backfill'], ['describe'], ['connectors', 'apply'], ['connectors', 'status'], ['snapshot'], ['resync'],
  ['connectors', 'scaffold'], ['connectors', 'validate'], ['connectors', 'diff'], ['connectors', 'restart'], ['connectors', 'pause'], ['connectors', 'resume'], ['connectors', 'delete'],
  ['schemas', 'types'], ['schemas', 'pull'], ['schemas', 'check'], ['schemas', 'push'], ['schemas', 'diff'],
];

/** As much of Kafka Connect as one connector that runs needs. */
const connectServer = (): Server =>
  createServer((request, response) => {
    const state = { name: 'plays', connector: { state: 'RUNNING', worker_id: 'w' }, tasks: [{ id: 0, state: 'RUNNING', worker_id: 'w' }], type: 'source' };
    const answers: Readonly<Record<string, unknown>> = { '/connectors': ['plays'], '/connectors/plays/status': state, '/connectors/plays/config': { name: 'plays' }, '/connectors/plays/pause': {} };
    const path = new URL(request.url!, 'http://connect').pathname;
    const body = /validate$/.test(path) ? { name: 'c', error_count: 0, configs: [] } : answers[path];
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' }).end(JSON.stringify(body ?? { error_code: 404, message: 'not found' }));
  });

describe('what commands write for programs', () => {
  let folder: string;
  let connect: Server;
  let connectUrl: string;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-json-'));
    connect = connectServer().listen(0, '127.0.0.1');
    await once(connect, 'listening');
    connectUrl = `http://127.0.0.1:${(connect.address() as AddressInfo).port}`;
    await writeFile(join(folder, 'play.avsc'), JSON.stringify({ type: 'record', name: 'Play', fields: [{ name: 'id', type: 'string' }] }));
    await writeFile(join(folder, 'wrong.json'), JSON.stringify({ name: 'wrong', config: { 'connector.class': 'x.Y', 'x.password': '${env:NOT_SET_ANYWHERE}' } }));
    await writeFile(join(folder, 'plays.json'), JSON.stringify({ name: 'plays', config: { 'connector.class': 'io.debezium.connector.postgresql.PostgresConnector', 'plugin.name': 'pgoutput' } }));
  });

  after(async () => {
    connect.close();
    connect.closeAllConnections();
    await rm(folder, { recursive: true });
  });

  for (const command of COMMANDS) {
    it(`names --json and its exit codes in the help of ${command.join(' ')}`, async () => {
      const { code, stdout, stderr } = await millrace([...command, '--help']);
      expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
      expect(stdout).to.contain(`Usage: millrace ${command.join(' ')}`).and.to.match(/^ +--json /m).and.to.match(/Exit codes:\n {2}0 {2}\S.*\n {2}1 {2}\S.*\n {2}2 {2}\S/);
    });
  }

  const documents: readonly (readonly [what: string, args: () => readonly string[], code: number, holds: (document: unknown) => void])[] = [
    ['up', () => ['up', '--without', 'kafka,registry,postgres,redis,bigquery,connect', '--dir', join(folder, 'stack')], 0, (found) => expect(found).to.deep.equal({ dir: join(folder, 'stack'), services: [] })],
    ['down', () => ['down', '--dir', join(folder, 'none')], 0, (found) => expect(found).to.deep.equal({ dir: join(folder, 'none'), stopped: [] })],
    ['status', () => ['status', '--dir', join(folder, 'none')], 3, (found) => expect(found).to.deep.equal({ dir: join(folder, 'none'), services: [], slots: [] })],
    ['clean', () => ['clean', '--dir', join(folder, 'none')], 0, (found) => expect(found).to.deep.equal({ dir: join(folder, 'none'), stopped: [], deleted: [join(folder, 'none')] })],
    ['describe', () => ['describe', TOPOLOGY], 0, (found) => expect(found).to.include({ app: 'engagement' })],
    ['schemas types --check', () => ['schemas', 'types', '--check', folder], 3, (found) => expect(found).to.deep.equal([{ path: join(folder, 'play.ts'), outcome: 'stale' }])],
    ['schemas types', () => ['schemas', 'types', folder], 0, (found) => expect(found).to.deep.equal([{ path: join(folder, 'play.ts'), outcome: 'wrote' }])],
    ['connectors status', () => ['connectors', 'status', '--connect-url', connectUrl], 0, (found) => expect(found).to.be.an('array').with.length(1)],
    ['connectors validate', () => ['connectors', 'validate', join(folder, 'plays.json'), '--connect-url', connectUrl], 0, (found) => expect(found).to.include({ valid: true })],
    ['connectors validate of a wrong file', () => ['connectors', 'validate', join(folder, 'wrong.json'), '--placeholders', 'here', '--connect-url', connectUrl], 2, (found) => expect(found).to.deep.include({ valid: false, faults: [] })],
    ['connectors diff', () => ['connectors', 'diff', join(folder, 'plays.json'), '--connect-url', connectUrl], 3, (found) => expect(found).to.have.nested.property('[0].outcome', 'different')],
    ['connectors pause', () => ['connectors', 'pause', 'plays', '--connect-url', connectUrl], 0, (found) => expect(found).to.deep.equal([{ name: 'plays', outcome: 'paused' }])],
    ['connectors apply', () => ['connectors', 'apply', join(folder, 'plays.json'), '--connect-url', connectUrl], 0, (found) => expect(found).to.have.nested.property('[0].name', 'plays')],
  ];
  for (const [what, args, expected, holds] of documents) {
    it(`is one document of ${what}, and nothing else`, async () => {
      const { code, stdout, stderr } = await millrace([...args(), '--json']);
      expect(code, stderr).to.equal(expected);
      holds(JSON.parse(stdout));
    });
  }

  it('is nothing when the usage is wrong, also with --json', async () => {
    const wrong: readonly (readonly string[])[] = [
      ['start', '--without', 'bogus'], ['start', '--without', 'bigquery,partner,redis'], ['start', '--rate', ''],
      ['up', '--port-offset', 'ten'], ['run', TOPOLOGY, '--without-sink', 'bogus'],
    ];
    for (const args of wrong) {
      const { code, stdout, stderr } = await millrace([...args, '--json', ...(args[0] === 'run' ? [] : ['--dir', join(folder, 'none')])]);
      expect({ args, code, stdout }).to.deep.equal({ args, code: 2, stdout: '' });
      expect(stderr).not.to.equal('');
      if (args.includes('bogus')) expect(stderr).to.match(/bogus.*; there are (bigquery, partner, redis|warehouse, partner, totals, top, counters, recent)\n/);
    }
  }).timeout(30_000);

  it('is a line of JSON for each moment of a worker, which stops when nobody reads on', async () => {
    const environment = { ...process.env, MILLRACE_KAFKA_BROKERS: '127.0.0.1:1', MILLRACE_REGISTRY_URL: 'http://127.0.0.1:1', MILLRACE_HTTP_PORT: 'off', MILLRACE_REDIS_URL: 'redis://127.0.0.1:1' };
    const args = [join(ROOT, 'bin', 'millrace.mjs'), 'run', TOPOLOGY, '--without-sink', 'warehouse,partner', '--json'];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'pipe', 'ignore'], env: environment });
    const ended = once(child, 'exit');
    const lines: string[] = [];
    for await (const line of createInterface({ input: child.stdout! })) {
      lines.push(line);
      break;
    }
    child.stdout!.destroy();
    const messages = lines.map((line) => JSON.parse(line) as { readonly type: string; readonly figures: { readonly state: string; readonly stages: readonly { readonly stage: string }[] } });
    expect(messages[0]).to.include({ type: 'figures', url: null });
    expect(messages[0]!.figures.stages.map(({ stage }) => stage)).to.have.members(['app.public.engagement_events', 'engagement.enriched', 'totals', 'top', 'counters', 'recent']);
    expect((await ended)[0]).to.equal(0);
  }).timeout(30_000);
});
