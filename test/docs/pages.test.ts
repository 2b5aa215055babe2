/** What the pages say of files, code and dependencies is so. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { millrace } from '../cli/support.ts';
import { fences, inline, pages, read, ROOT } from './support.ts';

/** A path inside this repository: it begins with one of its folders, and names something. */
const PATH = /^(?:bin|lib|topology|test|examples|connectors|schemas|docs|benchmarks|\.ci)\/[\w./-]+$/;
/** Files of the reader's own, in the guide. */
const READERS_OWN = new Set(['connectors/shop.json']);

describe('the pages', () => {
  for (const page of pages) {
    it(`name files that exist: ${page}`, () => {
      const text = read(page);
      const links = [...text.matchAll(/\]\((?!https?:)([^)#]+)\)/g)].map((match) => join(dirname(page), match[1]!));
      const named = inline(text).filter((word) => PATH.test(word) && !READERS_OWN.has(word));
      expect([...links, ...named].filter((path) => !existsSync(join(ROOT, path)))).to.deep.equal([]);
    });
  }

  it('name settings that exist', () => {
    const known = new Set([...read('.env.example').matchAll(/^#? ?([A-Z][A-Z0-9_]+)=/gm)].map((match) => match[1]!));
    const named = pages.flatMap((page) => inline(read(page)).flatMap((word) => [...word.matchAll(/\bMILLRACE_[A-Z_]+\b/g)].map((match) => match[0])));
    expect(named.length).to.be.above(5);
    expect([...new Set(named)].filter((name) => !known.has(name))).to.deep.equal([]);
  });
});

describe('the README', () => {
  const readme = read('README.md');

  it("shows the example's picture as it is drawn", async () => {
    const { stdout } = await millrace(['describe', 'examples/engagement/topology.ts', '--format', 'mermaid']);
    expect(fences(readme, 'mermaid').map((fence) => fence.trimEnd())).to.deep.equal([stdout.trimEnd()]);
  }).timeout(20_000);

  it('shows code as it is in files that are compiled and run', () => {
    const files = ['examples/engagement/topology.ts', 'test/docs/guide/topology.ts', 'test/docs/guide.test.ts'];
    expect(fences(readme, 'ts')).to.deep.equal(files.map(read));
    expect(fences(readme, 'json')).to.deep.equal([read('test/docs/guide/order.avsc')]);
  });

  it('has a guide whose types are made from its schemas', async () => {
    expect(await millrace(['schemas', 'types', '--check', join(ROOT, 'test', 'docs', 'guide')])).to.deep.include({ code: 0, stdout: '' });
  }).timeout(20_000);
});

describe('docs/PACKAGE.md, the README of the package', () => {
  const page = read('docs/PACKAGE.md');

  it('shows code as it is in a file that is compiled and run where the package is installed', () => {
    expect(fences(page, 'ts')).to.deep.equal([read('test/integration/package/topology.ts')]);
  });

  it('names every door of the package, and nothing that only the repository has', () => {
    const { exports } = JSON.parse(read('package.json')) as { readonly exports: Readonly<Record<string, string>> };
    const doors = Object.keys(exports).map((door) => join('millrace', door));
    expect(inline(page).filter((word) => /^millrace(\/[a-z]+)?$/.test(word))).to.have.members(doors);
    expect(page).not.to.match(/\]\(|npm start/);
    expect(inline(page).filter((word) => PATH.test(word))).to.deep.equal([]);
  });
});

describe('docs/ARCHITECTURE.md', () => {
  const rows = read('docs/ARCHITECTURE.md').split('\n').filter((line) => /^\| `[^`]+\.(ts|mjs)` \|/.test(line)).map((line): readonly [string[], string[]] => {
    const [file, names] = line.split('|').slice(1, 3);
    return [inline(file!), inline(names!)];
  });

  it('names functions and classes that are in their files', () => {
    expect(rows.length).to.be.above(30);
    const absent = rows.flatMap(([[file], names]) => names.filter((name) => !new RegExp(`(?<![\\w#])${name}\\b`).test(read(file!))).map((name) => `${name} in ${file}`));
    expect(absent).to.deep.equal([]);
  });
});

describe('docs/decisions', () => {
  it('say why for every dependency, and for no other', () => {
    const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<'dependencies' | 'devDependencies', Record<string, string>>;
    const listed = [...read('docs/decisions/dependencies.md').matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)].map((match) => ({ name: match[1]!, why: match[2]!.trim() }));
    expect(listed.map(({ name }) => name).sort()).to.deep.equal([...Object.keys(dependencies), ...Object.keys(devDependencies)].sort());
    expect(listed.filter(({ why }) => why.length < 5)).to.deep.equal([]);
  });

  it('are numbered without a gap', () => {
    const numbers = pages.flatMap((page) => /^docs\/decisions\/(\d{4})-[a-z0-9-]+\.md$/.exec(page)?.[1] ?? []).map(Number).sort((a, b) => a - b);
    expect(numbers).to.deep.equal(numbers.map((_, i) => i + 1));
  });
});
