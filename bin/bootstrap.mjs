// What `npm start`, `npm test` and the other scripts begin with. Plain JavaScript for Node 20 without dependencies: in a
// fresh clone nothing is installed yet.
import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { findTools, STACK_TOOLS } from '../lib/stack/requirements.mjs';
import { handOver } from './hand-over.mjs';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const OWN_NODE = join(ROOT, 'node_modules', '.bin', 'node');
const MIN_NODE = 20;

const cli = (...args) => [join('lib', 'cli', 'main.ts'), ...args];
const tests = (...args) => [join('bin', 'test.ts'), ...args];

/** What each npm script runs, and the tools of the machine that it cannot do without. */
const SCRIPTS = {
  start: { run: cli('start'), tools: STACK_TOOLS },
  stop: { run: cli('down'), tools: [] },
  clean: { run: cli('clean'), tools: [] },
  test: { run: tests('all'), tools: STACK_TOOLS },
  'test:unit': { run: tests('unit'), tools: [] },
  'test:integration': { run: tests('integration'), tools: STACK_TOOLS },
};

const say = (text) => process.stderr.write(`${text}\n`);

const nodeProblems = () => {
  const major = Number(process.versions.node.split('.')[0]);
  return major >= MIN_NODE ? [] : [`Node >= ${MIN_NODE} is missing (this is ${process.versions.node}). Install it from https://nodejs.org`];
};

/** True when node_modules holds what package-lock.json names; packages for other systems may be absent. */
const dependenciesAreFresh = () => {
  if (!existsSync(OWN_NODE)) return false;
  try {
    const read = (...path) => JSON.parse(readFileSync(join(ROOT, ...path), 'utf8')).packages;
    const wanted = read('package-lock.json');
    const present = read('node_modules', '.package-lock.json');
    return Object.entries(wanted).every(([path, entry]) => {
      if (path === '') return true;
      const found = present[path];
      return found === undefined ? (entry.optional === true || entry.devOptional === true) : found.version === entry.version && found.integrity === entry.integrity;
    });
  } catch {
    return false;
  }
};

const installDependencies = () =>
  new Promise((resolve) => {
    say('Installing the dependencies (npm ci)');
    const npm = process.env.npm_execpath;
    const [file, first] = npm === undefined ? ['npm', []] : [process.execPath, [npm]];
    // Quiet about engines: the Node that npm runs on here is not the one that will run the program.
    const args = [...first, 'ci', '--no-audit', '--no-fund', '--loglevel=error', '--progress=true'];
    const child = spawn(file, args, { cwd: ROOT, stdio: ['ignore', 2, 2] });
    child.once('error', () => resolve(false));
    child.once('exit', (code) => resolve(code === 0));
  });

const main = async ([name, ...rest]) => {
  const script = SCRIPTS[name];
  if (script === undefined) {
    say(`usage: bootstrap ${Object.keys(SCRIPTS).join('|')} [arguments]`);
    return 2;
  }
  // Containers bring their own tools.
  const { problems } = await findTools(rest.includes('--docker') ? [] : script.tools);
  const all = [...nodeProblems(), ...problems];
  if (all.length > 0) {
    for (const problem of all) say(`millrace: ${problem}`);
    return 2;
  }
  if (!dependenciesAreFresh() && !(await installDependencies())) {
    say('millrace: npm ci failed; its messages are above');
    return 1;
  }
  return handOver(OWN_NODE, [...script.run.map((part, index) => (index === 0 ? join(ROOT, part) : part)), ...rest]);
};

process.exitCode = await main(process.argv.slice(2));
