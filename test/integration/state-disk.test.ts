/** State on disk in real worker processes: what a killed worker finds again, and that the results are those of plain arithmetic on what was sent. */
import { mkdtempSync, readdirSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Count, Event } from './runtime/counting.ts';
import { eventually, Lab, type WorkerProcess } from './support/lab.ts';

const TOPOLOGY = 'test/integration/runtime/counting.ts';
const PARTITIONS = 2;
const USERS = 500;

const eventOf = (id: number): Event => ({ id, user: `user-${(id * 31) % USERS}`, amount: (id % 13) - 6 });

/** Counts and sums by user of the first events. */
const expected = (count: number): ReadonlyMap<string, Omit<Count, 'id'>> => {
  const sums = new Map<string, { n: number; sum: number }>();
  for (let id = 0; id < count; id += 1) {
    const { user, amount } = eventOf(id);
    const before = sums.get(user) ?? { n: 0, sum: 0 };
    sums.set(user, { n: before.n + 1, sum: before.sum + amount });
  }
  return sums;
};

describe('workers with state on disk', function () {
  this.timeout(180_000);
  const lab = new Lab('disk');
  const dir = mkdtempSync(join(tmpdir(), 'millrace-disk-'));
  const settings = { MILLRACE_STATE: 'disk', MILLRACE_STATE_DIR: dir, MILLRACE_COMMIT_RECORDS: '200', MILLRACE_COMMIT_INTERVAL_MS: '50' };
  let sent = 0;

  const send = async (count: number, topic = `${lab.app}.events`, keyOf = (event: Event): string => String(event.id)): Promise<void> => {
    for (const end = sent + count; sent < end;) {
      const events = Array.from({ length: Math.min(500, end - sent) }, (_, i) => eventOf(sent + i));
      await lab.send(topic, events.map((event) => ({ key: keyOf(event), value: JSON.stringify(event) })));
      sent += events.length;
    }
  };

  const start = async (more: Readonly<Record<string, string>> = {}): Promise<WorkerProcess> => {
    const worker = lab.worker(TOPOLOGY, { ...settings, ...more });
    await worker.until('store restored', PARTITIONS);
    return worker;
  };

  /** Every event counted once, in order, with the right sums. */
  const checked = async (): Promise<void> => {
    let counts: Count[] = [];
    await eventually(async () => {
      counts = await lab.readJson<Count>(`${lab.app}.counts`);
      return counts.length >= sent;
    }, () => `${sent} counts, there are ${counts.length}`);
    expect(counts).to.have.lengthOf(sent);
    const last = new Map<string, Omit<Count, 'id'>>();
    for (const { id, n, sum } of counts) {
      const { user, amount } = eventOf(id);
      const before = last.get(user) ?? { n: 0, sum: 0 };
      expect([n, sum]).to.deep.equal([before.n + 1, before.sum + amount]);
      last.set(user, { n, sum });
    }
    expect(last).to.deep.equal(expected(sent));
  };

  const restored = (worker: WorkerProcess): { readonly records: number; readonly onDisk: number; readonly keys: number } => {
    const lines = worker.said('store restored');
    const sum = (of: (line: Record<string, unknown>) => number): number => lines.reduce((total, line) => total + of(line), 0);
    return { records: sum((line) => line.records as number), onDisk: sum((line) => (line.onDisk === true ? 1 : 0)), keys: sum((line) => line.keys as number) };
  };

  before(async () => {
    await lab.topic('events', PARTITIONS);
  });

  after(async () => {
    await lab.close();
    rmSync(dir, { recursive: true, force: true });
  });

  it('killed in the middle of their work they read only what they had not written', async () => {
    const first = await start();
    await send(5_000);
    await checked();
    await send(3_000);
    first.signal('SIGKILL');
    await first.exited;
    const second = await start();
    const { records, onDisk, keys } = restored(second);
    expect([onDisk, keys]).to.deep.equal([PARTITIONS, USERS]);
    expect(records, 'of 8,000 records in the changelogs').to.be.below(1_000);
    await send(500);
    await checked();
    expect((await second.stop()).code).to.equal(0);
  });

  it('ended between Kafka’s commit and their own they read what they miss, and count nothing twice', async () => {
    const first = await start({ MILLRACE_CRASH_AT: 'before-store:6' });
    expect(restored(first), 'closed before').to.deep.equal({ records: 0, onDisk: PARTITIONS, keys: USERS });
    // To the stage with the store alone: no other one commits. How many records a commit takes is the machine's affair, so they come until it is over.
    while (first.child.signalCode === null && sent < 30_000) await send(100, `${lab.app}-by-user-repartition`, ({ user }) => user);
    await first.until('crash point');
    expect(first.child.signalCode).to.equal('SIGKILL');
    const second = await start();
    const { records, onDisk } = restored(second);
    expect(onDisk).to.equal(PARTITIONS);
    expect(records, `of ${sent} records in the changelogs`).to.be.above(0).and.below(2_000);
    await checked();
    expect((await second.stop()).code).to.equal(0);
  });

  it('on one state folder they take a folder each, and one that starts anew takes the one that was left', async () => {
    const first = await start();
    const second = lab.worker(TOPOLOGY, settings);
    await second.until('state on disk');
    const folders = [first, second].map((worker) => worker.said('state on disk')[0]!.folder);
    expect(folders).to.deep.equal([join(dir, lab.app, '1'), join(dir, lab.app, '2')]);
    first.signal('SIGKILL');
    await first.exited;
    const third = lab.worker(TOPOLOGY, settings);
    await third.until('state on disk');
    expect(third.said('state on disk')[0]!.folder).to.equal(folders[0]);
    await Promise.all([second.stop(), third.stop()]);
  });

  it('whose files were cut off they say so, read the changelogs whole, and go on', async () => {
    const stage = readdirSync(join(dir, lab.app, '1')).find((name) => name.includes('by-user'))!;
    for (let partition = 0; partition < PARTITIONS; partition += 1) {
      const file = join(dir, lab.app, '1', stage, String(partition), 'data.mdb');
      truncateSync(file, Math.floor(statSync(file).size / 2));
    }
    const worker = await start();
    expect(worker.said('state on disk is thrown away; it is restored from its changelog').map(({ reason }) => reason)).to.deep.equal(['its file is cut off', 'its file is cut off']);
    expect(restored(worker)).to.deep.include({ onDisk: 0, keys: USERS });
    await send(500);
    await checked();
    expect((await worker.stop()).code).to.equal(0);
  });

  it('in a folder that cannot be written they end with exit code 2 and say why', async () => {
    const file = join(dir, 'file');
    writeFileSync(file, '');
    const worker = lab.worker(TOPOLOGY, { ...settings, MILLRACE_STATE_DIR: file });
    expect(await worker.exited).to.equal(2);
    expect(JSON.stringify(worker.lines)).to.include(`the state folder ${file} cannot be written`).and.include('MILLRACE_STATE_DIR');
  });
});
