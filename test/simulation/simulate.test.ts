import { expect } from 'chai';
import { describe, it } from 'mocha';
import { json, kafka, map, stream, to, topology } from 'millrace/topology';
import { CRASH_POINTS } from '../../lib/core/crash-points.ts';
import { ConfigurationError, StopError } from '../../lib/core/errors.ts';
import { simulate, simulateOutcome, SimulationError } from '../../lib/testing/simulate.ts';
import { FAULTS } from '../../lib/testing/simulation/faults.ts';
import { noSinkFence } from './mutations.ts';
import { baskets, chained, engaged, joined, mixed, nested, sunk, totals } from './topologies.ts';

describe('simulate', function () {
  this.timeout(60_000);

  for (const [name, { topology: value, ...options }] of Object.entries({ joined, totals, chained, sunk, mixed, engaged, nested, baskets })) {
    it(`does the same for the same seed, and something else for another (${name})`, async () => {
      const trace = async (seed: number): Promise<string> => (await simulate(value, { seed, ...options })).trace;
      const [one, again, other] = [await trace(7), await trace(7), await trace(8)];
      expect(again).to.equal(one);
      expect(other).to.not.equal(one);
    });
  }

  it('brings every kind of fault, some of them in each seed', async () => {
    const counts = new Map<string, number>();
    for (let seed = 0; seed < 60; seed += 1) {
      const { faults } = await simulate(sunk.topology, { seed, records: sunk.records });
      for (const [fault, count] of Object.entries(faults)) counts.set(fault, (counts.get(fault) ?? 0) + count);
    }
    expect([...counts.keys()].toSorted()).to.deep.equal([...FAULTS].toSorted());
  });

  it('ends workers at every crash point', async () => {
    const left = new Set<string>(CRASH_POINTS);
    for (let seed = 0; left.size > 0 && seed < 300; seed += 1) {
      const { lines, problems } = await simulateOutcome(sunk.topology, { seed, records: sunk.records, faults: ['crash-point'] });
      expect(problems, `seed ${seed}`).to.deep.equal([]);
      for (const line of lines) left.delete(/ fault crash-point \S+ (\S+)$/.exec(line)?.[1] ?? '');
    }
    expect([...left]).to.deep.equal([]);
  });

  it('refuses a guarantee that promises less than it checks', async () => {
    const failure: unknown = await simulate(totals.topology, { seed: 1, records: totals.records, settings: { guarantee: 'at-least-once' } }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(ConfigurationError);
  });

  it('brings no faults that were not asked for', async () => {
    for (let seed = 0; seed < 5; seed += 1) {
      expect((await simulate(totals.topology, { seed, records: totals.records, faults: [] })).faults).to.deep.equal({});
    }
  });

  it('says what is wrong, with which seed, and how to run it again', async () => {
    let failing = -1;
    for (let seed = 0; failing < 0; seed += 1) if ((await simulateOutcome(sunk.topology, { seed, records: sunk.records }, noSinkFence)).problems.length > 0) failing = seed;
    const outcome = await simulateOutcome(sunk.topology, { seed: failing, records: sunk.records }, noSinkFence);
    const error = new SimulationError('sunk', failing, outcome);
    expect(error.message).to.match(new RegExp(`^topology sunk, seed ${failing}: sink .* instead of .*simulate\\(topology, \\{ seed: ${failing}, \\.\\.\\. \\}\\)`, 's'));
    expect(error.lines.at(-1)).to.match(/^\d+\.\d{3} /);
  });

  it('notices a function that says something else each time', async () => {
    let calls = 0;
    const numbers = stream('numbers', json<number>());
    const value = topology('unsteady', numbers.pipe(map((n) => n + (calls += 1)), to('out', kafka('out', json<number>()))));
    const failure: unknown = await simulate(value, { seed: 1, records: () => [{ to: numbers, value: 1 }] }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(SimulationError);
    expect((failure as Error).message).to.match(/numbers\[\d\]@0 .*is not in the output as it should be/);
  });

  it('says that a worker has ended by itself, and why', async () => {
    const numbers = stream('numbers', json<number>());
    const stop = (): number => { throw new StopError('no way on'); };
    const value = topology('stopping', numbers.pipe(map(stop), to('out', kafka('out', json<number>()))));
    const failure: unknown = await simulate(value, { seed: 1, records: () => [{ to: numbers, value: 1 }], settings: { failuresAtPosition: 2 } }).catch((error: unknown) => error);
    expect(failure).to.be.instanceOf(SimulationError);
    expect((failure as Error).message).to.match(/a worker ended by itself: .*no way on/s);
  });
});
