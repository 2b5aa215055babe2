/** The guarantee at-least-once on the real broker: no transactions, nothing lost when a worker dies, and records that come again where exactly once would show them once. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import type { CrashPoint } from '../../lib/core/crash-points.ts';
import { counting, type Count, type Event } from './runtime/counting.ts';
import { Handles } from './support/handles.ts';
import { eventually, Lab } from './support/lab.ts';

const EVENTS = 420;
/** Sent before the first worker dies; the rest comes after that, so that what is done twice has been done when the last of it is there. */
const BEFORE = 400;
const USERS = 7;
const PARTITIONS = 2;
const SETTINGS = {
  MILLRACE_FETCH_PARTITION_BYTES: '1024', MILLRACE_QUEUE_BYTES: '2048', MILLRACE_COMMIT_INTERVAL_MS: '1', MILLRACE_SESSION_TIMEOUT_MS: '6000', MILLRACE_HTTP_PORT: 'off',
};

const eventOf = (id: number): Event => ({ id, user: `user-${id % USERS}`, amount: id % 10 });
const events = Array.from({ length: EVENTS }, (_, id) => eventOf(id));
const messages = events.map((event) => ({ key: String(event.id), value: JSON.stringify(event) }));

interface Result {
  readonly point: unknown;
  readonly counts: readonly Count[];
  /** Offsets of the output: with transactions there would be more than records, for the markers. */
  readonly offsets: number;
}

describe('workers that promise at least once', function () {
  this.timeout(90_000);
  const lab = new Lab('alo');
  const handles = new Handles();
  let undisturbed: Result;
  let diedBetween: Result;
  let diedInTransaction: Result;

  /** A worker that dies, if it is told where, and one that promises at least once and goes on. */
  const run = async (app: string, first: { readonly guarantee: string; readonly point: CrashPoint } | null): Promise<Result> => {
    await lab.topicCalled(`${app}.events`, PARTITIONS);
    await lab.send(`${app}.events`, messages.slice(0, BEFORE));
    let point: unknown = null;
    if (first !== null) {
      const worker = lab.worker('test/integration/runtime/counting.ts', { ...SETTINGS, RT_APP: app, MILLRACE_GUARANTEE: first.guarantee, MILLRACE_CRASH_AT: `${first.point}:6` });
      await worker.exited;
      await worker.until('crash point');
      point = worker.said('crash point')[0]?.point;
    }
    await lab.send(`${app}.events`, messages.slice(BEFORE));
    const { handle } = handles.start(counting(app), { environment: { ...process.env, ...SETTINGS, MILLRACE_GUARANTEE: 'at-least-once', MILLRACE_KAFKA_BROKERS: lab.brokers } });
    let counts: readonly Count[] = [];
    await eventually(async () => {
      if (!handle.figures().stages.every(({ tasks, lagRecords }) => tasks === PARTITIONS && lagRecords === 0)) return false;
      counts = await lab.readJson<Count>(`${app}.counts`);
      return new Set(counts.map(({ id }) => id)).size === EVENTS;
    }, () => `every event; ${JSON.stringify(handle.figures().stages)}`, 60_000);
    await handle.stop();
    return { point, counts, offsets: await lab.count(`${app}.counts`) };
  };

  before(async () => {
    await lab.admin();
    [undisturbed, diedBetween, diedInTransaction] = await Promise.all([
      run(`${lab.app}-plain`, null),
      run(`${lab.app}-between`, { guarantee: 'at-least-once', point: 'after-send' }),
      run(`${lab.app}-switched`, { guarantee: 'exactly-once', point: 'after-offsets' }),
    ]);
  });

  after(async () => {
    await handles.stop();
    await lab.close();
  });

  it('write no transactions, and count each record once where nothing goes wrong', () => {
    expect(undisturbed.counts.map(({ id }) => id).toSorted((a, b) => a - b)).to.deep.equal(events.map(({ id }) => id));
    expect(undisturbed.offsets).to.equal(EVENTS);
  });

  it('lose nothing when one dies between its records and its offsets; those records come again and are counted again', () => {
    expect(diedBetween.point).to.equal('after-send');
    expect(diedBetween.counts.length, 'what was sent before the offsets comes twice').to.be.above(EVENTS);
    const last = new Map(diedBetween.counts.map((count) => [`user-${count.id % USERS}`, count]));
    const counted = [...last.values()].reduce((sum, { n }) => sum + n, 0);
    expect(counted).to.be.at.least(EVENTS);
  });

  it('go on behind a worker that died in a transaction: what it had not committed stays invisible, nothing is lost', () => {
    expect(diedInTransaction.point).to.equal('after-offsets');
    const ids = diedInTransaction.counts.map(({ id }) => id);
    expect(ids.toSorted((a, b) => a - b)).to.deep.equal(events.map(({ id }) => id));
    expect(diedInTransaction.offsets, 'with the markers of the one before').to.be.above(EVENTS);
  });
});
