import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { DeadLetterError, RetryError } from '../../lib/core/errors.ts';
import { StageCounters } from '../../lib/core/metrics.ts';
import { countWrite, timedWrite } from '../../lib/runtime/figures.ts';
import { ALL_WRITTEN } from '../../lib/sinks/contract.ts';

const NOW_MS = 1_000_000;
const records = [900, 600, 300, 0].map((ageMs) => ({ timestamp: NOW_MS - ageMs }));

describe('what became of a write', () => {
  it('is counted as written, with the age of each event', () => {
    const counters = new StageCounters('s', 's');
    countWrite(counters, records, ALL_WRITTEN, NOW_MS);
    const { recordsOut, sinkErrors, sinkRefusals, eventAge } = counters.snapshot();
    expect({ recordsOut, sinkErrors, sinkRefusals, ages: eventAge.count, sumMs: eventAge.sumMs }).to.deep.equal({ recordsOut: 4, sinkErrors: 0, sinkRefusals: 0, ages: 4, sumMs: 1_800 });
  });

  it('leaves out the ages of what was refused and of what is written again', () => {
    const counters = new StageCounters('s', 's');
    countWrite(counters, records, { refused: [{ index: 0, error: new DeadLetterError('no'), by: 'system' }], retry: [{ index: 2, error: new RetryError('later') }, { index: 3, error: new RetryError('later') }] }, NOW_MS);
    const { recordsOut, sinkErrors, sinkRefusals, eventAge } = counters.snapshot();
    expect({ recordsOut, sinkErrors, sinkRefusals, ages: eventAge.count, sumMs: eventAge.sumMs }).to.deep.equal({ recordsOut: 1, sinkErrors: 1, sinkRefusals: 1, ages: 1, sumMs: 600 });
  });

  it('is timed also when it fails', async () => {
    const counters = new StageCounters('s', 's');
    await timedWrite({ clock: systemClock, counters }, async () => ALL_WRITTEN);
    const failed = await timedWrite({ clock: systemClock, counters }, () => Promise.reject(new RetryError('down'))).then(() => 'written', () => 'failed');
    expect(failed).to.equal('failed');
    expect(counters.snapshot().sinkWriteTime.count).to.equal(2);
  });
});
