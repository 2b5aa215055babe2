import { expect } from 'chai';
import { describe, it } from 'mocha';
import { metricsOf } from '../../../examples/outbox/metrics.ts';

/** Duration in ms, length in s, and what PostgreSQL 15 gives for `round(d::numeric / 1000, 3)` and `round(d::numeric / 1000 / l, 4)`. */
const FACTS: readonly (readonly [durationMs: number | null, lengthSeconds: number | null, seconds: string | null, ratio: string | null])[] = [
  [5_000, 10, '5.000', '0.5000'],
  [9_950, 10, '9.950', '0.9950'],
  [12_345, 12, '12.345', '1.0288'],
  [1, 3, '0.001', '0.0003'],
  [50, 1_000, '0.050', '0.0001'],
  [49, 1_000, '0.049', '0.0000'],
  [0, 60, '0.000', '0.0000'],
  [2_147_483_647, 1, '2147483.647', '2147483.6470'],
  [1_000, null, '1.000', null],
  [1_000, 0, '1.000', null],
  [null, 60, null, null],
  [-1, 60, null, null],
];

describe('the measures of the outbox example', () => {
  for (const [durationMs, lengthSeconds, seconds, ratio] of FACTS) {
    it(`are ${seconds} s and ${ratio} for ${durationMs} ms of ${lengthSeconds} s`, () => expect(metricsOf(durationMs, lengthSeconds)).to.deep.equal({ seconds, ratio }));
  }
});
