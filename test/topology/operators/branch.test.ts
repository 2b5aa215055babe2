import { expect } from 'chai';
import { describe, it } from 'mocha';
import { branch, labelOf, otherwise, redis, to, topology, TopologyError, type Stream } from 'millrace/topology';
import { readings, type Reading } from './cases.ts';

const isCold = (reading: Reading): boolean => (reading.celsius ?? 0) < 5;

describe('branch', () => {
  it('gives a stream per name, each an arm of one branch', () => {
    const arms = readings.pipe(branch({ cold: isCold, other: otherwise }));
    expect(Object.keys(arms)).to.deep.equal(['cold', 'other']);
    const parent = { kind: 'branch', parent: readings.node, branches: { cold: isCold, other: null } };
    expect(arms.cold.node).to.deep.equal({ kind: 'arm', name: 'cold', parent });
    expect(arms.other.node).to.deep.equal({ kind: 'arm', name: 'other', parent });
    expect(arms.cold.node).to.have.property('parent', (arms.other.node as { readonly parent: unknown }).parent);
    expect(labelOf(arms.cold.node)).to.equal('cold');
  });

  it('is frozen, and independent of a second branch of the same stream', () => {
    const [first, second] = [readings.pipe(branch({ cold: isCold })), readings.pipe(branch({ cold: isCold }))];
    expect(first).to.be.frozen;
    expect(first.cold.node).to.deep.equal(second.cold.node);
    expect(first.cold.node).to.not.equal(second.cold.node);
    expect(first.cold.node).to.have.property('parent').that.is.frozen;
  });

  const problemsOf = (arm: Stream<Reading, string>): readonly string[] => {
    try {
      topology('app', arm.pipe(to('out', redis.hash({ key: 'k', fields: () => ({}) }))));
    } catch (error) {
      if (error instanceof TopologyError) return error.problems;
    }
    return [];
  };

  it('refuses an otherwise that is not last, since it would take everything', () => {
    expect(problemsOf(readings.pipe(branch({ other: otherwise, cold: isCold })).cold).join()).to.contain('it must be the last branch');
  });

  it('refuses a second otherwise', () => {
    expect(problemsOf(readings.pipe(branch({ other: otherwise, rest: otherwise })).rest).join()).to.contain('more than one branch is otherwise');
  });

  it('refuses a name that would lose its place in the order', () => {
    expect(problemsOf(readings.pipe(branch({ cold: isCold, 1: isCold })).cold).join()).to.contain('the name 1 is a number');
  });
});
