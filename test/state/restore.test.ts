import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { systemClock, type Clock } from '../../lib/core/clock.ts';
import type { BatchReader } from '../../lib/kafka/port.ts';
import type { StateHome } from '../../lib/state/home.ts';
import { restore, type Restored } from '../../lib/state/restore.ts';
import type { RestorableStore } from '../../lib/state/store.ts';
import { CHANGELOG, changelogBatch, commit, openDisk, openTask, scratch, type OpenTask } from './support.ts';

type Entries = readonly (readonly [key: string, value: unknown])[];

/** A changelog partition whose first offset is `start`, read two records at a time. */
const readerOf = (records: Entries, start = 0): { readonly reader: BatchReader; readonly asked: number[] } => {
  const asked: number[] = [];
  const place = { topic: CHANGELOG, partition: 0 };
  return {
    asked,
    reader: {
      startOffsets: async () => [{ ...place, offset: start }],
      endOffsets: async () => [{ ...place, offset: start + records.length }],
      fetch: async ([position]) => {
        asked.push(position!.offset);
        return [changelogBatch(records.slice(position!.offset - start, position!.offset - start + 2), position!.offset)];
      },
      close: async () => {},
    },
  };
};

const ticking = (now: () => number): Clock => Object.assign(Object.create(systemClock) as Clock, { now });
const at = (ms: number): Clock => ticking(() => ms);

const NOW = 1_800_000_000_000;
const DAY_MS = 86_400_000;

interface Options {
  readonly nowMs?: number;
  readonly topicId?: string;
  readonly signal?: AbortSignal;
  readonly onProgress?: (left: number) => void;
  readonly reasons?: string[];
  readonly clock?: Clock;
}

const run = (store: RestorableStore, reader: BatchReader, { nowMs = NOW, topicId = 'first', signal = new AbortController().signal, onProgress = () => {}, reasons = [], clock = at(nowMs) }: Options = {}): Promise<Restored> => restore({
  reader, store, clock, signal, onProgress, changelog: { topic: CHANGELOG, partition: 0, topicId, deleteRetentionMs: DAY_MS },
  limits: { maxWaitMs: 1, maxBytes: 1_000, maxBytesPerPartition: 1_000 }, onWiped: (reason) => void reasons.push(reason),
});

const FIRST: Entries = [['a', 1], ['b', 1], ['a', 2], ['c', 1]];
const entriesOf = (store: RestorableStore): Record<string, unknown> => Object.fromEntries(store.range('', '\uffff'));

describe('restoring a store on disk', () => {
  let home: StateHome;
  let partition = 0;
  let epoch = 0;

  before(async () => {
    home = await openDisk(scratch());
  });

  after(() => home.close());

  const open = (): Promise<OpenTask> => openTask(home, { partition, epoch: (epoch += 1) });

  /** A store that has the first records, closed and opened again. */
  const standing = async (options: Options = {}): Promise<OpenTask> => {
    partition += 1;
    const task = await open();
    await run(task.store, readerOf(FIRST).reader, options);
    await task.state.close();
    return open();
  };

  it('reads all of a changelog for a store that has nothing, and from then on only what is new', async () => {
    partition += 1;
    const task = await open();
    expect(await run(task.store, readerOf(FIRST).reader)).to.deep.equal({ records: 4, from: 0 });
    await task.state.close();
    const again = await open();
    const longer = readerOf([...FIRST, ['b', undefined], ['d', 4]]);
    expect(await run(again.store, longer.reader, { nowMs: NOW + 1_000 })).to.deep.equal({ records: 2, from: 4 });
    expect(longer.asked).to.deep.equal([4]);
    expect(entriesOf(again.store)).to.deep.equal({ a: 2, c: 1, d: 4 });
    expect(again.store.position).to.deep.equal({ topicId: 'first', offset: 6, marked: false, validAtMs: NOW + 1_000 });
    await again.state.close();
  });

  it('goes on where a commit has left it', async () => {
    const task = await standing();
    await run(task.store, readerOf(FIRST).reader);
    task.store.put('e', 5);
    await commit(task, { firstOffset: 4, offset: 5 });
    task.store.put('f', 6);
    // Behind the marker of the first transaction.
    await commit(task, { firstOffset: 6, offset: 7 });
    await task.state.close();
    const again = await open();
    expect([again.store.position?.offset, entriesOf(again.store)]).to.deep.equal([7, { a: 2, b: 1, c: 1, e: 5, f: 6 }]);
    await again.state.close();
  });

  it('keeps its position when another writer came between the restore and its first record', async () => {
    const task = await standing();
    await run(task.store, readerOf(FIRST).reader);
    task.store.put('e', 5);
    await commit(task, { firstOffset: 5, offset: 6 });
    task.store.put('e', 6);
    await commit(task, { firstOffset: 6, offset: 7 });
    expect(task.store.position?.offset).to.equal(4);
    await task.state.close();
    const again = await open();
    expect(await run(again.store, readerOf([...FIRST, ['x', 'other'], ['e', 5], ['e', 6]]).reader)).to.deep.equal({ records: 3, from: 4 });
    expect(entriesOf(again.store)).to.deep.equal({ a: 2, b: 1, c: 1, e: 6, x: 'other' });
    await again.state.close();
  });

  it('goes on where it was interrupted, and is as old as where it began until it has read everything', async () => {
    const task = await standing();
    const longer = readerOf([...FIRST, ['p', 1], ['q', 1], ['r', 1], ['s', 1]]);
    const abort = new AbortController();
    const interrupted = await run(task.store, longer.reader, { nowMs: NOW + 5_000, signal: abort.signal, onProgress: (left) => { if (left === 2) abort.abort(new Error('enough')); } })
      .then(() => 'not interrupted', (error: Error) => error.message);
    expect(interrupted).to.equal('enough');
    await task.state.close();
    const again = await open();
    expect(again.store.position).to.deep.equal({ topicId: 'first', offset: 6, marked: false, validAtMs: NOW });
    expect(await run(again.store, longer.reader, { nowMs: NOW + 9_000 })).to.deep.equal({ records: 2, from: 6 });
    expect(entriesOf(again.store)).to.deep.equal({ a: 2, b: 1, c: 1, p: 1, q: 1, r: 1, s: 1 });
    expect(again.store.position?.validAtMs).to.equal(NOW + 9_000);
    await again.state.close();
  });

  const cases: readonly (readonly [what: string, records: Entries, start: number, options: Options, reason: RegExp])[] = [
    ['stands beyond its changelog’s end', [['z', 1], ['y', 1]], 0, {}, /^it stands at offset 4, and its changelog ends at 2$/],
    ['stands before its changelog’s start', [['z', 1], ['y', 1]], 10, {}, /^it stands at offset 4, and its changelog begins at 10$/],
    ['follows a changelog that was made anew, however long it is', [['z', 1], ['y', 1], ['z', 2], ['y', undefined], ['y', 1]], 0, { topicId: 'second' }, /^its changelog was made anew$/],
    ['is older than deletes are kept', [['z', 1], ['y', 1], ['z', 2], ['y', undefined], ['y', 1]], 0, { nowMs: NOW + DAY_MS }, /^it is 86400 s old, and its changelog keeps deletes for 86400 s: deleted keys would come back$/],
    ['is dated by a clock that was ahead', [['z', 1], ['y', 1], ['z', 2], ['y', undefined], ['y', 1]], 0, { nowMs: NOW - DAY_MS / 2 }, /^it is dated later than now$/],
  ];

  for (const [what, records, start, options, reason] of cases) {
    it(`throws away a store that ${what}, says why, and reads all of it`, async () => {
      const task = await standing();
      const reasons: string[] = [];
      const expected = Object.fromEntries(records.filter(([, value]) => value !== undefined));
      expect(await run(task.store, readerOf(records, start).reader, { ...options, reasons })).to.deep.equal({ records: records.length, from: start });
      expect(entriesOf(task.store)).to.deep.equal(expected);
      expect(reasons).to.have.lengthOf(1);
      expect(reasons[0]).to.match(reason);
      await task.state.close();
    });
  }

  it('keeps a store of yesterday morning, and the deletes since then', async () => {
    const task = await standing();
    const reasons: string[] = [];
    await run(task.store, readerOf([...FIRST, ['a', undefined]]).reader, { nowMs: NOW + DAY_MS * 0.8, reasons });
    expect([reasons, entriesOf(task.store)]).to.deep.equal([[], { b: 1, c: 1 }]);
    await task.state.close();
  });

  it('keeps a store that stood idle for days, as nothing came behind it', async () => {
    const task = await standing();
    const reasons: string[] = [];
    expect(await run(task.store, readerOf(FIRST).reader, { nowMs: NOW + 3 * DAY_MS, reasons })).to.deep.equal({ records: 0, from: 4 });
    expect([reasons, task.store.position]).to.deep.equal([[], { topicId: 'first', offset: 4, marked: false, validAtMs: NOW + 3 * DAY_MS }]);
    await task.state.close();
  });

  // A commit's own marker is the last thing in its changelog; without a transaction it may be a record.
  for (const [marked, reasons, entries] of [[true, [], { a: 2, b: 1, c: 1, e: 5 }], [false, [/^it is 259200 s old/], { a: 2, b: 1, c: 1 }]] as const) {
    it(`${marked ? 'keeps' : 'throws away'} a store that stood idle for days one offset before the end, its last commit ${marked ? 'a transaction' : 'none'}`, async () => {
      const task = await standing();
      await run(task.store, readerOf(FIRST).reader);
      task.store.put('e', 5);
      await commit(task, { firstOffset: 4, offset: 5, marked });
      await task.state.close();
      const again = await open();
      const said: string[] = [];
      const { reader } = readerOf([...FIRST, ['e', 5]]);
      const withMarker: BatchReader = {
        ...reader,
        endOffsets: async () => [{ topic: CHANGELOG, partition: 0, offset: 6 }],
        fetch: async ([position], limits) => (position!.offset >= 4 ? [{ ...changelogBatch([], 5), nextOffset: 6 }] : reader.fetch([position!], limits)),
      };
      await run(again.store, withMarker, { nowMs: systemClock.now() + 3 * DAY_MS, reasons: said });
      expect(said).to.have.lengthOf(reasons.length);
      reasons.forEach((reason, i) => expect(said[i]).to.match(reason));
      expect(entriesOf(again.store)).to.deep.equal(entries);
      await again.state.close();
    });
  }

  it('reads a changelog again when deletes may have gone meanwhile, and gives up when that takes as long again', async () => {
    partition += 1;
    const task = await open();
    // Each answer takes half a day: the delete of 'a' was there when the first reading began, and is compacted away before it comes to it.
    const slowly = (answers: readonly Entries[], hours: number) => {
      let nowMs = NOW;
      let attempt = -1;
      const reader = (): BatchReader => readerOf(answers[Math.max(0, Math.min(attempt, answers.length - 1))]!).reader;
      const slow: BatchReader = {
        ...reader(),
        startOffsets: (partitions) => {
          attempt += 1;
          return reader().startOffsets(partitions);
        },
        fetch: (positions, limits) => {
          nowMs += attempt === 0 ? DAY_MS / 2 : hours * 3_600_000;
          return reader().fetch(positions, limits);
        },
      };
      return { slow, clock: ticking(() => nowMs) };
    };
    const first: Entries = [['a', 1], ['b', 1], ['b', 2], ['c', 1]];
    const then: Entries = [['b', 2], ['c', 1], ['c', 2], ['d', 1]];
    const reasons: string[] = [];
    const once = slowly([first, then], 1);
    expect(await run(task.store, once.slow, { clock: once.clock, reasons })).to.deep.equal({ records: 4, from: 0 });
    expect(entriesOf(task.store)).to.deep.equal({ b: 2, c: 2, d: 1 });
    expect(reasons).to.deep.equal(['what was read of its changelog is 86400 s old, and deletes are kept for 86400 s: deleted keys may have come back']);
    task.store.wipe();
    const always = slowly([first], 12);
    const error = await run(task.store, always.slow, { clock: always.clock }).then(() => null, (thrown: Error) => thrown);
    expect(error?.message).to.match(/^store s cannot be restored from app-s-changelog\/0: what was read of its changelog is 86400 s old.*Raise delete\.retention\.ms of app-s-changelog$/s);
    await task.state.close();
  });

  it('refuses a changelog record without a key', async () => {
    partition += 1;
    const task = await open();
    const { reader } = readerOf([['a', 1]]);
    const keyless: BatchReader = { ...reader, fetch: async (positions, limits) => (await reader.fetch(positions, limits)).map((batch) => ({ ...batch, key: () => null })) };
    const error = await run(task.store, keyless).then(() => null, (thrown: Error) => thrown);
    expect(error?.message).to.match(/^a changelog record has no key \(app-s-changelog\[0\] offset 0\)\. Something else writes to this topic$/);
    expect([task.store.size, task.store.position]).to.deep.equal([0, null]);
    await task.state.close();
  });
});
