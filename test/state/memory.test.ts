import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { MemoryStore } from '../../lib/state/memory.ts';

describe('MemoryStore', () => {
  it('reads its own uncommitted writes', () => {
    const store = new MemoryStore('s');
    store.put('a', 1);
    expect(store.get('a')).to.equal(1);
    store.seal();
    expect(store.get('a')).to.equal(1);
    store.put('a', 2);
    expect(store.get('a')).to.equal(2);
  });

  it('takes back one record’s writes and keeps those of the records before', () => {
    const store = new MemoryStore('s');
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

  it('drops sealed and open writes on discard, and keeps what was committed', () => {
    const store = new MemoryStore('s');
    store.put('a', 1);
    store.seal();
    store.committed();
    store.put('a', 2);
    store.seal();
    store.put('a', 3);
    store.discard();
    expect(store.get('a')).to.equal(1);
  });

  it('gives a commit exactly the writes since the last one, deletes as undefined', () => {
    const store = new MemoryStore('s');
    store.put('a', 1);
    store.put('b', 1);
    expect([...store.seal()]).to.deep.equal([['a', 1], ['b', 1]]);
    store.delete('a');
    store.committed();
    expect([...store.seal()]).to.deep.equal([['a', undefined]]);
    store.committed();
    expect(store.size).to.equal(1);
  });

  it('ranges over all layers in key order, without deleted keys', () => {
    const store = new MemoryStore('s');
    for (const key of ['d', 'b', 'a']) store.set(key, key);
    store.put('c', 'sealed');
    store.seal();
    store.delete('b');
    store.put('e', 'beyond');
    expect([...store.range('a', 'e')]).to.deep.equal([['a', 'a'], ['c', 'sealed'], ['d', 'd']]);
  });

  it('equals a plain map under any sequence of writes, commits, rollbacks and discards', () => {
    const key = fc.constantFrom('a', 'b', 'c');
    const step = fc.oneof(
      fc.tuple(fc.constant('put' as const), key, fc.integer()),
      fc.tuple(fc.constant('delete' as const), key, fc.constant(0)),
      fc.tuple(fc.constantFrom('begin' as const, 'rollback' as const, 'commit' as const, 'discard' as const), fc.constant(''), fc.constant(0)),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const store = new MemoryStore('s');
      let committed = new Map<string, number>();
      let now = new Map<string, number>();
      let before = new Map<string, number>();
      for (const [what, k, v] of steps) {
        if (what === 'put') { store.put(k, v); now.set(k, v); }
        if (what === 'delete') { store.delete(k); now.delete(k); }
        if (what === 'begin') { store.begin(); before = new Map(now); }
        if (what === 'rollback') { store.rollback(); now = new Map(before); }
        if (what === 'commit') { store.seal(); store.committed(); committed = new Map(now); before = new Map(now); }
        if (what === 'discard') { store.discard(); now = new Map(committed); before = new Map(now); }
        for (const name of ['a', 'b', 'c']) expect(store.get(name)).to.equal(now.get(name));
      }
    }));
  });
});
