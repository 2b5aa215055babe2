import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { attach, clean, down, status, up, type ExtraService, type ProgressEvent, type Stack } from '../../lib/stack/index.ts';

const SERVER = `require('node:http').createServer((q, s) => s.end(process.env.ANSWER)).listen(process.env.PORT, '127.0.0.1')`;

const service = (name: string, port: number, answer = 'yes'): ExtraService => ({
  name,
  command: [process.execPath, '-e', SERVER],
  port,
  environment: { ANSWER: answer },
  readyPath: '/',
});

const answerOf = async (stack: Stack, name: string): Promise<string> => (await fetch(stack.endpoints.extra[name]!)).text();

const failureOf = (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => new Error('it succeeded'),
    (error: Error) => error,
  );

describe('a stack', () => {
  let dir: string;

  beforeEach(async () => {
    dir = join(await mkdtemp(join(tmpdir(), 'millrace-stack-')), 'stack');
  });

  afterEach(async () => {
    await clean({ dir });
    await rm(join(dir, '..'), { recursive: true });
  });

  const bringUp = (extraServices: readonly ExtraService[], onProgress?: (event: ProgressEvent) => void): Promise<Stack> =>
    up({ dir, services: [], extraServices, ...(onProgress === undefined ? {} : { onProgress }) });

  it('starts its services, shows them, and stops them', async () => {
    const phases: string[] = [];
    const stack = await bringUp([service('one', 24_100), service('two', 24_110)], (event) => phases.push(`${event.service} ${event.phase}`));
    expect(await answerOf(stack, 'one')).to.equal('yes');
    expect(stack.environment.MILLRACE_TWO_URL).to.match(/^http:\/\/127\.0\.0\.1:\d+$/);
    expect(phases).to.include.members(['one starting', 'one ready', 'two ready']);
    const before = await status({ dir });
    expect(before.map(({ name, running, healthy }) => ({ name, running, healthy }))).to.deep.equal([
      { name: 'one', running: true, healthy: true },
      { name: 'two', running: true, healthy: true },
    ]);
    expect(await down({ dir })).to.have.members(['one', 'two']);
    expect((await status({ dir })).map(({ running, healthy }) => ({ running, healthy }))).to.deep.equal([
      { running: false, healthy: false },
      { running: false, healthy: false },
    ]);
    expect(await down({ dir })).to.deep.equal([]);
  });

  it('keeps what runs and starts again what died, on the same port', async () => {
    const services = [service('one', 24_120), service('two', 24_130)];
    const first = await bringUp(services);
    const before = [first.service('one'), first.service('two')] as const;
    await first.kill('one');
    expect((await status({ dir }))[0]).to.include({ name: 'one', running: false, healthy: false });
    const second = await bringUp(services);
    expect(second.service('two').pid).to.equal(before[1].pid);
    expect(second.service('one').pid).not.to.equal(before[0].pid);
    expect(second.service('one').ports).to.deep.equal(before[0].ports);
    expect(await answerOf(second, 'one')).to.equal('yes');
  });

  it('replaces a recorded port that somebody else took in the meantime', async () => {
    const first = await bringUp([service('one', 24_140)]);
    const { http } = first.service('one').ports;
    await down({ dir });
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(http, '127.0.0.1', resolve));
    try {
      const second = await bringUp([service('one', 24_140)]);
      expect(second.service('one').ports.http).not.to.equal(http);
      expect(await answerOf(second, 'one')).to.equal('yes');
    } finally {
      await new Promise((resolve) => other.close(resolve));
    }
  });

  it('starts a service again when its command or its environment changed', async () => {
    const first = await bringUp([service('one', 24_150, 'old')]);
    expect(await answerOf(first, 'one')).to.equal('old');
    const second = await bringUp([service('one', 24_150, 'new')]);
    expect(await answerOf(second, 'one')).to.equal('new');
    expect(second.service('one').pid).not.to.equal(first.service('one').pid);
  });

  it('stops and starts one service', async () => {
    const stack = await bringUp([service('one', 24_160)]);
    await stack.stop('one');
    expect(stack.service('one').running).to.equal(false);
    await stack.start('one');
    expect(await answerOf(stack, 'one')).to.equal('yes');
  });

  it('shows the end of the log of a service that does not start', async () => {
    const broken: ExtraService = { name: 'broken', command: [process.execPath, '-e', 'console.error("no such table"); process.exit(1)'], port: 24_170 };
    const error = await failureOf(bringUp([broken, service('one', 24_180)]));
    expect(error.message).to.contain('broken did not start').and.to.contain('no such table');
  });

  it('refuses wrong service lists with every problem', async () => {
    const error = await failureOf(up({ dir, services: ['connect', 'nats' as 'redis'] }));
    expect(error).to.be.instanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems.map((problem) => problem.split(';')[0])).to.deep.equal([
      'There is no service nats',
      'connect needs kafka',
      'connect needs postgres',
      'connect needs registry',
    ]);
  });

  it('says that there is no stack to attach to', async () => {
    expect((await failureOf(attach({ dir }))).message).to.contain('There is no stack in');
  });

  it('lets only its owner read passwords and the environment', async () => {
    await bringUp([service('one', 24_190)]);
    for (const file of ['secrets.json', 'stack.env', 'state.json']) expect((await stat(join(dir, file))).mode & 0o777).to.equal(0o600);
    expect(await readFile(join(dir, 'state.json'), 'utf8')).not.to.contain('password');
  });

  it('deletes everything it made and nothing else', async () => {
    await bringUp([service('one', 24_200)]);
    await clean({ dir });
    expect(await status({ dir })).to.deep.equal([]);
    expect((await failureOf(stat(dir))).message).to.contain('ENOENT');
  });
});
