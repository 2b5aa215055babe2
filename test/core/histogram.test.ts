import { expect } from 'chai';
import { describe, it } from 'mocha';
import { AGE_BOUNDS_MS, DURATION_BOUNDS_MS, Histogram } from '../../lib/core/histogram.ts';
import { StageCounters } from '../../lib/core/metrics.ts';

describe('a histogram', () => {
  it('counts a value in the bucket whose bound it does not pass', () => {
    const histogram = new Histogram([10, 100]);
    for (const ms of [0, 10, 10.1, 100, 101, 5_000]) histogram.observe(ms);
    expect(histogram.snapshot()).to.deep.equal({ boundsMs: [10, 100], counts: [2, 2, 2], sumMs: 5_221.1, count: 6 });
  });

  it('takes a time below zero, of a clock that runs behind, as zero', () => {
    const histogram = new Histogram([10]);
    histogram.observe(-50);
    expect(histogram.snapshot()).to.deep.include({ counts: [1, 0], sumMs: 0, count: 1 });
  });

  it('does not change a snapshot that was taken', () => {
    const histogram = new Histogram([10]);
    const before = histogram.snapshot();
    histogram.observe(1);
    expect(before).to.deep.include({ counts: [0, 0], count: 0 });
  });

  it('has bounds that grow', () => {
    for (const bounds of [AGE_BOUNDS_MS, DURATION_BOUNDS_MS]) expect([...bounds].sort((a, b) => a - b)).to.deep.equal(bounds).and.to.satisfy((b: number[]) => new Set(b).size === b.length);
  });
});

describe('the counters of a stage', () => {
  it('add up what restores that run side by side have left', () => {
    const counters = new StageCounters('totals', null);
    const [a, b] = [counters.restoring(), counters.restoring()];
    const seen = [() => a(100), () => b(50), () => a(40), () => b(0), () => a(0)].map((report) => {
      report();
      return counters.restoreRemaining;
    });
    expect(seen).to.deep.equal([100, 150, 90, 40, 0]);
  });

  it('say how long the longest restore still takes, as far as one knows', () => {
    const counters = new StageCounters('totals', null);
    const [a, b] = [counters.restoring(), counters.restoring()];
    const seen = [() => a(100), () => a(90, 900), () => b(50, 2_000), () => b(0), () => a(0)].map((report) => {
      report();
      return counters.snapshot().restoreMs;
    });
    expect(seen).to.deep.equal([null, 900, 2_000, 900, null]);
  });

  it('count a commit and its time once each', () => {
    const counters = new StageCounters('totals', null);
    counters.committed(3);
    counters.committed(700);
    const { commits, commitMs, commitTime } = counters.snapshot();
    expect({ commits, commitMs, count: commitTime.count, sumMs: commitTime.sumMs }).to.deep.equal({ commits: 2, commitMs: 703, count: 2, sumMs: 703 });
  });

  it('have a breaker where there is an outside sink', () => {
    expect(new StageCounters('warehouse', 'warehouse').snapshot().breaker).to.equal('closed');
    expect(new StageCounters('totals', null).snapshot().breaker).to.equal(null);
  });
});
