/** Workers that are killed, frozen and replaced while records keep coming; the expected side is plain arithmetic on what was sent. */
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { Count, Event } from './runtime/counting.ts';
import { eventually, Lab, type ReadRecord, type WorkerProcess } from './support/lab.ts';

const TOPOLOGY = 'test/integration/runtime/counting.ts';
const PARTITIONS = 4;
const USERS = 97;
const BATCH = 50;
const PAUSE_MS = 50;
/** The least that the broker allows. */
const SETTINGS = { MILLRACE_SESSION_TIMEOUT_MS: '6000', MILLRACE_HEARTBEAT_INTERVAL_MS: '500' };
const FROZEN_MS = 7_500;

const eventOf = (id: number): Event => ({ id, user: `user-${(id * 31) % USERS}`, amount: (id % 13) - 6 });

describe('workers under faults', function () {
  this.timeout(180_000);
  const lab = new Lab('faults');
  let sent = 0;
  let feeding = true;
  let out: ReadRecord[] = [];
  let counts: Count[] = [];
  let sentAtKill = 0;
  let countsAtKill: Count[] = [];
  let ownedByKilled: readonly number[] = [];
  let ownedByFrozen: readonly number[] = [];
  let zombie: WorkerProcess;
  const stops: { readonly code: number | null; readonly ms: number }[] = [];

  const start = async (): Promise<WorkerProcess> => {
    const worker = lab.worker(TOPOLOGY, SETTINGS);
    await worker.until('task open');
    return worker;
  };
  const feed = async (): Promise<void> => {
    while (feeding) {
      const events = Array.from({ length: BATCH }, (_, i) => eventOf(sent + i));
      await lab.send(`${lab.app}.events`, events.map((event) => ({ key: String(event.id), value: JSON.stringify(event) })));
      sent += BATCH;
      await delay(PAUSE_MS);
    }
  };
  const owned = (worker: WorkerProcess): readonly number[] =>
    (worker.said('assigned').filter((line) => line.stage === 'by-user').at(-1)?.partitions ?? []) as readonly number[];

  before(async () => {
    await lab.topic('events', PARTITIONS);
    const [first, second] = [lab.worker(TOPOLOGY, SETTINGS), lab.worker(TOPOLOGY, SETTINGS)];
    zombie = lab.worker(TOPOLOGY, SETTINGS);
    await eventually(() => [first, second, zombie].every((worker) => owned(worker).length > 0) && [first, second, zombie].flatMap(owned).length === PARTITIONS, () => 'all have tasks');
    await Promise.all([first, second, zombie].map((worker) => worker.until('task open')));
    const feeder = feed();
    await delay(1_000);

    ownedByKilled = owned(first);
    ownedByFrozen = owned(zombie);
    zombie.signal('SIGSTOP');
    first.signal('SIGKILL');
    sentAtKill = sent;
    await first.exited;
    countsAtKill = await lab.readJson<Count>(`${lab.app}.counts`);
    const replacement = lab.worker(TOPOLOGY, SETTINGS);
    await delay(FROZEN_MS);
    await eventually(() => [second, replacement].flatMap(owned).length === PARTITIONS, () => 'the others have everything');
    const before = zombie.lines.length;
    zombie.signal('SIGCONT');
    await eventually(() => zombie.lines.slice(before).some((line) => line.message === 'assigned'), () => 'the zombie joins again');
    await delay(500);

    stops.push(await replacement.stop());
    stops.push(await second.stop());
    const third = await start();
    stops.push(await zombie.stop());
    await delay(500);
    feeding = false;
    await feeder;
    await eventually(async () => {
      counts = await lab.readJson<Count>(`${lab.app}.counts`);
      return counts.length >= sent;
    }, () => `${sent} counts, there are ${counts.length}`);
    stops.push(await third.stop());
    out = await lab.read(`${lab.app}.counts`);
    counts = out.map(({ value }) => JSON.parse(String(value)) as Count);
  });

  after(async () => {
    feeding = false;
    await lab.close();
  });

  it('the kill came in the middle of the work of workers that had tasks', () => {
    expect(ownedByKilled.length).to.be.above(0);
    expect(ownedByFrozen.length).to.be.above(0);
    expect(countsAtKill.length).to.be.above(0).and.below(sentAtKill);
    expect(sent).to.be.above(sentAtKill + 1_000);
  });

  it('every record is counted once', () => {
    expect(counts.length).to.equal(sent);
    expect(new Set(counts.map(({ id }) => id)).size).to.equal(sent);
  });

  it('the counts of each key go from 1 to n without a gap, in order, and the sums are right at each step', () => {
    const seen = new Map<string, { n: number; sum: number }>();
    for (const { key, value } of out) {
      const { id, n, sum } = JSON.parse(String(value)) as Count;
      const { user, amount } = eventOf(id);
      const last = seen.get(user) ?? { n: 0, sum: 0 };
      expect({ key, n, sum }).to.deep.equal({ key: user, n: last.n + 1, sum: last.sum + amount });
      seen.set(user, { n, sum });
    }
    expect(seen.size).to.equal(USERS);
  });

  it('the changelog ends in what was sent', async () => {
    const last = new Map((await lab.read(`${lab.app}-counts-changelog`)).map(({ key, value }) => [key, JSON.parse(String(value)) as Count]));
    const expected = new Map<string, { n: number; sum: number }>();
    for (let id = 0; id < sent; id += 1) {
      const { user, amount } = eventOf(id);
      const { n, sum } = expected.get(user) ?? { n: 0, sum: 0 };
      expected.set(user, { n: n + 1, sum: sum + amount });
    }
    expect(Object.fromEntries([...last].map(([key, { n, sum }]) => [key, { n, sum }]))).to.deep.equal(Object.fromEntries(expected));
  });

  it('a worker that was frozen past its session is fenced: it loses its tasks and goes on as a member anew', () => {
    const messages = zombie.lines.map(({ message }) => message);
    const lost = messages.indexOf('the group membership was lost; all tasks of the stage are closed');
    expect(lost).to.be.above(-1);
    expect(messages.indexOf('assigned', lost)).to.be.above(lost);
  });

  it('each worker that was asked to stop did so in time, with exit code 0', () => {
    expect(stops.map(({ code }) => code)).to.deep.equal([0, 0, 0, 0]);
    for (const { ms } of stops) expect(ms).to.be.below(10_000);
  });
});
