/** The live view as `npm start` runs it, in a process that was handed over to, on a real terminal. */
import { afterEach, before, beforeEach, describe, it } from 'mocha';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { findPython, TerminalOf } from './pty.ts';

const HAND_OVER = join(import.meta.dirname, '..', '..', '..', 'bin', 'hand-over.mjs');
const VIEW = join(import.meta.dirname, 'on-terminal.ts');
const CODE = `import { handOver } from ${JSON.stringify(HAND_OVER)}; process.exitCode = await handOver(process.execPath, [${JSON.stringify(VIEW)}]);`;

const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';

/** As the operating system has it: T is stopped. */
const stateOf = (pid: string): string => execFileSync('ps', ['-o', 'stat=', '-p', pid], { encoding: 'utf8' }).trim().slice(0, 1);

describe('the view on a terminal, behind the process that handed over', () => {
  let python: string;
  let terminal: TerminalOf;

  before(async function () {
    this.timeout(20_000);
    const found = await findPython();
    if (found === undefined) {
      process.stderr.write('skipped: no Python, which makes the terminal\n');
      return this.skip();
    }
    python = found;
  });

  beforeEach(() => {
    terminal = new TerminalOf(python, [process.execPath, '--input-type=module', '-e', CODE]);
    terminal.size(100, 30);
  });

  afterEach(() => terminal?.close());

  it('is drawn in each new size', async () => {
    await terminal.shows(': 99 x 30;');
    terminal.size(60, 20);
    await terminal.shows(': 59 x 20;');
    terminal.size(120, 40);
    await terminal.shows(': 119 x 40;');
  }).timeout(40_000);

  it('gives the terminal back on Ctrl-Z and stops, both processes; goes on where it was, in the size of now', async () => {
    const [, pid] = /of (\d+)/.exec(await terminal.shows(': 99 x 30;'))!;
    terminal.type(String.raw`\x1a`);
    await terminal.tells('stopped');
    await terminal.shows(LEAVE);
    while (stateOf(pid!) !== 'T') await setTimeout(20);
    terminal.size(70, 25);
    terminal.goOn();
    await terminal.shows(ENTER);
    await terminal.shows(': 69 x 25;');
    terminal.size(80, 26);
    await terminal.shows(': 79 x 26;');
  }).timeout(40_000);

  it('ends by Ctrl-C', async () => {
    await terminal.shows(': 99 x 30;');
    terminal.type(String.raw`\x03`);
    await terminal.tells('ended 130');
  }).timeout(40_000);
});
