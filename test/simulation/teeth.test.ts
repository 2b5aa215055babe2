import { expect } from 'chai';
import { describe, it } from 'mocha';
import { simulateOutcome } from '../../lib/testing/simulate.ts';
import type { Mutation } from '../../lib/testing/simulation/world.ts';
import { ageIgnored, aheadOfKafka, dirtyStateKept, lateFence, noSinkFence, offsetsOutside, outsideTransaction } from './mutations.ts';
import { baskets, chained, sunk, totals, type Simulated } from './topologies.ts';

const MOST_SEEDS = 200;

/** The first seed that finds something wrong in what was written; that a worker could not go on proves nothing. */
const firstFailure = async ({ topology, ...options }: Simulated, mutation: Mutation): Promise<number> => {
  for (let seed = 0; seed < MOST_SEEDS; seed += 1) {
    const { problems } = await simulateOutcome(topology, { seed, ...options }, mutation);
    if (problems.some((problem) => !problem.startsWith('a worker ended by itself'))) return seed;
  }
  return Infinity;
};

describe('a simulation', function () {
  this.timeout(120_000);

  const mutations: readonly (readonly [what: string, mutation: Mutation, simulated: Simulated])[] = [
    ['a fence that comes after the committed offsets were read', lateFence, totals],
    ['offsets that are committed outside the transaction', offsetsOutside, chained],
    ['state of an aborted transaction that is kept', dirtyStateKept, totals],
    ['state on disk that is ahead of Kafka', aheadOfKafka, totals],
    ['a sink without its fence', noSinkFence, sunk],
    ['a record beside those of the transaction', outsideTransaction, totals],
    ['state on disk that is older than deletes are kept', ageIgnored, { ...baskets, forMs: 60_000, workers: 2 }],
  ];

  for (const [what, mutation, simulated] of mutations) {
    it(`notices ${what}, within ${MOST_SEEDS} seeds`, async () => {
      expect(await firstFailure(simulated, mutation)).to.be.below(MOST_SEEDS);
    });
  }
});
