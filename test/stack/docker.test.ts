import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { addressesOf } from '../../lib/cli/start/addresses.ts';
import { checkEngine, COMPOSE_FILE, dockerDown, dockerUp, reachContainers } from '../../lib/stack/docker.ts';

/** A stand-in for the program: notes how it was called, and fails where it is told to. */
const STAND_IN = `#!/bin/sh
echo "$*|$MILLRACE_PG_PASSWORD|$MILLRACE_PG_ADMIN_PASSWORD|$PARTNER_TOKEN" >> "$STAND_IN_CALLS"
case "$*" in $STAND_IN_FAILS) echo 'first line'; echo 'what went wrong' >&2; exit 1;; esac
echo 1.0
`;

const failure = async (promise: Promise<unknown>): Promise<Error> =>
  promise.then(
    () => expect.fail('it did not fail'),
    (error: unknown) => error as Error,
  );

describe('the stack in containers', () => {
  let folder: string;
  const before = { PATH: process.env['PATH'], STAND_IN_FAILS: process.env['STAND_IN_FAILS'], STAND_IN_CALLS: process.env['STAND_IN_CALLS'] };

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-docker-'));
    await mkdir(join(folder, 'bin'));
    await writeFile(join(folder, 'bin', 'docker'), STAND_IN, { mode: 0o755 });
    Object.assign(process.env, { PATH: [join(folder, 'bin'), before.PATH].join(delimiter), STAND_IN_CALLS: join(folder, 'calls'), STAND_IN_FAILS: 'nothing' });
  });

  afterEach(async () => {
    for (const [name, value] of Object.entries(before)) if (value === undefined) delete process.env[name]; else process.env[name] = value;
    await rm(folder, { recursive: true });
  });

  const calls = async (): Promise<string[][]> => (await readFile(join(folder, 'calls'), 'utf8')).trim().split('\n').map((line) => line.split('|'));

  const refusals: readonly (readonly [what: string, fails: string, problem: string])[] = [
    ['the compose plugin is missing', 'compose*', 'docker has no compose plugin (docker compose version: what went wrong)'],
    ['no engine answers', 'version*', 'no Docker engine answers: what went wrong'],
  ];
  for (const [what, fails, problem] of refusals) {
    it(`says that ${what}, and what else there is`, async () => {
      process.env['STAND_IN_FAILS'] = fails;
      const error = await failure(dockerUp({ dir: folder, env: {} }));
      expect(error).instanceOf(ConfigurationError);
      expect((error as ConfigurationError).problems).to.deep.equal([problem]);
      expect((error as ConfigurationError).hint).to.contain('--docker');
    });
  }

  it('says that docker is not installed', async () => {
    process.env['PATH'] = join(folder, 'empty');
    expect((await failure(checkEngine())) as ConfigurationError).to.have.deep.property('problems', ['docker is not installed']);
  });

  it("gives compose the file, the passwords of the stack's folder and the caller's variables", async () => {
    await dockerDown({ dir: folder, env: { PARTNER_TOKEN: 'token' } });
    const secrets = JSON.parse(await readFile(join(folder, 'secrets.json'), 'utf8')) as Record<string, string>;
    expect((await calls()).at(-1)).to.deep.equal([
      `compose -f ${COMPOSE_FILE} --project-name millrace --ansi never --profile workers --profile cassandra down`,
      secrets['postgresPipeline'],
      secrets['postgresAdmin'],
      'token',
    ]);
  });

  it('deletes the data only when it is told to', async () => {
    await dockerDown({ dir: folder, env: {} });
    await dockerDown({ dir: folder, env: {}, volumes: 'delete' });
    const downs = (await calls()).map(([args]) => args!).filter((args) => args.includes(' down'));
    expect(downs.map((args) => args.endsWith(' --volumes'))).to.deep.equal([false, true]);
  });

  it('starts what is asked for and what watches it, also of a profile, and the file gets all variables that it wants', async () => {
    process.env['STAND_IN_FAILS'] = '*up*';
    await failure(dockerUp({ dir: folder, env: {}, services: ['kafka', 'cassandra'] }));
    const [args, , , token] = (await calls()).at(-1)!;
    expect(args).to.match(/ up --detach --build --wait kafka cassandra kafka-ui$/);
    expect(token).to.equal('the partner is not started');
  });

  it('tells where to look at everything that it starts, and workers only of what they use', () => {
    const { endpoints, environment } = reachContainers(['kafka', 'partner'], { partner: 18_090 }, { postgresAdmin: 'a', postgresPipeline: 'b' });
    expect(addressesOf(endpoints, environment, [])).to.deep.equal([
      { name: 'kafka', address: '127.0.0.1:9092' },
      { name: 'partner', address: 'http://127.0.0.1:18090' },
      { name: 'kafka-ui', address: 'http://127.0.0.1:8088' },
    ]);
    expect(environment).to.deep.equal({ MILLRACE_KAFKA_BROKERS: '127.0.0.1:9092', MILLRACE_PARTNER_URL: 'http://127.0.0.1:18090' });
  });

  it("fails with compose's last lines, and no password in them", async () => {
    process.env['STAND_IN_FAILS'] = '*up*';
    const seen: string[] = [];
    const error = await failure(dockerUp({ dir: folder, env: {}, onProgress: ({ phase, message }) => seen.push(`${phase}: ${message}`) }));
    expect(error.message).to.contain('docker compose up failed with code 1').and.to.contain('what went wrong');
    expect(seen).to.include.members(['starting: first line', 'failed: docker compose failed']);
    const { postgresPipeline } = JSON.parse(await readFile(join(folder, 'secrets.json'), 'utf8')) as Record<string, string>;
    expect(error.message).not.to.contain(postgresPipeline);
    expect((await calls()).at(-1)![0]).to.match(/ up --detach --build --wait kafka registry postgres redis bigquery connect partner kafka-ui$/);
  });
});
