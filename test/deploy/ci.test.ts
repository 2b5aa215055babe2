import { expect } from 'chai';
import { describe, it } from 'mocha';
import { parse } from 'yaml';
import { STACK_TOOLS } from '../../lib/stack/requirements.mjs';
import { readText } from './compose.ts';

interface Workflow {
  readonly permissions: object;
  readonly jobs: Readonly<Record<string, { readonly 'timeout-minutes'?: number; readonly steps: readonly { readonly uses?: string; readonly run?: string; readonly with?: Readonly<Record<string, unknown>> }[] }>>;
}

/** For the servers of the stack, about 1 GB, the first time. */
const DOWNLOAD_MINUTES = 20;

/** What in the workflow brings each tool that the stack does not install itself. */
const BRINGS: Readonly<Record<(typeof STACK_TOOLS)[number], RegExp>> = {
  java: /actions\/setup-java@.*"java-version":17/,
  maven: /apt-get install .* maven/,
  postgres: /apt-get install .* postgresql/,
  python: /actions\/setup-python@.*"python-version":"3\.13"/,
};

describe('the workflow on GitHub', () => {
  it('runs what .ci/run runs, and nothing beside it that tests', async () => {
    const { jobs, permissions } = parse(await readText('.github', 'workflows', 'ci.yml')) as Workflow;
    const [job, ...others] = Object.values(jobs);
    expect(others).to.deep.equal([]);
    const commands = job!.steps.flatMap(({ run }) => (run === undefined ? [] : [run]));
    expect(commands.at(-1)).to.equal('.ci/run');
    expect(commands.slice(0, -1).every((command) => command.startsWith('sudo apt-get '))).to.equal(true);
    const limits = [...(await readText('bin', 'test.ts')).matchAll(/^const (?:UNIT|INTEGRATION|CHECK)_TIMEOUT_MS = ([\d_]+);$/gm)].map(([, ms]) => Number(ms!.replaceAll('_', '')));
    expect(limits).to.have.length(3);
    expect(job!['timeout-minutes'], 'it ends by its own limits, not by the one of the job').to.be.above(limits.reduce((a, b) => a + b) / 60_000 + DOWNLOAD_MINUTES);
    expect(permissions).to.deep.equal({ contents: 'read' });
    for (const { uses } of job!.steps) if (uses !== undefined) expect(uses).to.match(/^actions\/[\w-]+@v\d+$/);
    for (const tool of STACK_TOOLS) expect(JSON.stringify(job!.steps), tool).to.match(BRINGS[tool]);
  });
});
