/** The package as a user gets it: packed, installed into an empty folder, and used from there. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, delimiter, dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { fences, read, ROOT } from '../docs/support.ts';
import { Broker, BROKERS, values } from './support/kafka-broker.ts';
import { freePort } from './support/redis.ts';

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly [field: string]: unknown;
}

const INSTALL_TIMEOUT_MS = 120_000;
const run = promisify(execFile);
const { version: VERSION } = JSON.parse(read('package.json')) as { readonly version: string };
const TARBALL = join(ROOT, 'dist', `millrace-${VERSION}.tgz`);
/** `npx`, `npm` and the package's own program find this Node first. */
const ENVIRONMENT = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) };
const readJson = async (...path: string[]): Promise<unknown> => JSON.parse(await readFile(join(...path), 'utf8'));

/** The versions that the repository has locked are the ones that npm holds in its cache. */
const writeManifests = async (folder: string, packed: string, tarball: string): Promise<void> => {
  const lock = (await readJson(ROOT, 'package-lock.json')) as { readonly packages: Readonly<Record<string, { readonly dev?: boolean }>> };
  const { version, dependencies, bin, engines } = (await readJson(packed, 'package.json')) as Manifest;
  const needed = Object.entries(lock.packages).filter(([path, entry]) => path !== '' && entry.dev !== true);
  const user = { name: 'user', private: true, type: 'module', dependencies: { millrace: `file:${tarball}` } };
  await writeFile(join(folder, 'package.json'), JSON.stringify(user));
  const packages = { '': user, 'node_modules/millrace': { version, resolved: `file:${tarball}`, dependencies, bin, engines }, ...Object.fromEntries(needed) };
  await writeFile(join(folder, 'package-lock.json'), JSON.stringify({ name: 'user', lockfileVersion: 3, requires: true, packages }));
};

const CONFIGURATION = { compilerOptions: { target: 'es2024', module: 'nodenext', strict: true, noEmit: true, allowImportingTsExtensions: true, skipLibCheck: false }, include: ['*.ts'] };

describe('the package', function () {
  this.timeout(INSTALL_TIMEOUT_MS);
  let folder: string;
  let broker: Broker;

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-user-'));
    broker = new Broker('package');
    await rm(TARBALL, { force: true });
    await run('npm', ['run', 'package', '--silent'], { cwd: ROOT, env: ENVIRONMENT });
    await cp(TARBALL, join(folder, basename(TARBALL)));
    await writeManifests(folder, join(ROOT, 'dist', 'package'), basename(TARBALL));
    await run('npm', ['ci', '--prefer-offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'], { cwd: folder, env: ENVIRONMENT });
    await cp(join(import.meta.dirname, 'package'), folder, { recursive: true });
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(CONFIGURATION));
  });

  after(async () => {
    const admin = broker.kafka.admin();
    await admin.connect();
    await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(broker.prefix)) });
    await admin.disconnect();
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  });

  const installed = (): string => join(folder, 'node_modules', 'millrace');
  const millrace = (): string => join(folder, 'node_modules', '.bin', 'millrace');

  it('holds compiled code and types and no sources, tests, examples or manifests of the repository', async () => {
    const files = await readdir(installed(), { recursive: true });
    expect(files).to.include.members(['lib/index.js', 'lib/index.d.ts', 'topology/index.js', 'topology/index.d.ts', 'bin/millrace.mjs', 'package.json']);
    expect(files.filter((file) => /\.ts$/.test(file) && !file.endsWith('.d.ts'))).to.deep.equal([]);
    expect((await readdir(installed())).filter((name) => !['LICENSE', 'README.md'].includes(name)).toSorted()).to.deep.equal(['bin', 'lib', 'package.json', 'topology']);
    const manifest = (await readJson(installed(), 'package.json')) as Manifest;
    expect(manifest).not.to.have.any.keys('devDependencies', 'scripts', 'private');
    expect(Object.keys(manifest['exports'] as object)).to.deep.equal(['.', './topology', './sinks', './testing', './package.json']);
  });

  it("checks a user's topology against its types, with the checks of libraries on", async () => {
    const { stdout } = await run(process.execPath, [join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', folder]).catch((error: { readonly stdout: string }) => error);
    expect(stdout).to.equal('');
  });

  it('is made, installed and used with the commands that the README has', () => {
    const section = read('README.md').split(/^## /m).find((part) => part.startsWith('In a project of your own'))!;
    const used = ['npx millrace describe topology.ts', 'npx millrace run topology.ts --workers 2'];
    expect(fences(section, 'sh')).to.deep.equal(['npm run package\n', `${[`npm install ../millrace/dist/${basename(TARBALL)}`, ...used].join('\n')}\n`]);
    expect(fences(read('docs/PACKAGE.md'), 'sh')).to.deep.equal([`${used.join('\n')}\n`]);
  });

  it('has a page of its own, whose links lead nowhere else', async () => {
    expect(await readFile(join(installed(), 'README.md'), 'utf8')).to.equal(read('docs/PACKAGE.md')).and.not.to.match(/\]\(/);
    expect(await readFile(join(installed(), 'LICENSE'), 'utf8')).to.equal(read('LICENSE'));
  });

  it('says of the examples where they are', async () => {
    const failed = await run('npx', ['millrace', 'start'], { cwd: folder, env: ENVIRONMENT }).then(() => expect.fail('it started'), (error: { readonly code: number; readonly stderr: string }) => error);
    expect(failed.code).to.equal(2);
    expect(failed.stderr).to.contain('The examples belong to the repository: run them from a clone').and.to.contain('millrace run FILE');
  });

  it('describes a topology by npx', async () => {
    const { stdout } = await run('npx', ['millrace', 'describe', 'topology.ts'], { cwd: folder, env: ENVIRONMENT });
    expect(stdout).to.contain('topology user\n').and.to.contain('map(toFahrenheit)\n').and.to.contain('to(highest)');
    const picture = await run('npx', ['--no-install', 'millrace', 'describe', 'topology.ts', '--format', 'svg'], { cwd: folder, env: ENVIRONMENT });
    expect(picture.stdout).to.match(/^<svg /);
  });

  it('drives a topology in memory', async () => {
    const { stdout } = await run(process.execPath, ['drive.ts'], { cwd: folder, env: ENVIRONMENT });
    expect(JSON.parse(stdout)).to.deep.equal({
      stages: 3,
      converted: [50, 77, 68].map((fahrenheit) => ({ place: 'roof', fahrenheit })),
      highest: [['roof', 25]],
      doors: ['function', null],
    });
  });

  for (const workers of [1, 2]) {
    it(`runs a topology with ${workers} ${workers === 1 ? 'worker' : 'workers'}: a record goes through, and a signal ends it in order`, async () => {
      const prefix = `${broker.prefix}-${workers}`;
      await broker.admin.createTopics(['readings', 'converted'].map((name) => ({ topic: `${prefix}-${name}`, partitions: 1, replicationFactor: 1, config: {} })));
      const producer = await broker.newProducer();
      await broker.write(producer, `${prefix}-readings`, [JSON.stringify({ place: 'roof', celsius: 100 })]);
      await producer.commit();
      const environment = { ...ENVIRONMENT, USER_PREFIX: prefix, MILLRACE_KAFKA_BROKERS: BROKERS.join(','), MILLRACE_HTTP_PORT: String(await freePort()) };
      const child = spawn(millrace(), ['run', 'topology.ts', '--workers', String(workers)], { cwd: folder, env: environment, stdio: ['ignore', 'ignore', 'pipe'] });
      const exit = once(child, 'exit');
      let log = '';
      child.stderr.setEncoding('utf8').on('data', (text: string) => (log += text));
      try {
        const through = await Promise.race([broker.readTo(`${prefix}-converted`, 1), exit.then(() => expect.fail(`it ended:\n${log}`))]);
        expect(values(through)).to.deep.equal([JSON.stringify({ place: 'roof', fahrenheit: 212 })]);
      } finally {
        child.kill('SIGTERM');
        await exit;
      }
      expect(child.exitCode, log).to.equal(0);
    });
  }
});
