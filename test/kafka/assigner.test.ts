import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { assignPartitions, type AssignedMember } from '../../lib/kafka/assigner.ts';

const member = (memberId: string, held: readonly number[] = [], generation = held.length > 0 ? 1 : -1, topics: readonly string[] = ['a', 'b']): AssignedMember => ({
  memberId,
  topics,
  held,
  generation,
});

const counts = (entries: Record<string, number>): Map<string, number> => new Map(Object.entries(entries));

/** memberId -> partition numbers of topic a. */
const numbersOf = (members: readonly AssignedMember[], topics: Record<string, number>, topic = 'a'): Record<string, number[]> =>
  Object.fromEntries(
    [...assignPartitions(members, counts(topics))].map(([id, partitions]) => [
      id,
      partitions.filter((p) => p.topic === topic).map((p) => p.partition).toSorted((x, y) => x - y),
    ]),
  );

describe('assignPartitions', () => {
  it('gives partition p of all topics to one member', () => {
    const assigned = assignPartitions([member('m1'), member('m2')], counts({ a: 4, b: 4 }));
    expect(assigned.get('m1')).to.have.deep.members([
      { topic: 'a', partition: 0 },
      { topic: 'b', partition: 0 },
      { topic: 'a', partition: 1 },
      { topic: 'b', partition: 1 },
    ]);
  });

  it('lets every member keep what it holds when the sizes are right', () => {
    expect(numbersOf([member('m1', [1, 3]), member('m2', [0, 2])], { a: 4, b: 4 })).to.deep.equal({ m1: [1, 3], m2: [0, 2] });
  });

  it('moves no more than a newcomer needs', () => {
    expect(numbersOf([member('m1', [0, 1, 2]), member('m2', [3, 4, 5]), member('m3')], { a: 6, b: 6 })).to.deep.equal({ m1: [0, 1], m2: [3, 4], m3: [2, 5] });
  });

  it('leaves an odd one with the member that holds more', () => {
    expect(numbersOf([member('m1', [0]), member('m2', [1, 2])], { a: 3, b: 3 })).to.deep.equal({ m1: [0], m2: [1, 2] });
  });

  it('spreads the partitions of a member that went away over the others', () => {
    expect(numbersOf([member('m1', [0, 1]), member('m3', [4, 5])], { a: 6, b: 6 })).to.deep.equal({ m1: [0, 1, 2], m3: [3, 4, 5] });
  });

  it('believes the newer claim of two', () => {
    expect(numbersOf([member('m1', [0, 1], 4), member('m2', [1, 0], 7)], { a: 2, b: 2 })).to.deep.equal({ m1: [1], m2: [0] });
    expect(numbersOf([member('m1', [0], 7), member('m2', [0], 4)], { a: 2, b: 2 })).to.deep.equal({ m1: [0], m2: [1] });
  });

  it('ignores held partitions that do not exist', () => {
    expect(numbersOf([member('m1', [7, 9]), member('m2')], { a: 2, b: 2 })).to.deep.equal({ m1: [0], m2: [1] });
  });

  it('balances topics of different sizes in each range and in all', () => {
    const assigned = assignPartitions([member('m1'), member('m2')], counts({ a: 6, b: 3 }));
    const sizes = (topic: string) => ['m1', 'm2'].map((id) => assigned.get(id)!.filter((p) => p.topic === topic).length).toSorted();
    expect(sizes('a')).to.deep.equal([3, 3]);
    expect(sizes('b')).to.deep.equal([1, 2]);
  });

  it('has an entry for members that get nothing', () => {
    expect(numbersOf([member('m1'), member('m2'), member('m3')], { a: 2, b: 2 })).to.deep.equal({ m1: [0], m2: [1], m3: [] });
  });

  it('gives a partition number only to members that subscribe to all its topics', () => {
    const assigned = assignPartitions([member('old', [], -1, ['a']), member('new')], counts({ a: 2, b: 2 }));
    expect(assigned.get('old')).to.deep.equal([]);
    expect(assigned.get('new')).to.have.length(4);
  });

  it('hands topics out one by one when nobody subscribes to all', () => {
    const assigned = assignPartitions([member('m1', [], -1, ['a']), member('m2', [], -1, ['b'])], counts({ a: 1, b: 1, c: 1 }));
    expect(assigned.get('m1')).to.deep.equal([{ topic: 'a', partition: 0 }]);
    expect(assigned.get('m2')).to.deep.equal([{ topic: 'b', partition: 0 }]);
  });

  it('assigns each partition once, together, balanced, whatever members claim and in whatever order they come', () => {
    const members = fc.uniqueArray(
      fc.record({ memberId: fc.string({ minLength: 1, maxLength: 4 }), held: fc.array(fc.nat(12), { maxLength: 8 }), generation: fc.nat(3), topics: fc.constant(['a', 'b'] as const) }),
      { minLength: 1, maxLength: 5, selector: (entry) => entry.memberId },
    );
    fc.assert(
      fc.property(members, fc.nat(10), fc.nat(10), (list, a, b) => {
        const topics = counts({ a, b });
        const assigned = assignPartitions(list, topics);
        const all = [...assigned.values()].flat().map((p) => `${p.topic}${p.partition}`);
        expect(all.toSorted()).to.deep.equal(
          [...Array.from({ length: a }, (_, p) => `a${p}`), ...Array.from({ length: b }, (_, p) => `b${p}`)].toSorted(),
        );
        const numbers = [...assigned.values()].map((partitions) => new Set(partitions.map((p) => p.partition)));
        expect(numbers.reduce((total, set) => total + set.size, 0)).to.equal(Math.max(a, b));
        const sizes = numbers.map((set) => set.size);
        expect(Math.max(...sizes) - Math.min(...sizes)).to.be.at.most(1);
        expect([...assignPartitions(list.toReversed(), topics)]).to.deep.equal([...assigned]);
      }),
    );
  });

  it('changes nothing when everybody reports what was assigned', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.nat(12), fc.nat(12), (size, a, b) => {
        const ids = Array.from({ length: size }, (_, i) => `m${i}`);
        const topics = counts({ a, b });
        const first = assignPartitions(ids.map((id) => member(id)), topics);
        const again = assignPartitions(ids.map((id) => member(id, [...new Set(first.get(id)!.map((p) => p.partition))], 2)), topics);
        expect([...again]).to.deep.equal([...first]);
      }),
    );
  });
});
