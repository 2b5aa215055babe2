/** A Cassandra sink under simulated faults: whatever is repeated or comes late, the latest write by timestamp holds. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { cassandra, json, stream, to, topology } from 'millrace/topology';
import type { Random } from '../../lib/testing/random.ts';
import { simulateOutcome, type SimulatedRecord } from '../../lib/testing/simulate.ts';

interface Seat { readonly id: number; readonly user: string | null }

const seats = stream('seats', json<Seat>());
const table = cassandra({
  table: 'k.seats', columns: { id: 'int', user: 'text' }, partitionKey: ['id'], key: ({ id }: Seat) => ({ id }), set: ({ user }) => (user === null ? null : { user }), writtenAtUs: (_, meta) => meta.offset,
});
const app = topology('seats', seats.pipe(to('seats', table)));

const records = function* (random: Random): Iterable<SimulatedRecord> {
  const count = 20 + random.below(80);
  for (let n = 0; n < count; n += 1) {
    const id = random.below(6);
    yield { to: seats, key: String(id), value: { id: random.chance(0.03) ? 0.5 : id, user: random.chance(0.2) ? null : `user ${n}` } };
  }
};

describe('simulate, with a Cassandra sink', function () {
  this.timeout(60_000);

  it('finds nothing lost, late or surplus in 40 seeds', async () => {
    for (let seed = 0; seed < 40; seed += 1) {
      const { problems } = await simulateOutcome(app, { seed, records });
      expect(problems, `seed ${seed}`).to.deep.equal([]);
    }
  });
});
