/** The walk of CONTRIBUTING.md, made step by step in a copy of the files that it names. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { execFile } from 'node:child_process';
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fences, inline, read, ROOT } from './support.ts';

interface Ended {
  readonly code: number;
  readonly output: string;
}

const walk = read('CONTRIBUTING.md').split(/^## /m).find((part) => part.startsWith('From clone'))!;
const [test, change] = fences(walk, 'ts');
const commands = fences(walk, 'sh').flatMap((fence) => fence.trim().split('\n'));
const metric = /millrace_\w+/.exec(change ?? '')?.[0];

describe('the walk from clone to first change', function () {
  this.timeout(60_000);
  let copy: string;

  before(async () => {
    copy = await mkdtemp(join(tmpdir(), 'millrace-walk-'));
    for (const name of ['lib', 'topology', 'test/server', 'docs/METRICS.md', 'package.json']) await cp(join(ROOT, name), join(copy, name), { recursive: true });
    await symlink(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  });

  after(() => rm(copy, { recursive: true, force: true }));

  const run = (command: string): Promise<Ended> =>
    new Promise((resolve) => {
      const env = { ...process.env, PATH: [dirname(process.execPath), process.env['PATH']].join(delimiter) };
      execFile('sh', ['-c', command], { cwd: copy, env }, (error, stdout, stderr) => resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr }));
    });

  const edit = async (file: string, isPlace: (line: string) => boolean, side: 'above' | 'below', added: string): Promise<void> => {
    const lines = (await readFile(join(copy, file), 'utf8')).split('\n');
    const places = lines.flatMap((line, i) => (isPlace(line) ? [i] : []));
    expect(places, `one place in ${file}`).to.have.length(1);
    lines.splice(places[0]! + (side === 'below' ? 1 : 0), 0, added.replace(/\n$/, ''));
    await writeFile(join(copy, file), lines.join('\n'));
  };

  it('makes the test fail, and then pass', async () => {
    const [mocha, page, again] = commands.filter((command) => command.startsWith('npx '));
    expect(again).to.equal(mocha);
    await edit('test/server/serve.test.ts', (line) => line.includes("it('have names with units"), 'above', test!);
    const red = await run(mocha!);
    expect(red.code, red.output).to.equal(1);
    expect(red.output).to.contain('1 failing').and.to.contain(metric!);
    await edit('lib/server/definitions.ts', (line) => line.includes("gauge('millrace_tasks_assigned'"), 'below', change!);
    const made = await run(page!);
    expect(made.code, made.output).to.equal(0);
    const green = await run(again!);
    expect(green.code, green.output).to.equal(0);
  });

  it('names every file that it changes, where it is changed and where it is committed', () => {
    const changed = ['lib/server/definitions.ts', 'test/server/serve.test.ts', 'docs/METRICS.md'];
    expect(commands.find((command) => command.startsWith('git add '))!.split(' ').slice(2)).to.deep.equal(changed);
    expect(inline(walk)).to.include.members(changed.slice(0, 2));
    expect(commands.some((command) => command.endsWith(`> ${changed[2]!}`))).to.equal(true);
  });

  it('is about a metric that there is not yet', () => expect(read('docs/METRICS.md')).not.to.contain(metric!));
});
