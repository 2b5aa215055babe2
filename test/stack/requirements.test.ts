import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { findTools } from '../../lib/stack/requirements.mjs';

describe('the tools of the machine', () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'millrace-tools-'));
  });

  afterEach(() => rm(folder, { recursive: true }));

  const program = async (path: string, script: string): Promise<string> => {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return file;
  };

  const environment = (): NodeJS.ProcessEnv => ({ PATH: join(folder, 'bin'), PYENV_ROOT: join(folder, 'pyenv') });

  it('names everything that is missing at once, each with a command', async () => {
    const { tools, problems } = await findTools(['java', 'maven', 'python'], environment());
    expect(tools).to.deep.equal({});
    expect(problems).to.have.length(3);
    expect(problems[0]).to.match(/^Java >= 17 is missing\. Install it with: \S+/);
    expect(problems[1]).to.match(/^Maven \(mvn\) is missing\. Install it with: \S+/);
    expect(problems[2]).to.match(/^Python >= 3\.13 with venv is missing\. Install it with: \S+/);
  });

  it('tells which version is too old', async () => {
    const java = await program('bin/java', `echo 'openjdk version "11.0.2" 2019-01-15' >&2`);
    const { problems } = await findTools(['java'], environment());
    expect(problems[0]).to.contain(`${java} is version 11`);
  });

  it('reads the old way of writing the version of Java 8', async () => {
    await program('bin/java', `echo 'java version "1.8.0_292"' >&2`);
    expect((await findTools(['java'], environment())).problems[0]).to.contain('is version 8');
  });

  it('passes over a Python on the path that is only a shim and takes the one of pyenv', async () => {
    await program('bin/python3.13', 'echo "pyenv: python3.13: command not found" >&2; exit 127');
    await program('bin/python3', 'echo 3 11');
    const real = await program('pyenv/versions/3.13.0/bin/python3', 'echo 3 13');
    expect((await findTools(['python'], environment())).tools).to.deep.equal({ python: real });
  });

  it('takes the Python that MILLRACE_PYTHON names first', async () => {
    await program('bin/python3.13', 'echo 3 13');
    const named = await program('mine/python', 'echo 3 14');
    expect((await findTools(['python'], { ...environment(), MILLRACE_PYTHON: named })).tools).to.deep.equal({ python: named });
  });

  it('takes the PostgreSQL of MILLRACE_PG_BIN, when initdb is there too', async () => {
    const postgres = await program('pg/postgres', 'echo "postgres (PostgreSQL) 16.3"');
    const named = { ...environment(), MILLRACE_PG_BIN: dirname(postgres) };
    expect((await findTools(['postgres'], named)).tools.postgres).not.to.equal(postgres);
    await program('pg/initdb', '');
    expect((await findTools(['postgres'], named)).tools.postgres).to.equal(postgres);
  });
});
