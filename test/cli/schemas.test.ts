import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { millrace } from './support.ts';

const SCHEMA = JSON.stringify({ type: 'record', name: 'Value', fields: [{ name: 'id', type: 'long' }] });

describe('millrace schemas types', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-cli-'));
    await writeFile(join(folder, 'order.avsc'), SCHEMA);
  });

  afterEach(() => rm(folder, { recursive: true }));

  it('writes the modules, says so, and changes nothing the second time', async () => {
    expect(await millrace(['schemas', 'types', folder])).to.deep.equal({ code: 0, stdout: `wrote ${join(folder, 'order.ts')}\n`, stderr: '' });
    expect(await readFile(join(folder, 'order.ts'), 'utf8')).to.contain('readonly id: bigint;');
    expect(await millrace(['schemas', 'types', folder])).to.deep.equal({ code: 0, stdout: `unchanged ${join(folder, 'order.ts')}\n`, stderr: '' });
  });

  it('checks without writing: exit code 3 when a module is stale, 0 when none is', async () => {
    const stale = await millrace(['schemas', 'types', '--check', folder]);
    expect({ code: stale.code, stdout: stale.stdout }).to.deep.equal({ code: 3, stdout: `stale ${join(folder, 'order.ts')}\n` });
    expect(stale.stderr).to.contain('millrace schemas types');
    await millrace(['schemas', 'types', folder]);
    expect(await millrace(['schemas', 'types', '--check', folder])).to.deep.equal({ code: 0, stdout: '', stderr: '' });
  });

  it('answers a schema that is not valid with exit code 2 and its name', async () => {
    await writeFile(join(folder, 'wrong.avsc'), '{"type":"record"}');
    const { code, stdout, stderr } = await millrace(['schemas', 'types', folder]);
    expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
    expect(stderr).to.contain('wrong.avsc: ');
  });
});
