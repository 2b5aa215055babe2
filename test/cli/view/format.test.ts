import { expect } from 'chai';
import { describe, it } from 'mocha';
import { bar, behind, clockTime, compact, rate, sparkline } from '../../../lib/cli/view/format.ts';

describe('numbers of the live view', () => {
  it('are short', () => {
    const cases: readonly (readonly [value: number, text: string])[] = [
      [0, '0'], [999.6, '1,000'], [9_999, '9,999'], [9_999.9, '10.0k'], [12_345, '12.3k'], [99_949, '99.9k'], [99_951, '100k'], [999_499, '999k'], [999_501, '1.0M'],
      [12_345_678, '12.3M'], [123_456_789, '123M'],
    ];
    for (const [value, text] of cases) expect(compact(value), String(value)).to.equal(text);
  });

  it('have a digit behind the point as small rates', () => {
    for (const [value, text] of [[0, '0'], [0.04, '0.0'], [0.2, '0.2'], [9.94, '9.9'], [9.96, '10'], [1_234, '1,234']] as const) expect(rate(value), String(value)).to.equal(text);
  });

  it('say how far behind in the unit that suits', () => {
    const cases: readonly (readonly [ms: number, text: string])[] = [
      [0, '-'], [1, '0.1 s'], [440, '0.4 s'], [9_900, '9.9 s'], [9_960, '10 s'], [99_000, '99 s'], [100_000, '2 min'], [5_900_000, '98 min'], [6_000_000, '2 h'],
    ];
    for (const [ms, text] of cases) expect(behind(ms), String(ms)).to.equal(text);
  });

  it('tell the time of a run', () => {
    for (const [ms, text] of [[0, '0:00'], [59_999, '0:59'], [754_000, '12:34'], [3_723_000, '1:02:03']] as const) expect(clockTime(ms)).to.equal(text);
  });

  it('draw a sparkline from nothing to the largest, blanks for what is not known', () => {
    expect(sparkline([0, 1, 4, null, 8])).to.equal('▁▁▄ █');
    expect(sparkline([0, 0])).to.equal('▁▁');
    expect(sparkline([])).to.equal('');
  });

  it('draw bars to an eighth of a column', () => {
    expect(bar(1, 3)).to.equal('███');
    expect(bar(0.5, 3)).to.equal('█▌');
    expect(bar(1 / 24, 3)).to.equal('▏');
    expect(bar(0, 3)).to.equal('');
    expect(bar(7, 2)).to.equal('██');
  });
});
