import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { CRASH_POINTS, parseCrashAt } from '../../lib/core/crash-points.ts';

const MODULE = join(import.meta.dirname, '..', '..', 'lib', 'core', 'crash-points.ts');

/** A process that passes points one after the other and says so after each. */
const passing = async (armed: string, points: readonly string[]): Promise<{ readonly stdout: string; readonly stderr: string; readonly signal: NodeJS.Signals | null }> => {
  const program = `import { crashAt, parseCrashAt } from ${JSON.stringify(MODULE)}; import { writeSync } from 'node:fs';
    const crash = crashAt(parseCrashAt(${JSON.stringify(armed)}));
    for (const point of ${JSON.stringify(points)}) { await crash(point); writeSync(1, point + ' '); }`;
  return promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
    .then(({ stdout, stderr }) => ({ stdout, stderr, signal: null }), (error: { stdout: string; stderr: string; signal: NodeJS.Signals }) => error);
};

describe('crash points', () => {
  it('are armed by name, for the first passing or the n-th', () => {
    expect(parseCrashAt('before-commit')).to.deep.equal({ point: 'before-commit', passing: 1 });
    expect(parseCrashAt('after-write:12')).to.deep.equal({ point: 'after-write', passing: 12 });
    expect(parseCrashAt('')).to.equal(null);
    for (const wrong of ['commit', 'before-commit:0', 'before-commit:', 'before-commit:x', 'Before-Commit', 'before-commit:1:2', 'toString']) expect(parseCrashAt(wrong), wrong).to.equal(undefined);
  });

  it('come in pairs around each step', () => {
    expect(CRASH_POINTS.filter((point) => point.startsWith('before-')).map((point) => point.replace('before-', 'after-'))).to.deep.equal(CRASH_POINTS.filter((point) => point.startsWith('after-')));
    expect(new Set(CRASH_POINTS).size).to.equal(CRASH_POINTS.length);
  });

  it('end the process at that passing of that point by SIGKILL, and nothing else does', async () => {
    const { stdout, stderr, signal } = await passing('before-commit:2', ['before-send', 'before-commit', 'after-commit', 'before-commit', 'after-commit']);
    expect(stdout).to.equal('before-send before-commit after-commit ');
    expect(signal).to.equal('SIGKILL');
    expect(JSON.parse(stderr.trim())).to.deep.equal({ level: 'warn', message: 'crash point', point: 'before-commit', passing: 2 });
    expect((await passing('before-commit:2', ['before-commit', 'after-commit'])).signal).to.equal(null);
  });
});
