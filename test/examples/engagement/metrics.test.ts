import { expect } from 'chai';
import { describe, it } from 'mocha';
import { divide, metricsOf } from '../../../examples/engagement/metrics.ts';
import { facts } from './metrics.facts.ts';

describe('engagement metrics', () => {
  it('give what PostgreSQL computed for the same numbers, to the last digit', () => {
    for (const [durationMs, lengthSeconds, seconds, percent] of facts) {
      expect(metricsOf(durationMs, lengthSeconds), `${durationMs} ms of ${lengthSeconds} s`).to.deep.equal({ seconds, percent });
    }
  });

  it('are right where binary floating point rounds the other way', () => {
    const wrong = facts.filter(([duration, length, , percent]) => duration !== null && length !== null && percent !== null && (Math.round((duration / 1000 / length) * 100 * 100) / 100).toFixed(2) !== percent);
    expect(wrong.length).to.be.greaterThan(20);
  });

  it('are both null when an input is null or the length is 0', () => {
    for (const [duration, length] of [[null, 10], [10, null], [null, null], [10, 0]] as const) {
      expect(metricsOf(duration, length)).to.deep.equal({ seconds: null, percent: null });
    }
  });

  it('take int64 beyond what a number holds', () => {
    expect(metricsOf(9_007_199_254_740_993n, 1n)).to.deep.equal({ seconds: '9007199254740.993', percent: '900719925474099.30' });
  });

  it('round halves away from zero', () => {
    expect([divide(5n, 1000n, 2), divide(-5n, 1000n, 2), divide(-4n, 1000n, 2), divide(15n, 10n, 0)]).to.deep.equal(['0.01', '-0.01', '0.00', '2']);
  });
});
