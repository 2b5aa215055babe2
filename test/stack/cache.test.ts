import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { installed, verifyFile, verifyFolder, type InstallContext } from '../../lib/stack/cache.ts';
import { withLock } from '../../lib/stack/lock.ts';

/** SHA-256 of "abc" and of "", from FIPS 180-2 and common knowledge. */
const ABC = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad';
const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855';

const failureOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'it succeeded',
    (error: Error) => error.message,
  );

describe('the cache of programs', () => {
  let cache: string;
  let context: InstallContext;

  beforeEach(async () => {
    cache = await mkdtemp(join(tmpdir(), 'millrace-cache-'));
    context = { cache, signal: new AbortController().signal, progress: () => {} };
  });

  afterEach(() => rm(cache, { recursive: true }));

  it('installs once for all who ask at the same time', async () => {
    let installs = 0;
    const install = async (folder: string): Promise<void> => {
      installs += 1;
      await writeFile(join(folder, 'program'), 'abc');
    };
    const folders = await Promise.all([1, 2, 3].map(() => installed(context, 'tool-1', install)));
    expect(installs).to.equal(1);
    expect(new Set(folders)).to.deep.equal(new Set([join(cache, 'tool-1')]));
    expect(await readFile(join(cache, 'tool-1', 'program'), 'utf8')).to.equal('abc');
  });

  it('keeps nothing of an installation that failed, and tries again', async () => {
    const failing = installed(context, 'tool-2', async (folder) => {
      await writeFile(join(folder, 'half'), '');
      throw new Error('network down');
    });
    expect(await failureOf(failing)).to.equal('network down');
    expect(await readdir(cache)).not.to.include('tool-2');
    await installed(context, 'tool-2', (folder) => writeFile(join(folder, 'whole'), ''));
    expect(await readdir(join(cache, 'tool-2'))).to.deep.equal(['whole']);
  });

  it('takes over the lock of a process that died', async () => {
    const { pid } = spawnSync(process.execPath, ['-e', '']);
    const lock = join(cache, 'lock');
    await writeFile(lock, JSON.stringify({ pid, identity: 'this-boot:1' }));
    expect(await withLock(lock, { timeoutMs: 1000 }, async () => 'done')).to.equal('done');
  });

  it('names the process that holds a lock too long', async () => {
    const lock = join(cache, 'lock');
    const failure = await withLock(lock, { timeoutMs: 1000 }, () => failureOf(withLock(lock, { timeoutMs: 50 }, async () => 'never')));
    expect(failure).to.contain(`Process ${process.pid} still holds`);
  });

  it('refuses a file with another content', async () => {
    const file = join(cache, 'archive');
    await writeFile(file, 'abc');
    await verifyFile(file, ABC);
    expect(await failureOf(verifyFile(file, EMPTY))).to.contain(`has SHA-256 ${ABC}, not ${EMPTY}`);
  });

  it('names every file of a folder that is changed, missing or too much', async () => {
    const folder = join(cache, 'jars');
    await mkdir(folder);
    await writeFile(join(folder, 'good.jar'), 'abc');
    await writeFile(join(folder, 'changed.jar'), 'x');
    await writeFile(join(folder, 'extra.jar'), '');
    const list = join(cache, 'list');
    await writeFile(list, `${ABC}  good.jar\n${EMPTY}  changed.jar\n${EMPTY}  absent.jar\n`);
    const failure = await failureOf(verifyFolder(folder, list));
    expect(failure).to.contain('changed.jar has another content');
    expect(failure).to.contain('extra.jar is not expected');
    expect(failure).to.contain('absent.jar is missing');
    expect(failure).not.to.contain('good.jar');
  });
});
