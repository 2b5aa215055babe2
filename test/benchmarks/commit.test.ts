import { expect } from 'chai';
import { describe, it } from 'mocha';
import { costs, order, type CommitRun, type Guarantee } from '../../benchmarks/commit/schedule.ts';

const run = (guarantee: Guarantee, tasks: number, round: number, rate: number): CommitRun => ({ guarantee, tasks, round, rate, cpuSecondsPerMillion: 1, commits: 1, output: 1 });

describe('benchmarks: what exactly once costs', () => {
  it('begins with the other guarantee in every other round', () => {
    expect([order(0), order(1), order(2)].map(([first]) => first)).to.deep.equal(['exactly-once', 'at-least-once', 'exactly-once']);
    for (const round of [0, 1]) expect(order(round).toSorted()).to.deep.equal(['at-least-once', 'exactly-once']);
  });

  it('compares runs of one round, since the machine is not the same in all of them', () => {
    const found = costs([
      run('exactly-once', 4, 0, 90), run('at-least-once', 4, 0, 100),
      run('at-least-once', 4, 1, 10), run('exactly-once', 4, 1, 9),
      run('exactly-once', 4, 2, 1_800), run('at-least-once', 4, 2, 2_000),
      run('exactly-once', 16, 0, 80), run('at-least-once', 16, 0, 100),
    ]);
    expect(found).to.deep.equal([
      { tasks: 4, exactlyOnce: 90, atLeastOnce: 100, cost: 0.1, passed: true },
      { tasks: 16, exactlyOnce: 80, atLeastOnce: 100, cost: 0.2, passed: false },
    ]);
  });

  it('says nothing where one of the two is missing', () => {
    expect(costs([run('exactly-once', 4, 0, 90), run('at-least-once', 4, 1, 90)])[0]).to.deep.include({ cost: null, passed: null });
  });
});
