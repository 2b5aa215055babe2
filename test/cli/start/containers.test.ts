import { expect } from 'chai';
import { describe, it } from 'mocha';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { millrace } from '../support.ts';

describe('millrace start --docker', () => {
  it('says that no engine answers, and starts nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'millrace-start-docker-'));
    try {
      await writeFile(join(folder, 'docker'), '#!/bin/sh\n[ "$1" = compose ] || { echo "no engine at all" >&2; exit 1; }\n', { mode: 0o755 });
      const { code, stdout, stderr } = await millrace(['start', '--docker', '--dir', join(folder, 'stack')], { PATH: `${folder}:${process.env['PATH']}` });
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.contain('no Docker engine answers: no engine at all').and.to.contain('Without --docker');
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
