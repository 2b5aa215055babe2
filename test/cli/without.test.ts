import { expect } from 'chai';
import { describe, it } from 'mocha';
import { branch, json, kafka, redis, scan, stream, to, topology } from 'millrace/topology';
import { withoutSinks } from '../../lib/cli/without.ts';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { loadTopology } from '../../lib/cli/topology-file.ts';
import { plan } from '../../lib/plan/plan.ts';

interface Play { readonly user: string }

const plays = stream('plays', json<Play>());
const counts = plays.pipe(scan('counts', (n: number) => n + 1, { state: json<number>(), seed: 0 }));
const hash = redis.hash({ key: (n: number) => String(n), fields: (n: number) => ({ n }) });
const field = redis.hash({ key: (play: Play) => play.user, fields: (play: Play) => ({ ...play }) });
const { guests } = plays.pipe(branch({ guests: (play: Play) => play.user === '' }));

const whole = topology('plays',
  counts.pipe(to('totals', hash)),
  counts.pipe(to('top', hash)),
  plays.pipe(to('users', field)),
  guests.pipe(to('guests', kafka('guests', json<Play>()))),
);

const problemsOf = (names: readonly string[]): readonly string[] => {
  try {
    withoutSinks(whole, names);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.problems;
  }
};

describe('a topology without some of its sinks', () => {
  it('is the topology itself without none', () => expect(withoutSinks(whole, [])).to.equal(whole));

  it('has the stages and names that the others need, and no others', () => {
    const rest = plan(withoutSinks(whole, ['users']));
    expect(rest.stages.map(({ name }) => name)).to.deep.equal(plan(whole).stages.map(({ name }) => name).filter((name) => name !== 'users'));
  });

  it('names what there is', () => {
    expect(problemsOf(['bogus', 'users', 'other'])).to.deep.equal(['There is no sink bogus; there are totals, top, users, guests', 'There is no sink other; there are totals, top, users, guests']);
    expect(problemsOf(['totals', 'top', 'users', 'guests'])).to.deep.equal(['No sink is left']);
  });

  it('is refused where a sink would miss what passes in the meantime', () => {
    expect(problemsOf(['guests'])).to.deep.equal(['Without guests: plays would run without writing guests']);
    expect(problemsOf(['totals'])).to.have.length(1);
    expect(problemsOf(['totals', 'top'])).to.have.length.greaterThan(0);
    expect(problemsOf(['totals', 'top', 'guests'])).to.deep.equal([]);
  });

  it('can be the example without each of its systems', async () => {
    const engagement = await loadTopology('examples/engagement/topology.ts');
    const stagesWithout = (...names: string[]): string[] => plan(withoutSinks(engagement, names)).stages.map(({ name }) => name);
    expect(stagesWithout('warehouse')).to.have.members(['app.public.engagement_events', 'engagement.enriched', 'partner', 'totals', 'top', 'counters', 'recent']);
    expect(stagesWithout('totals', 'top', 'counters', 'recent')).to.have.members(['app.public.engagement_events', 'warehouse', 'partner']);
  });
});
