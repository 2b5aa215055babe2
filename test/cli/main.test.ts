import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { millrace } from './support.ts';

const COMMANDS = ['start', 'up', 'down', 'status', 'clean', 'run', 'reset', 'backfill', 'describe', 'connectors', 'snapshot', 'resync', 'schemas'];

describe('the command line', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('lists its commands', async () => {
    const { code, stdout, stderr } = await millrace(['--help']);
    expect(code).to.equal(0);
    expect(stderr).to.equal('');
    for (const name of COMMANDS) expect(stdout).to.match(new RegExp(`^  ${name} `, 'm'));
  });

  it('tells its version', async () => {
    const { version } = JSON.parse(await readFile(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as { version: string };
    expect(await millrace(['--version'])).to.deep.equal({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('explains a group of commands', async () => {
    const { code, stdout, stderr } = await millrace(['connectors', '--help']);
    expect({ code, stderr }).to.deep.equal({ code: 0, stderr: '' });
    expect(stdout).to.contain('Usage: millrace connectors');
  });

  const wrong: readonly (readonly string[])[] = [
    [],
    ['bogus'],
    ['status', '--bogus'],
    ['down', 'surplus'],
    ['connectors'],
    ['connectors', 'apply'],
    ['connectors', 'status', '--wait', 'long'],
    ['connectors', 'validate', 'x', '--placeholders', 'nowhere'],
    ['connectors', 'diff', 'absent.json'],
    ['connectors', 'pause', 'plays', '--connect-url', 'nowhere'],
    ['connectors', 'scaffold', 'postgres://u@h/d'],
    ['connectors', 'scaffold', 'h/d', '--tables', 'a.b'],
    ['up', '--without', 'bogus'],
    ['snapshot'],
    ['snapshot', 'content', '--where'],
    ['resync'],
    ['resync', 'content', '--dry-run', '--apply'],
  ];
  for (const args of wrong) {
    it(`answers wrong usage with exit code 2 and nothing on stdout: millrace ${args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await millrace(args, { MILLRACE_DIR: join(folder, 'stack') });
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).not.to.equal('');
    });
  }

  it('shows a stack that is not there with exit code 3', async () => {
    const dir = join(folder, 'stack');
    const { code, stdout, stderr } = await millrace(['status', '--dir', dir]);
    expect({ code, stdout }).to.deep.equal({ code: 3, stdout: '' });
    expect(stderr).to.contain(`There is no stack in ${dir}`);
  });

  it('has nothing to stop and nothing to delete without a stack', async () => {
    const dir = join(folder, 'stack');
    expect(await millrace(['down', '--dir', dir])).to.deep.equal({ code: 0, stdout: 'nothing was running\n', stderr: '' });
    expect((await millrace(['clean', '--dir', dir])).code).to.equal(0);
  });

  it('lists every problem of connector files with exit code 2', async () => {
    await writeFile(join(folder, 'a.json'), '{');
    await writeFile(join(folder, 'b.json'), '{"name":"b","config":{}}');
    const { code, stdout, stderr } = await millrace(['connectors', 'apply', folder, '--connect-url', 'http://127.0.0.1:1']);
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
    const lines = stderr.trim().split('\n');
    expect(lines).to.have.length(2);
    expect(lines[0]).to.contain('a.json: not JSON');
    expect(lines[1]).to.contain('b.json: connector.class is missing');
  });
});
