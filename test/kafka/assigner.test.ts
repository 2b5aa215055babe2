import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { assignPartitions, inOrderHeld, type AssignedMember } from '../../lib/kafka/assigner.ts';

const member = (memberId: string, held: readonly number[] = [], generation = held.length > 0 ? 1 : -1, topics: readonly string[] = ['a', 'b']): AssignedMember => ({
  memberId,
  topics,
  held,
  generation,
  onDisk: [],
});

const withDisk = (entry: AssignedMember, onDisk: readonly number[]): AssignedMember => ({ ...entry, onDisk });

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
    expect(numbersOf([member('m1', [0, 1], 4), member('m2', [1, 0], 7)], { a: 2, b: 2 })).to.deep.equal({ m1: [0], m2: [1] });
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
      fc.record({ memberId: fc.string({ minLength: 1, maxLength: 4 }), held: fc.array(fc.nat(12), { maxLength: 8 }), generation: fc.nat(3), topics: fc.constant(['a', 'b'] as const), onDisk: fc.array(fc.nat(12), { maxLength: 8 }) }),
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

  it('gives a worker that comes back what it has on disk, though the others have it there too by now', () => {
    const w1 = withDisk(member('w1'), [2, 4]);
    const w2 = withDisk(member('w2', [0, 1, 2], 5), [0, 1, 2]);
    const w3 = withDisk(member('w3', [3, 4, 5], 5), [3, 4, 5]);
    expect(numbersOf([w1, w2, w3], { a: 6, b: 6 })).to.deep.equal({ w1: [2, 4], w2: [0, 1], w3: [3, 5] });
  });

  it('spreads what a worker has left over those who have it on disk, as far as they have room', () => {
    const w2 = withDisk(member('w2', [0, 1], 5), [0, 1, 5]);
    const w3 = withDisk(member('w3', [2, 3], 5), [2, 3]);
    expect(numbersOf([w2, w3], { a: 6, b: 6 })).to.deep.equal({ w2: [0, 1, 5], w3: [2, 3, 4] });
  });

  it('lets nobody take what another holds within its share, whatever is on disk', () => {
    expect(numbersOf([withDisk(member('m1', [0, 1]), [2, 3]), withDisk(member('m2', [2, 3]), [0, 1])], { a: 4, b: 4 })).to.deep.equal({ m1: [0, 1], m2: [2, 3] });
  });

  it('gives up a place on one disk for a second place on another', () => {
    expect(numbersOf([withDisk(member('m1'), [0, 1]), withDisk(member('m2'), [0])], { a: 2, b: 2 })).to.deep.equal({ m1: [1], m2: [0] });
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

  describe('of any group', () => {
    interface Group {
      readonly units: number;
      readonly members: readonly AssignedMember[];
    }
    /** Each partition number has one holder at most; disks hold anything. */
    const groups: fc.Arbitrary<Group> = fc.integer({ min: 1, max: 6 }).chain((size) => fc.record({
      units: fc.integer({ min: 0, max: 16 }),
      holders: fc.array(fc.option(fc.nat(size - 1)), { minLength: 16, maxLength: 16 }),
      disks: fc.array(fc.uniqueArray(fc.nat(15)), { minLength: size, maxLength: size }),
    }).map(({ units, holders, disks }) => ({
      units,
      members: disks.map((disk, i) => withDisk(member(`m${i}`, holders.flatMap((holder, p) => (holder === i && p < units ? [p] : [])), 3), disk)),
    })));
    const holdersOf = ({ units, members }: Group): Map<number, AssignedMember> => {
      const assigned = assignPartitions(members, counts({ a: units, b: units }));
      return new Map(members.flatMap((entry) => assigned.get(entry.memberId)!.map(({ partition }) => [partition, entry] as const)));
    };

    it('moves as few as balance allows', () => {
      fc.assert(fc.property(groups, (group) => {
        const after = holdersOf(group);
        const moved = group.members.flatMap(({ memberId, held }) => held.filter((p) => after.get(p)!.memberId !== memberId)).length;
        // Who holds most has the larger shares; what is above a share has to go.
        const share = Math.floor(group.units / group.members.length);
        const larger = group.units % group.members.length;
        const sizes = group.members.map(({ held }) => held.length).toSorted((a, b) => b - a);
        expect(moved).to.equal(sizes.reduce((sum, size, i) => sum + Math.max(0, size - share - (i < larger ? 1 : 0)), 0));
      }));
    });

    it('leaves nothing moved that two moves put the other way round would bring to a disk', () => {
      fc.assert(fc.property(groups, (group) => {
        const after = holdersOf(group);
        const before = (p: number): AssignedMember | undefined => group.members.find(({ held }) => held.includes(p));
        const elsewhere = [...after].filter(([p, holder]) => before(p) !== holder && !holder.onDisk.includes(p));
        for (const [p, holder] of elsewhere) {
          // Neither another that came from the same member or from nobody, and lies without a disk too...
          for (const [q, other] of elsewhere) expect(other !== holder && other.onDisk.includes(p) && before(q) === before(p), `${p} and ${q}`).to.equal(false);
          // ...nor one that its former holder has kept instead.
          for (const q of before(p)?.held ?? []) expect(after.get(q) === before(p) && holder.onDisk.includes(q), `${p} instead of ${q}`).to.equal(false);
        }
      }));
    });

    it('brings every worker its own tasks back in a rolling restart, however many disks a task has been on', () => {
      fc.assert(fc.property(fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 4 }), fc.array(fc.nat(4), { minLength: 1, maxLength: 8 }), (size, share, turns) => {
        const topics = counts({ a: size * share });
        const held = new Map<string, number[]>(Array.from({ length: size }, (_, i) => [`m${i}`, []]));
        const disks = new Map([...held.keys()].map((id) => [id, new Set<number>()]));
        let generation = 0;
        const assign = (): void => {
          generation += 1;
          const assigned = assignPartitions([...held].map(([id, numbers]) => ({ memberId: id, topics: ['a'], held: numbers, generation, onDisk: [...disks.get(id)!] })), topics);
          for (const [id, numbers] of held) held.set(id, inOrderHeld(numbers, assigned.get(id)!));
          for (const [id, numbers] of held) for (const p of numbers) disks.get(id)!.add(p);
        };
        assign();
        const sorted = (): Record<string, number[]> => Object.fromEntries([...held].map(([id, numbers]) => [id, numbers.toSorted((a, b) => a - b)]));
        const first = sorted();
        for (const turn of turns) {
          const id = `m${turn % size}`;
          held.delete(id);
          assign();
          held.set(id, []);
          assign();
          expect(sorted()).to.deep.equal(first);
        }
      }));
    });

    it('brings every worker of a group that was at rest its own tasks back', () => {
      fc.assert(fc.property(fc.integer({ min: 2, max: 5 }), fc.nat(16), fc.nat(4), (size, units, leaver) => {
        const topics = counts({ a: units, b: units });
        const numbers = (assigned: ReturnType<typeof assignPartitions>, id: string): number[] => [...new Set(assigned.get(id)!.map(({ partition }) => partition))];
        const ids = Array.from({ length: size }, (_, i) => `m${i}`);
        const gone = ids[leaver % size]!;
        const rest = ids.filter((id) => id !== gone);
        const first = assignPartitions(ids.map((id) => member(id)), topics);
        const without = assignPartitions(rest.map((id) => withDisk(member(id, numbers(first, id), 1), numbers(first, id))), topics);
        for (const id of rest) expect(numbers(without, id)).to.include.members(numbers(first, id));
        const again = assignPartitions([
          withDisk(member('a-new-id'), numbers(first, gone)),
          ...rest.map((id) => withDisk(member(id, numbers(without, id), 2), numbers(without, id))),
        ], topics);
        expect(numbers(again, 'a-new-id').every((p) => numbers(first, gone).includes(p))).to.equal(true);
        expect(numbers(again, 'a-new-id').length).to.be.at.least(Math.floor(units / size));
        for (const id of rest) expect(numbers(without, id)).to.include.members(numbers(again, id));
      }));
    });
  });
});
