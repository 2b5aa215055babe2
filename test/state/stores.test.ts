import { expect } from 'chai';
import fc from 'fast-check';
import { after, before, describe, it } from 'mocha';
import type { StateHome } from '../../lib/state/home.ts';
import { commit, fill, openDisk, openMemory, openTask, scratch, seal, type OpenTask } from './support.ts';

/** One contract for stores in memory and on disk. */
for (const [name, openHome] of [['memory', openMemory], ['disk', () => openDisk(scratch())]] as const) {
  describe(`a store in ${name}`, () => {
    let home: StateHome;
    let partition = 0;

    before(async () => {
      home = await openHome();
    });

    after(() => home.close());

    const fresh = (): Promise<OpenTask> => openTask(home, { partition: (partition += 1) });

    it('reads its own uncommitted writes', async () => {
      const { store } = await fresh();
      store.put('a', 1);
      expect(store.get('a')).to.equal(1);
      seal(store);
      expect(store.get('a')).to.equal(1);
      store.put('a', 2);
      expect(store.get('a')).to.equal(2);
      expect(store.getCommitted('a')).to.equal(undefined);
    });

    it('takes back one record’s writes and keeps those of the records before', async () => {
      const { store } = await fresh();
      store.begin();
      store.put('a', 1);
      store.begin();
      store.put('a', 2);
      store.put('a', 3);
      store.put('b', 9);
      store.delete('a');
      store.rollback();
      expect([store.get('a'), store.get('b')]).to.deep.equal([1, undefined]);
    });

    it('drops sealed and open writes on discard, and keeps what was committed', async () => {
      const task = await fresh();
      task.store.put('a', 1);
      await commit(task);
      task.store.put('a', 2);
      seal(task.store);
      task.store.put('a', 3);
      task.store.discard();
      expect(task.store.get('a')).to.equal(1);
      task.store.put('b', 1);
      await commit(task);
      expect(task.store.getCommitted('a'), 'what was sealed before is not written by a later commit').to.equal(1);
    });

    it('gives a commit exactly the writes since the last one, deletes as undefined', async () => {
      const task = await fresh();
      const { state, store } = task;
      store.put('a', 1);
      store.put('b', 1);
      expect([...seal(store)]).to.deep.equal([['a', 1], ['b', 1]]);
      store.delete('a');
      await state.committed([], 0);
      expect([...seal(store)]).to.deep.equal([['a', undefined]]);
      await state.committed([], 0);
      expect(store.size).to.equal(1);
      expect([store.get('a'), store.get('b')]).to.deep.equal([undefined, 1]);
    });

    it('ranges over all layers in key order, without deleted keys', async () => {
      const task = await fresh();
      const { store } = task;
      fill(store, [['d', 'd'], ['b', 'b'], ['a', 'a']]);
      store.put('c', 'sealed');
      seal(store);
      store.delete('b');
      store.put('e', 'beyond');
      expect([...store.range('a', 'e')]).to.deep.equal([['a', 'a'], ['c', 'sealed'], ['d', 'd']]);
    });

    it('ranges over more entries than are read at a time', async () => {
      const { store } = await fresh();
      const keys = Array.from({ length: 1_000 }, (_, i) => `k${String(i).padStart(4, '0')}`);
      fill(store, keys.map((key) => [key, key]));
      expect([...store.range('k0003', 'k0990')].map(([key]) => key)).to.deep.equal(keys.slice(3, 990));
      expect([...store.range('k5', 'k4')]).to.deep.equal([]);
    });

    it('keeps code unit order and finds every key: empty, zero bytes, beyond U+FFFF, longer than a page', async () => {
      const task = await fresh();
      const { store } = task;
      const long = 'x'.repeat(1_500);
      const keys = ['', '\0', '\0\0', '\0a', 'a', 'z', 'é', '\ufffd', '\uffff', '𝒳', '😀', '\ud7ff', '\ue000', long, `${long}a`, `${long}b`, 'x'.repeat(1_024), 'x'.repeat(1_025), `${'é'.repeat(700)}1`, `${'é'.repeat(700)}0`];
      for (const key of keys) store.put(key, `value of ${key.length}`);
      await commit(task);
      for (const key of keys) expect(store.getCommitted(key)).to.equal(`value of ${key.length}`);
      const order = keys.toSorted((a, b) => (a < b ? -1 : 1));
      expect([...store.range('', '\uffff\uffff')].map(([key]) => key)).to.deep.equal(order);
      for (const from of keys) for (const to of keys) expect([...store.range(from, to)].map(([key]) => key), `${from.length}..${to.length}`).to.deep.equal(order.filter((key) => key >= from && key < to));
      for (const key of keys) store.delete(key);
      await commit(task);
      expect([store.size, [...store.range('', '\uffff\uffff')]]).to.deep.equal([0, []]);
    });

    it('forgets its entries and its position when it is wiped', async () => {
      const task = await fresh();
      fill(task.store, [['a', 1], ['b', 2]]);
      task.store.wipe();
      expect([task.store.size, task.store.position, task.store.get('a')]).to.deep.equal([0, null, undefined]);
    });

    it('takes restored records in their order, deletes among them', async () => {
      const { store } = await fresh();
      fill(store, [['a', 1], ['b', 1], ['a', undefined], ['b', 2]]);
      expect([store.get('a'), store.get('b'), store.size]).to.deep.equal([undefined, 2, 1]);
    });

    it('refuses what a former owner of its state still commits', async () => {
      const former = await openTask(home, { partition: (partition += 1) });
      await commit(former);
      const newer = await openTask(home, { partition, epoch: 1 });
      former.store.put('a', 'former');
      let failure: unknown = null;
      await commit(former).catch((error: unknown) => {
        failure = error;
      });
      newer.store.put('b', 'newer');
      await commit(newer);
      expect([newer.store.get('a'), newer.store.get('b')]).to.deep.equal([undefined, 'newer']);
      // In memory each opening has a state of its own.
      if (name === 'disk') expect((failure as Error | null)?.name).to.equal('RejoinError');
    });
  });
}

const KEYS = ['', 'a', 'ab', 'b', '\0', '😀', '\uffee', 'y'.repeat(1_100), `${'y'.repeat(1_100)}1`];

describe('stores in memory and on disk', () => {
  it('say the same after any sequence of writes, commits, rollbacks, discards, wipes and openings, and what a plain map says', async function () {
    this.timeout(60_000);
    const home = await openDisk(scratch(), { cacheRecords: 2 });
    const memory = await openMemory();
    const key = fc.constantFrom(...KEYS);
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.tuple(fc.constant('put' as const), key, fc.jsonValue()) },
      { weight: 2, arbitrary: fc.tuple(fc.constant('delete' as const), key, fc.constant(null)) },
      { weight: 4, arbitrary: fc.tuple(fc.constantFrom('begin' as const, 'rollback' as const, 'commit' as const, 'discard' as const), fc.constant(''), fc.constant(null)) },
      { weight: 1, arbitrary: fc.tuple(fc.constantFrom('reopen' as const, 'wipe' as const), fc.constant(''), fc.constant(null)) },
    );
    let epoch = 0;
    await fc.assert(fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
      let disk = await openTask(home, { epoch: (epoch += 1) });
      disk.store.wipe();
      const other = await openTask(memory);
      let committed = new Map<string, unknown>();
      let now = new Map<string, unknown>();
      let before = new Map<string, unknown>();
      for (const [what, k, v] of steps) {
        if (what === 'reopen') {
          await disk.state.close();
          disk = await openTask(home, { epoch: (epoch += 1) });
        }
        for (const task of [disk, other]) {
          if (what === 'put') task.store.put(k, v);
          if (what === 'delete') task.store.delete(k);
          if (what === 'begin') task.store.begin();
          if (what === 'rollback') task.store.rollback();
          if (what === 'commit') await commit(task);
          if (what === 'discard' || what === 'reopen' || what === 'wipe') task.store.discard();
          if (what === 'wipe') task.store.wipe();
        }
        if (what === 'put') now.set(k, v);
        if (what === 'delete') now.delete(k);
        if (what === 'begin') before = new Map(now);
        if (what === 'rollback') now = new Map(before);
        if (what === 'commit') committed = new Map(now);
        if (what === 'wipe') committed = new Map();
        if (what === 'discard' || what === 'reopen' || what === 'wipe') now = new Map(committed);
        if (what === 'commit' || what === 'discard' || what === 'reopen' || what === 'wipe') before = new Map(now);
        const entries = [...now].sort(([a], [b]) => (a < b ? -1 : 1));
        for (const { store } of [disk, other]) {
          for (const name of KEYS) {
            expect(store.get(name)).to.deep.equal(now.get(name));
            expect(store.getCommitted(name)).to.deep.equal(committed.get(name));
          }
          expect([...store.range('', '\uffff')]).to.deep.equal(entries);
          expect([...store.range('a', 'y')]).to.deep.equal(entries.filter(([name]) => name >= 'a' && name < 'y'));
          expect(store.size).to.equal(committed.size);
        }
      }
      await disk.state.close();
    }), { numRuns: 60 });
    await home.close();
  });
});
