/** Every command in the pages exists, with its options; CONTRIBUTING.md says which test runs it. */
import { expect } from 'chai';
import { before, describe, it } from 'mocha';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { millrace } from '../cli/support.ts';
import { fences, inline, pages, read, ROOT } from './support.ts';

interface Command {
  readonly page: string;
  readonly text: string;
}

/** What the pages run beside npm and our own command line. */
const TOOLS = ['mocha', 'node'];
/** The shell's and Git's own. */
const isForeign = (text: string): boolean => /^(cd|git) /.test(text);
const isCommand = (text: string): boolean => /^(npm (start|test|ci|install|run|exec)|npx |millrace [a-z])/.test(text);

const commands: readonly Command[] = pages.flatMap((page) => {
  const text = read(page);
  const lines = fences(text, 'sh').flatMap((fence) => fence.trim().split('\n'));
  return [...lines.filter((line) => !isForeign(line)), ...inline(text).filter(isCommand)].map((line) => ({ page, text: line }));
});

const words = (text: string): string[] => text.replace(/^npx /, '').split(/ +/);
const isMillrace = ({ text }: Command): boolean => words(text)[0] === 'millrace';
const nested = new Set(['connectors', 'schemas']);
/** `millrace connectors apply`: the command without what it is given. */
const nameOf = (text: string): string[] => words(text).slice(0, nested.has(words(text)[1] ?? '') ? 3 : 2);
const optionsOf = (text: string): string[] => words(text).filter((word) => word.startsWith('--') && word.length > 2);

describe('commands in the pages', function () {
  this.timeout(60_000);
  const help = new Map<string, string>();
  const scripts = (JSON.parse(read('package.json')) as { readonly scripts: Readonly<Record<string, string>> }).scripts;

  before(async () => {
    const wanted = new Set([...commands.filter(isMillrace).map(({ text }) => nameOf(text).join(' ')), 'millrace start']);
    for (const name of wanted) {
      const { code, stdout } = await millrace([...name.split(' ').slice(1), '--help']);
      help.set(name, code === 0 && stdout.startsWith(`Usage: ${name} `) ? stdout : '');
    }
  });

  it('are there at all', () => expect(commands.length).to.be.above(20));

  for (const { page, text } of commands) {
    it(`exist: ${text} (${page})`, () => {
      if (isMillrace({ page, text })) {
        const shown = help.get(nameOf(text).join(' '))!;
        expect(shown, `millrace has no such command: ${text}`).not.to.equal('');
        for (const option of optionsOf(text)) expect(shown).to.match(new RegExp(`${option}\\b`));
        return;
      }
      const [npm, verb, third] = words(text);
      if (text.startsWith('npx ')) {
        expect(TOOLS).to.include(npm);
        expect(existsSync(join(ROOT, 'node_modules', '.bin', npm!)), npm).to.equal(true);
        if (verb !== undefined) expect(existsSync(join(ROOT, verb)), verb).to.equal(true);
        return;
      }
      expect(npm).to.equal('npm');
      if (verb === 'ci' || verb === 'install') return;
      expect(scripts).to.have.property(verb === 'run' ? third! : verb!);
      // What follows -- goes to millrace start, or to mocha.
      if (verb === 'start') for (const option of optionsOf(text)) expect(help.get('millrace start')).to.match(new RegExp(`${option}\\b`));
      else expect(optionsOf(text)).to.be.an('array').that.satisfies((options: string[]) => options.every((option) => option === '--grep'));
    });
  }

  it('have a test that runs them', () => {
    const table = read('CONTRIBUTING.md').split('\n').filter((line) => line.startsWith('| `'));
    const rows = table.map((line) => line.split('|').slice(1, 3).map((cell) => inline(cell)));
    const listed = rows.flatMap(([names]) => names!);
    const wanted = commands.map(({ text }) => {
      if (words(text)[0] === 'millrace') return nameOf(text).join(' ');
      if (text.startsWith('npx ')) return `npx ${words(text)[0]!}`;
      return words(text).slice(0, words(text)[1] === 'run' ? 3 : 2).join(' ');
    });
    expect([...new Set(wanted)].filter((name) => !listed.includes(name))).to.deep.equal([]);
    for (const [, tests] of rows) for (const file of tests!) expect(existsSync(join(ROOT, file)), file).to.equal(true);
  });
});
