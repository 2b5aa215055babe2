import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { afterEach, describe, it } from 'mocha';
import { partitionsOnDisk, taskFolder } from '../../lib/state/folders.ts';
import { claimSlot } from '../../lib/state/slots.ts';
import { scratch } from './support.ts';

const running = new Set<ChildProcess>();

interface Holder {
  readonly process: ChildProcess;
  readonly slot: number;
}

/** A process that takes a slot and holds it. */
const holder = async (dir: string): Promise<Holder> => {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'slots.worker.ts'), dir], { stdio: ['ignore', 'pipe', 'inherit'] });
  running.add(child);
  const [line] = (await once(child.stdout!, 'data')) as [Buffer];
  return { process: child, slot: Number(line.toString()) };
};

const end = async ({ process: child }: Holder): Promise<void> => {
  running.delete(child);
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
};

describe('the folders of workers', function () {
  this.timeout(60_000);

  afterEach(async () => {
    for (const child of [...running]) await end({ process: child, slot: 0 });
  });

  it('are numbered, each for one worker, and free again when it lets go', async () => {
    const dir = scratch();
    const [one, two] = [await claimSlot(dir, 'app'), await claimSlot(dir, 'app')];
    expect([one.number, two.number, one.folder, two.folder]).to.deep.equal([1, 2, join(dir, 'app', '1'), join(dir, 'app', '2')]);
    const other = await claimSlot(dir, 'other/app');
    expect([other.number, other.folder]).to.deep.equal([1, join(dir, 'other%2Fapp', '1')]);
    await one.release();
    const next = await claimSlot(dir, 'app');
    expect(next.number).to.equal(1);
    await Promise.all([two, next, other].map((slot) => slot.release()));
  });

  it('are never given to two processes, however many start at once', async () => {
    const dir = scratch();
    const first = await Promise.all(Array.from({ length: 6 }, () => holder(dir)));
    expect(first.map(({ slot }) => slot).toSorted()).to.deep.equal([1, 2, 3, 4, 5, 6]);
    // Killed, and as many started at once, while others still hold theirs.
    const [lost, kept] = [first.slice(0, 4), first.slice(4)];
    await Promise.all(lost.map(end));
    const second = await Promise.all(lost.map(() => holder(dir)));
    expect([...kept, ...second].map(({ slot }) => slot).toSorted()).to.deep.equal([1, 2, 3, 4, 5, 6]);
  });

  it('are those of the worker before, when it has been killed', async () => {
    const dir = scratch();
    const [one, two] = [await holder(dir), await holder(dir)];
    await end(one);
    const again = await holder(dir);
    expect([one.slot, two.slot, again.slot]).to.deep.equal([1, 2, 1]);
  });

  it('stay those of a worker that is stopped for a while', async () => {
    const dir = scratch();
    const one = await holder(dir);
    one.process.kill('SIGSTOP');
    expect((await holder(dir)).slot).to.equal(2);
    one.process.kill('SIGCONT');
  });

  it('may lie deeper than a socket’s path is long', async function () {
    if (process.platform !== 'linux') this.skip();
    const dir = join(scratch(), 'a'.repeat(100), 'b'.repeat(100));
    const [one, two] = [await claimSlot(dir, 'app'), await claimSlot(dir, 'app')];
    expect([one.number, two.number]).to.deep.equal([1, 2]);
    await one.release();
    const next = await claimSlot(dir, 'app');
    expect(next.number).to.equal(1);
    await Promise.all([two, next].map((slot) => slot.release()));
  });

  it('tell which partitions of a stage they have, in order', () => {
    const folder = scratch();
    for (const partition of [11, 2, 0]) mkdirSync(taskFolder(folder, 'totals/../x', partition), { recursive: true });
    mkdirSync(taskFolder(folder, '..', 5), { recursive: true });
    mkdirSync(join(folder, 'other', 'not-a-number'), { recursive: true });
    expect([partitionsOnDisk(folder, 'totals/../x'), partitionsOnDisk(folder, '..'), partitionsOnDisk(folder, 'other'), partitionsOnDisk(folder, 'none')]).to.deep.equal([[0, 2, 11], [5], [], []]);
  });
});
