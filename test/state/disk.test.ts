import { spawnSync } from 'node:child_process';
import { closeSync, ftruncateSync, openSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { open } from 'lmdb';
import { describe, it } from 'mocha';
import { systemClock, type Clock } from '../../lib/core/clock.ts';
import { ConfigurationError, RejoinError, StopError } from '../../lib/core/errors.ts';
import { bootId } from '../../lib/state/disk-files.ts';
import { CorruptStateError, diskError } from '../../lib/state/disk-errors.ts';
import { commit, fill, openDisk, openTask, reasons, recordingLog, scratch, seal } from './support.ts';

const failure = async (work: Promise<unknown>): Promise<Error> => work.then(() => { throw new Error('expected a rejection'); }, (error: Error) => error);

const thrown = (work: () => unknown): Error => {
  try {
    work();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error');
};

const ENTRIES = Array.from({ length: 2_000 }, (_, i) => [`key-${i}`, { n: i, text: 'x'.repeat(100) }] as const);

const dataFile = (dir: string): string => join(dir, 'app', '1', 'stage', '0', 'data.mdb');

/** State that was closed, in a new folder. */
const closed = async (): Promise<string> => {
  const dir = scratch();
  const home = await openDisk(dir);
  fill((await openTask(home)).store, ENTRIES);
  await home.close();
  return dir;
};

/** Changes what is remembered beside the entries. */
const remember = async (dir: string, changes: Readonly<Record<string, unknown>>): Promise<void> => {
  const root = open({ path: join(dir, 'app', '1', 'stage', '0'), noSubdir: false, encoding: 'binary', noSync: true, overlappingSync: false });
  const meta = root.openDB<unknown, string>('meta', { encoding: 'json' });
  for (const [key, value] of Object.entries(changes)) meta.putSync(key, value);
  await root.close();
};

/** How many entries are found, and why others were thrown away. */
const found = async (dir: string): Promise<{ readonly entries: number; readonly position: number | null; readonly wiped: readonly unknown[] }> => {
  const { log, lines } = recordingLog();
  const home = await openDisk(dir, { log });
  const { store } = await openTask(home);
  const result = { entries: store.size, position: store.position?.offset ?? null };
  await home.close();
  return { ...result, wiped: reasons(lines) };
};

const child = (args: readonly string[], flags: readonly string[] = []): ReturnType<typeof spawnSync> =>
  spawnSync(process.execPath, [...flags, join(import.meta.dirname, 'disk.worker.ts'), ...args], { encoding: 'utf8', timeout: 60_000 });

describe('state on disk', function () {
  this.timeout(60_000);

  it('is there when it is opened again, with its position', async () => {
    expect(await found(await closed())).to.deep.equal({ entries: 2_000, position: 2_000, wiped: [] });
  });

  it('has every commit of a process that was killed, and nothing that was not committed', async () => {
    const dir = scratch();
    expect(child(['killed', dir]).signal).to.equal('SIGKILL');
    const home = await openDisk(dir);
    const { store } = await openTask(home);
    expect([...store.range('', '\uffff')]).to.have.lengthOf(101);
    expect([store.get('key-99'), store.get('restored'), store.get('uncommitted'), store.position?.offset]).to.deep.equal([99, 1, undefined, 200]);
    await home.close();
  });

  it('may be larger than the memory of its process', () => {
    const entries = 60_000;
    const { status, stdout, stderr } = child(['large', scratch(), String(entries)], ['--max-old-space-size=32']);
    expect(status, String(stderr)).to.equal(0);
    expect(JSON.parse(String(stdout))).to.deep.equal({ wrong: 0, ranged: entries * 1_000, entries });
  });

  it('changes in one step for all stores of a task, or not at all', async () => {
    const dir = scratch();
    const home = await openDisk(dir);
    const task = await openTask(home, { names: ['s', 't'] });
    const [s, t] = task.state.stores as [typeof task.store, typeof task.store];
    for (const store of [s, t]) fill(store, [['a', 0]]);
    for (const store of [s, t]) {
      store.put('a', 1);
      store.put('b', 1);
      seal(store);
    }
    // A value that no write takes, behind writes that succeed.
    t.encoded('c', 1 as unknown as Buffer);
    const sent = ['s', 't'].map((name) => ({ topic: `app-${name}-changelog`, partition: 0, firstOffset: 1, offset: 3, marked: true }));
    expect(await failure(task.state.committed(sent, 2))).to.be.instanceOf(RangeError);
    await task.state.close();
    const again = await openTask(home, { names: ['s', 't'], epoch: 1 });
    for (const store of again.state.stores) expect([store.size, store.get('a'), store.position?.offset]).to.deep.equal([1, 0, 1]);
    for (const store of again.state.stores) {
      store.put('a', 2);
      seal(store);
    }
    await again.state.committed(sent, 2);
    await again.state.close();
    const last = await openTask(home, { names: ['s', 't'], epoch: 2 });
    for (const store of last.state.stores) expect([store.size, store.get('a'), store.position?.offset]).to.deep.equal([1, 2, 3]);
    await home.close();
  });

  it('takes nothing from an owner that is not the last one', async () => {
    const dir = scratch();
    const home = await openDisk(dir);
    const task = await openTask(home);
    fill(task.store, ENTRIES);
    await remember(dir, { owner: '7:9' });
    task.store.put('late', 1);
    expect(await failure(commit(task))).to.be.instanceOf(RejoinError);
    await home.close();
    expect(await found(dir)).to.deep.equal({ entries: 2_000, position: 2_000, wiped: [] });
  });

  it('is kept over an end of the machine when it was closed before', async () => {
    const dir = await closed();
    await remember(dir, { boot: 'another' });
    expect(await found(dir)).to.deep.equal({ entries: 2_000, position: 2_000, wiped: [] });
  });

  const spoilt: readonly (readonly [what: string, spoil: (dir: string) => Promise<void> | void, reason: RegExp])[] = [
    ['was open when the machine ended', (dir) => remember(dir, { boot: 'another', clean: false }), /^the machine has restarted since, and it was not closed before$/],
    ['has another format', (dir) => remember(dir, { format: 0 }), /^it has format 0, not 1$/],
    ['is cut off', (dir) => {
      const file = openSync(dataFile(dir), 'r+');
      ftruncateSync(file, statSync(dataFile(dir)).size - 4_096);
      closeSync(file);
    }, /^its file is cut off$/],
    ['is empty', (dir) => writeFileSync(dataFile(dir), ''), /^its file is cut off$/],
    ['is something else', (dir) => writeFileSync(dataFile(dir), Buffer.alloc(100_000, 7)), /^its first pages are not what they must be$/],
    ['ended five processes', (dir) => writeFileSync(join(dataFile(dir), '..', 'openings'), '5'), /^5 processes in a row ended with it open, before a commit$/],
    ['is of a later version of its library', (dir) => {
      const bytes = readFileSync(dataFile(dir));
      for (const page of [0, 4_096]) bytes.writeUInt32LE(99, page + 28);
      writeFileSync(dataFile(dir), bytes);
    }, /^it was written by another version of its library$/],
  ];

  for (const [what, spoil, reason] of spoilt) {
    it(`is thrown away, with the reason, when it ${what}`, async () => {
      const dir = await closed();
      await spoil(dir);
      const { entries, position, wiped } = await found(dir);
      expect([entries, position, wiped.length]).to.deep.equal([0, null, 1]);
      expect(wiped[0]).to.match(reason);
      expect(await found(dir), 'and then it is sound').to.deep.equal({ entries: 0, position: null, wiped: [] });
    });
  }

  it('whose values were overwritten is noticed when they are read, ends its task, and is thrown away', async () => {
    const dir = await closed();
    const bytes = readFileSync(dataFile(dir));
    const file = openSync(dataFile(dir), 'r+');
    for (let at = bytes.indexOf('xxxxxxxx'); at !== -1; at = bytes.indexOf('xxxxxxxx', at + 100)) writeSync(file, 'y', at + 3);
    closeSync(file);
    const { log, lines } = recordingLog();
    const home = await openDisk(dir, { log });
    const task = await openTask(home);
    const error = thrown(() => task.store.get('key-5'));
    expect(error).to.be.instanceOf(CorruptStateError).and.instanceOf(StopError);
    await task.state.close();
    expect(reasons(lines)[0]).to.match(/is not what was written there: a checksum is wrong$/);
    await home.close();
    expect(await found(dir)).to.deep.equal({ entries: 0, position: null, wiped: [] });
  });

  it('is closed once, and whoever closes it too waits for that', async () => {
    const home = await openDisk(scratch());
    const { state, store } = await openTask(home);
    fill(store, ENTRIES);
    let isOver = false;
    const first = state.close().then(() => { isOver = true; });
    await state.close();
    expect(isOver).to.equal(true);
    await first;
    await home.close();
  });

  it('of a task that is still being opened is opened for the next owner after that, and closed with its home', async () => {
    const home = await openDisk(scratch());
    const [, second] = await Promise.all([openTask(home, { epoch: 1 }), openTask(home, { epoch: 2 })]);
    await commit(second, { firstOffset: 0, offset: 1 });
    const third = openTask(home, { epoch: 3 });
    await home.close();
    expect(await failure(commit(await third))).to.be.instanceOf(RejoinError);
  });

  it('is closed to those who still hold it', async () => {
    const home = await openDisk(scratch());
    const task = await openTask(home);
    await task.state.close();
    expect(thrown(() => task.store.get('a'))).to.be.instanceOf(RejoinError);
    await home.close();
  });

  it('that nothing was written to for long is removed at a start, and nothing else', async () => {
    const dir = scratch();
    const home = await openDisk(dir);
    for (const partition of [0, 1, 2]) fill((await openTask(home, { partition })).store, ENTRIES.slice(0, 5));
    await home.close();
    const stage = join(dir, 'app', '1', 'stage');
    const old = new Date(Date.now() - 100_000);
    for (const partition of ['0', '2']) for (const file of readdirSync(join(stage, partition))) utimesSync(join(stage, partition, file), old, old);
    const { log, lines } = recordingLog();
    const again = await openDisk(dir, { keepMs: 90_000, log });
    expect(again.partitions('stage')).to.deep.equal([1]);
    expect(lines.find(({ message }) => message.endsWith('is removed'))?.fields.tasks).to.deep.equal(['stage/0', 'stage/2']);
    expect((await openTask(again, { partition: 1 })).store.size).to.equal(5);
    await again.close();
    const later = await openDisk(dir, { keepMs: 0, clock: Object.assign(Object.create(systemClock) as Clock, { now: () => Date.now() + 1_000 }) });
    expect(readdirSync(join(dir, 'app', '1'))).to.not.include('stage');
    await later.close();
  });

  it('forgets the stores that a topology has dropped', async () => {
    const dir = scratch();
    const home = await openDisk(dir);
    const both = await openTask(home, { names: ['s', 't'] });
    for (const store of both.state.stores) fill(store, [['a', 1]]);
    await both.state.close();
    await (await openTask(home, { names: ['s'], epoch: 1 })).state.close();
    const again = await openTask(home, { names: ['s', 't'], epoch: 2 });
    expect(again.state.stores.map(({ size, position }) => [size, position?.offset])).to.deep.equal([[1, 1], [0, undefined]]);
    await home.close();
  });

  it('stops its task loudly at its bound, and stands where it stood', async () => {
    const dir = scratch();
    const home = await openDisk(dir, { maxBytes: 200_000 });
    const task = await openTask(home);
    fill(task.store, ENTRIES);
    task.store.put('more', 1);
    const error = await failure(commit(task));
    expect(error).to.be.instanceOf(StopError);
    expect(error.message).to.match(/has \d+ bytes, and MILLRACE_STATE_MAX_BYTES allows a task 200000; Kafka has everything, .*Raise MILLRACE_STATE_MAX_BYTES/);
    await home.close();
    expect(await found(dir)).to.deep.equal({ entries: 2_000, position: 2_000, wiped: [] });
  });

  it('on a disk that is full stops its task loudly, and stands where it stood', function () {
    if (spawnSync('unshare', ['-rm', 'true']).status !== 0) this.skip();
    const dir = scratch();
    const worker = join(import.meta.dirname, 'disk.worker.ts');
    const { status, stdout, stderr } = spawnSync('unshare', ['-rm', 'sh', '-c', 'mount -t tmpfs -o size=4m tmpfs "$1" && exec "$2" "$3" full "$1"', 'sh', dir, process.execPath, worker], { encoding: 'utf8', timeout: 60_000 });
    expect(status, stderr).to.equal(0);
    const { error, name, committed, position, entries, wiped } = JSON.parse(stdout) as Record<string, unknown>;
    expect(name).to.equal('StopError');
    expect(error).to.match(/^there is no space left for the state in .*; Kafka has everything, the state on disk stays behind it until there is room\. Make room there, or set MILLRACE_STATE_DIR/);
    expect(committed).to.be.above(0);
    expect([position, entries, wiped]).to.deep.equal([committed, committed, []]);
  });

  it('in a folder that cannot be written is a configuration error', async () => {
    const file = join(scratch(), 'file');
    writeFileSync(file, '');
    const error = await failure(openDisk(file));
    expect(error).to.be.instanceOf(ConfigurationError);
    expect(error.message).to.match(/^the state folder .*file cannot be written \(ENOTDIR.*set MILLRACE_STATE_DIR to another folder$/);
  });

  it('says what a fault of the disk means', () => {
    const table: readonly (readonly [code: string | number, kind: abstract new (...args: never) => Error, text: RegExp])[] = [
      [28, StopError, /^there is no space left for the state in \/state; Kafka has everything, .*MILLRACE_STATE_DIR/],
      ['ENOSPC', StopError, /^there is no space left/],
      ['EACCES', ConfigurationError, /^the state folder \/state cannot be written/],
      [-30796, CorruptStateError, /^the state in \/state cannot be read \(fault\)$/],
    ];
    for (const [code, kind, text] of table) {
      const error = diskError(Object.assign(new Error('fault'), { code }), '/state');
      expect(error).to.be.instanceOf(kind);
      expect(error.message).to.match(text);
      expect(error instanceof CorruptStateError).to.equal(kind === CorruptStateError);
    }
  });

  it('knows the start of the machine on Linux', function () {
    if (process.platform !== 'linux') this.skip();
    expect(bootId()).to.match(/^[0-9a-f-]{36}$/);
  });
});
