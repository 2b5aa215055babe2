import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { roughOrder } from '../../lib/state/rough-order.ts';

const placed = (keys: readonly string[]): number[] => [...roughOrder(keys.map((key) => ({ key: Buffer.from(key) })))];

describe('the order in which restored records are written', () => {
  it('is that of the keys, as far as four bytes behind what they share tell', () => {
    expect(placed(['user-30', 'user-1', 'user-2', 'user-'])).to.deep.equal([3, 1, 2, 0]);
    expect(placed(['b', 'a\u00ff', 'a', ''])).to.deep.equal([3, 2, 1, 0]);
  });

  it('has each record once, those of one key in their order', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom('', 'a', 'ab', 'abcdefg', 'abcdefh', 'b', '\u{1f600}'), { maxLength: 40 }), (keys) => {
      const places = placed(keys);
      expect(places.toSorted((a, b) => a - b)).to.deep.equal(keys.map((_, i) => i));
      for (const key of new Set(keys)) {
        const own = places.filter((place) => keys[place] === key);
        expect(own).to.deep.equal(own.toSorted((a, b) => a - b));
      }
    }));
  });
});
