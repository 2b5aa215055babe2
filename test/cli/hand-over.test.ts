import { expect } from 'chai';
import { describe, it } from 'mocha';
import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';

const HAND_OVER = join(import.meta.dirname, '..', '..', 'bin', 'hand-over.mjs');

/** Hands over to a script as bootstrap does, in a process of its own. */
const start = (script: string): ChildProcess & { readonly lines: string[] } => {
  const code = `import { handOver } from ${JSON.stringify(HAND_OVER)}; process.exitCode = await handOver(process.execPath, ['-e', ${JSON.stringify(script)}]);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], { stdio: ['ignore', 'pipe', 'inherit'] });
  const lines: string[] = [];
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(...text.trim().split('\n')));
  return Object.assign(child, { lines });
};

const ended = (child: ChildProcess): Promise<number | null> => new Promise((resolve) => child.once('close', (code) => resolve(code)));

const firstLine = (child: ChildProcess): Promise<void> => new Promise((resolve) => child.stdout!.once('data', () => resolve()));

const COUNTING = `
  let seen = 0;
  process.on('SIGINT', () => { seen += 1; if (seen === 1) setTimeout(() => { console.log('signals ' + seen); process.exit(7); }, 300); });
  setInterval(() => {}, 1000);
  console.log('up');
`;

describe('handing over to another program', () => {
  for (const code of [0, 1, 2, 3]) {
    it(`returns its exit code ${code}`, async () => {
      expect(await ended(start(`process.exit(${code})`))).to.equal(code);
    });
  }

  it('passes one Ctrl-C on once, although it arrives twice', async () => {
    const child = start(COUNTING);
    await firstLine(child);
    child.kill('SIGINT');
    child.kill('SIGINT');
    setTimeout(() => child.kill('SIGINT'), 50);
    expect(await ended(child)).to.equal(7);
    expect(child.lines).to.deep.equal(['up', 'signals 1']);
  });

  it('returns 128 and the number of the signal that ended it', async () => {
    const child = start(`console.log('up'); setInterval(() => {}, 1000)`);
    await firstLine(child);
    child.kill('SIGTERM');
    expect(await ended(child)).to.equal(143);
  });
});
