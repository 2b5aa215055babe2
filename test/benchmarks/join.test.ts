import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Tally, isComplete, type Joined } from '../../benchmarks/join/tally.ts';

const tallyOf = (...joined: readonly (readonly [id: number, device: string, title: string | null])[]): Tally => {
  const tally = new Tally();
  for (const [id, device, content_title] of joined) tally.add({ id, device, content_title } satisfies Joined);
  return tally;
};
const ids = (...all: readonly number[]): ReadonlySet<number> => new Set(all);
const right = { joined: 1, missed: 0, stale: 0, wrong: { together: 0, before: 0 }, lost: 0, duplicated: 0 };

describe('benchmarks: what a join found', () => {
  const rows = [
    ['the version that was committed with the event', [1, 'together:3', 'v3'], right],
    ['a later one', [1, 'before:3', 'v12'], right],
    ['an older one, although its text comes later in the alphabet', [1, 'before:12', 'v3'], { ...right, stale: 1, wrong: { together: 0, before: 1 } }],
    ['none', [1, 'together:1', null], { ...right, missed: 1, wrong: { together: 1, before: 0 } }],
  ] as const;
  for (const [what, joined, expected] of rows) {
    it(`is told by the version: ${what}`, () => {
      expect(tallyOf(joined).outcome(ids(1))).to.deep.equal(expected);
      expect(isComplete(tallyOf(joined).outcome(ids(1)))).to.equal(expected === right);
    });
  }

  it('has events that never came, that came twice, and that nobody wrote', () => {
    const outcome = tallyOf([1, 'before:1', 'v1'], [1, 'before:1', null], [9, 'before:1', 'v1']).outcome(ids(1, 2, 3));
    expect(outcome).to.deep.equal({ joined: 2, missed: 0, stale: 0, wrong: { together: 0, before: 0 }, lost: 2, duplicated: 2 });
    expect(isComplete(outcome)).to.equal(false);
  });

  it('is not guessed for an event that does not say its version', () => {
    expect(() => tallyOf([4, 'ios', 'v1'])).to.throw('event 4');
  });
});
