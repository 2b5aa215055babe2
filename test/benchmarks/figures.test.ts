import { expect } from 'chai';
import { describe, it } from 'mocha';
import { median, percentile, slope } from '../../benchmarks/figures.ts';

describe('benchmarks: figures', () => {
  const tens = [70, 10, 100, 30, 50, 20, 90, 60, 40, 80];

  for (const [share, expected] of [[0, 10], [0.1, 10], [0.5, 50], [0.51, 60], [0.9, 90], [0.99, 100], [1, 100]] as const) {
    it(`finds that ${share * 100} % of ten values do not pass ${expected}`, () => {
      expect(percentile(tens, share)).to.equal(expected);
    });
  }

  it('leaves the values in their order', () => {
    const values = [3, 1, 2];
    percentile(values, 0.5);
    median(values);
    expect(values).to.deep.equal([3, 1, 2]);
  });

  it('has no percentile of nothing', () => {
    expect(percentile([], 0.5)).to.be.NaN;
    expect(median([])).to.be.NaN;
  });

  for (const [values, expected] of [[[5], 5], [[9, 1], 5], [[9, 1, 2], 2], [[4, 1, 10, 2], 3]] as const) {
    it(`finds ${expected} in the middle of ${values.join(', ')}`, () => {
      expect(median(values)).to.equal(expected);
    });
  }

  it('finds the growth of values on a straight line', () => {
    expect(slope([{ at: 10, value: 7 }, { at: 20, value: 27 }, { at: 40, value: 67 }])).to.be.closeTo(2, 1e-9);
  });

  it('finds the growth of values around a line, and none in values that come and go', () => {
    expect(slope([{ at: 0, value: 1 }, { at: 1, value: 0 }, { at: 2, value: 3 }, { at: 3, value: 2 }])).to.be.closeTo(0.6, 1e-9);
    expect(slope([{ at: 0, value: 5 }, { at: 1, value: 9 }, { at: 2, value: 5 }])).to.be.closeTo(0, 1e-9);
  });

  it('calls a single value and none flat', () => {
    expect(slope([{ at: 3, value: 100 }])).to.equal(0);
    expect(slope([])).to.equal(0);
  });
});
