import { expect } from 'chai';
import { describe, it } from 'mocha';
import { keyBy, json, merge, scan, stream, through, to, topology } from '../../topology/index.ts';
import { http } from '../../topology/sinks/http.ts';
import { backfillTopology } from '../../lib/backfill/topology.ts';
import { plan } from '../../lib/plan/plan.ts';

interface Event {
  readonly id: number;
}

const partner = http<Event, unknown>({ url: 'http://partner', body: (event) => event, idempotencyKey: (event) => event.id });
const both = stream('a', json<Event>()).pipe(merge('both', stream('b', json<Event>())), through('shared', json<Event>(), { retention: '7d' }));
const live = topology('shop',
  both.pipe(to('partner', partner)),
  both.pipe(keyBy('all', () => 'all'), scan('sum', (sum, event): Event => ({ id: sum.id + event.id }), { state: json<Event>(), seed: { id: 0 } }), to('sums', partner)),
);

describe('the topology of a backfill', () => {
  it('shares with the live one nothing but what both read', () => {
    const namesOf = (of: typeof live): { readonly groups: string[]; readonly topics: string[]; readonly ids: string[] } => {
      const { stages, topics } = plan(of);
      return { groups: stages.map(({ group }) => group), topics: topics.map(({ topic }) => topic), ids: stages.map((stage) => stage.transactionalId(0)) };
    };
    const [ours, theirs] = [namesOf(live), namesOf(backfillTopology(live, 'x', ['partner', 'sums']))];
    expect(theirs.topics.filter((topic) => ours.topics.includes(topic)).toSorted()).to.deep.equal(['a', 'b']);
    expect([...theirs.groups, ...theirs.ids].every((name) => name.startsWith('shop-backfill-x.'))).to.equal(true);
    expect(theirs.topics).to.include.members(['shop-backfill-x-shared', 'shop-backfill-x-all-repartition', 'shop-backfill-x-sum-changelog']);
    expect(namesOf(live)).to.deep.equal(ours);
  });

  it('keeps what is on its way for as long as it takes, however old the records are', () => {
    const copy = plan(backfillTopology(live, 'x', ['partner'])).topics.find(({ topic }) => topic === 'shop-backfill-x-shared')!;
    expect(copy.config).to.deep.equal({ 'retention.ms': '-1', 'cleanup.policy': 'delete' });
  });

  it('computes for several sinks once what they have in common', () => {
    expect(plan(backfillTopology(live, 'x', ['partner', 'sums'])).stages).to.have.length(plan(live).stages.length);
    expect(plan(backfillTopology(live, 'x', ['partner'])).stages.map(({ name }) => name)).to.deep.equal(['both', 'partner']);
  });
});
