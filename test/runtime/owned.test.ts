/** Whose topics and groups are when names can be read in two ways. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { backfillsOf, namesakes, ownedBy } from '../../lib/runtime/owned.ts';

const SHOP = {
  topics: ['orders', 'shop.enriched', 'shop-orders-dlq', 'shop-by-user-dlq', 'shop-by-user-repartition', 'shop-totals-input', 'shop-totals-dlq', 'shop-totals-changelog', 'shop-changelog', 'shopping-x-changelog'],
  groups: ['shop.orders', 'shop.by-user', 'shop.totals', 'shopping.orders', 'shop'],
};
const OWN = {
  changelog: ['shop-totals-changelog'],
  repartition: ['shop-by-user-repartition'],
  input: ['shop-totals-input'],
  'dead-letter': ['shop-by-user-dlq', 'shop-orders-dlq', 'shop-totals-dlq'],
};
const withMore = (topics: readonly string[], groups: readonly string[] = []) => ({ topics: [...SHOP.topics, ...topics], groups: [...SHOP.groups, ...groups] });
const roles = (topics: readonly { readonly topic: string; readonly role: string }[]) =>
  Object.fromEntries(Object.keys(OWN).map((role) => [role, topics.filter((t) => t.role === role).map(({ topic }) => topic).toSorted()]));

describe('what an application owns, by names', () => {
  it('is what has its name in front, and a part of it behind', () => {
    const { topics, groups, doubtful, others } = ownedBy('shop', SHOP);
    expect(roles(topics)).to.deep.equal(OWN);
    expect(groups).to.deep.equal(['shop.orders', 'shop.by-user', 'shop.totals']);
    expect([doubtful, others]).to.deep.equal([{ topics: [], groups: [] }, []]);
  });

  const strangers: readonly (readonly [string, readonly string[], readonly string[], readonly string[]])[] = [
    ['runs', ['shop-eu-orders-dlq', 'shop-eu-by-user-dlq', 'shop-eu-by-user-repartition', 'shop-eu-totals-changelog'], ['shop-eu.orders', 'shop-eu.by-user'], ['shop-eu-totals-changelog']],
    ['has lost its groups to their retention', ['shop-eu-orders-dlq', 'shop-eu-totals-changelog', 'shop-eu-top-input'], [], ['shop-eu-orders-dlq', 'shop-eu-top-input', 'shop-eu-totals-changelog']],
    ['has groups only', ['shop-eu-totals-changelog'], ['shop-eu.orders'], ['shop-eu-totals-changelog']],
    ['has a dot there', ['shop.eu-orders-dlq', 'shop.eu-totals-changelog'], ['shop.eu.orders'], []],
    ['has a dot there, and no dead letters any more', ['shop.eu-totals-changelog'], ['shop.eu.orders'], ['shop.eu.orders']],
  ];
  for (const [what, topics, groups, others] of strangers) {
    it(`is nothing of an application whose name begins with its own and which ${what}`, () => {
      const owned = ownedBy('shop', withMore(topics, groups));
      expect(roles(owned.topics)).to.deep.equal(OWN);
      expect(owned.groups).to.deep.equal(['shop.orders', 'shop.by-user', 'shop.totals']);
      expect(owned.doubtful).to.deep.equal({ topics: [], groups: [] });
      expect(owned.others.toSorted()).to.deep.equal(others);
    });
  }

  it('is what has dashes and dots in it, where a stage of its own stands behind that', () => {
    const owned = ownedBy('shop', withMore(['shop-app.public.users-dlq', 'shop-by-eu-user-dlq', 'shop-by-eu-user-repartition', 'shop-top-10m-changelog'], ['shop.app.public.users', 'shop.by-eu-user']));
    expect(owned.groups).to.include.members(['shop.app.public.users', 'shop.by-eu-user']);
    expect(owned.topics.map(({ topic }) => topic)).to.include.members(['shop-app.public.users-dlq', 'shop-by-eu-user-dlq', 'shop-by-eu-user-repartition', 'shop-top-10m-changelog']);
    expect(owned.others).to.deep.equal([]);
  });

  it('is in doubt where it may be of a shorter name that is there too', () => {
    const eu = withMore(['shop-eu-orders-dlq', 'shop-eu-by-user-dlq', 'shop-eu-by-user-repartition', 'shop-eu-totals-changelog'], ['shop-eu.orders', 'shop-eu.by-user']);
    const owned = ownedBy('shop-eu', eu);
    expect(owned.groups).to.deep.equal(['shop-eu.orders', 'shop-eu.by-user']);
    expect(owned.topics.map(({ topic }) => topic)).to.have.members(['shop-eu-orders-dlq', 'shop-eu-by-user-dlq', 'shop-eu-by-user-repartition']);
    expect(owned.doubtful).to.deep.equal({ topics: ['shop-eu-totals-changelog'], groups: [] });
    expect(owned.others).to.deep.equal([]);
  });

  it('takes the stages of a topology for its own', () => {
    const listed = { topics: ['shop-by-user-dlq', 'shop-by-old-changelog'], groups: [] };
    expect(namesakes('shop', listed, [])).to.deep.equal(['shop-by']);
    expect(namesakes('shop', listed, ['by-user'])).to.deep.equal([]);
  });

  it('has backfills that keep a range, unless another application has such a name', () => {
    const topics = ['shop-backfill-history-range', 'shop-backfill-history-orders-dlq', 'shop-backfill-march-range', 'shop-backfill-done-orders-dlq', 'shop-eu-backfill-history-range', 'shop-backfill--range'];
    const groups = ['shop-backfill-history.orders'];
    expect(backfillsOf('shop', withMore(topics, groups))).to.deep.equal(['shop-backfill-history', 'shop-backfill-march']);
    expect(backfillsOf('shop', withMore([...topics, 'shop-backfill-orders-dlq'], ['shop-backfill.orders']))).to.deep.equal([]);
  });
});
