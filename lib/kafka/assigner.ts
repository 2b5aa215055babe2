/**
 * Hands partitions to the members of a group. The unit is a partition number: partition p of all the topics goes to one member, since a
 * task needs them together. Balanced, sticky where balance allows, and the same for the same input. What must move goes to a member that
 * has its state on disk, where one has room: so a worker that comes back gets the tasks that it had.
 */
import type { TopicPartition } from './port.ts';

export interface AssignedMember {
  readonly memberId: string;
  readonly topics: readonly string[];
  /** Partition numbers it held when it asked to join, in the order in which it got them: what it got last it gives up first. */
  readonly held: readonly number[];
  /** The generation in which it held them; a newer claim wins over an older one. */
  readonly generation: number;
  /** Partition numbers whose state lies on its disk. */
  readonly onDisk: readonly number[];
}

/** What a member holds now, in the order in which it got it. */
export const inOrderHeld = (before: readonly number[], now: readonly TopicPartition[]): number[] => {
  const numbers = new Set(now.map(({ partition }) => partition));
  return [...new Set([...before.filter((partition) => numbers.has(partition)), ...numbers])];
};

/**
 * Every member gets an entry. Partition numbers that exist in the same topics are spread so that members differ by one at most, in each such range
 * and in all. A partition number goes only to members that subscribe to all topics that have it; where there is none, its topics are
 * handed out one by one to members that subscribe to them, and left out when nobody does.
 */
export const assignPartitions = (members: readonly AssignedMember[], partitionCounts: ReadonlyMap<string, number>): Map<string, TopicPartition[]> => {
  const sorted = members.toSorted((a, b) => (a.memberId < b.memberId ? -1 : 1));
  const result = new Map<string, TopicPartition[]>(sorted.map((member) => [member.memberId, []]));
  const totals = new Map<string, number>(sorted.map((member) => [member.memberId, 0]));
  for (const range of rangesOf(partitionCounts)) {
    for (const { topics, eligible } of splitBySubscription(range.topics, sorted)) {
      for (const [partition, memberId] of assignRange(range, eligible, totals)) {
        result.get(memberId)!.push(...topics.map((topic) => ({ topic, partition })));
      }
    }
  }
  return result;
};

/** Consecutive partition numbers that exist in the same topics. */
interface Range {
  readonly from: number;
  readonly to: number;
  readonly topics: readonly string[];
}

const rangesOf = (partitionCounts: ReadonlyMap<string, number>): Range[] => {
  const topics = [...partitionCounts.keys()].toSorted();
  const bounds = [...new Set(partitionCounts.values())].filter((count) => count > 0).toSorted((a, b) => a - b);
  return bounds.map((to, i) => ({ from: bounds[i - 1] ?? 0, to, topics: topics.filter((topic) => partitionCounts.get(topic)! >= to) }));
};

const splitBySubscription = (topics: readonly string[], members: readonly AssignedMember[]): { topics: readonly string[]; eligible: readonly AssignedMember[] }[] => {
  const toAll = members.filter((member) => topics.every((topic) => member.topics.includes(topic)));
  if (toAll.length > 0) return [{ topics, eligible: toAll }];
  return topics
    .map((topic) => ({ topics: [topic], eligible: members.filter((member) => member.topics.includes(topic)) }))
    .filter(({ eligible }) => eligible.length > 0);
};

const assignRange = (range: Range, members: readonly AssignedMember[], totals: Map<string, number>): [partition: number, memberId: string][] => {
  const claims = claimsIn(range, members);
  const quotas = quotasOf(range, members, totals, claims);
  const holders = new Map<number, string>();
  const counts = new Map(members.map(({ memberId }) => [memberId, 0]));
  const give = (partition: number, memberId: string): void => {
    holders.set(partition, memberId);
    counts.set(memberId, counts.get(memberId)! + 1);
  };
  for (const [partition, memberId] of returning(range, members, claims, quotas)) give(partition, memberId);
  for (const [memberId, held] of claims) {
    for (const partition of held) if (!holders.has(partition) && counts.get(memberId)! < quotas.get(memberId)!) give(partition, memberId);
  }
  let next = 0;
  for (let partition = range.from; partition < range.to; partition += 1) {
    if (holders.has(partition)) continue;
    while (counts.get(members[next]!.memberId)! >= quotas.get(members[next]!.memberId)!) next += 1;
    give(partition, members[next]!.memberId);
  }
  for (const [memberId, count] of counts) totals.set(memberId, totals.get(memberId)! + count);
  return [...holders].toSorted(([a], [b]) => a - b);
};

/**
 * What moves to a member that has it on disk: partitions that nobody holds, and of what a member holds above its quota as much as that.
 * One whose place is taken displaces another that has a second place, so that few are left without.
 */
const returning = (range: Range, members: readonly AssignedMember[], claims: ReadonlyMap<string, readonly number[]>, quotas: ReadonlyMap<string, number>): Map<number, string> => {
  const owners = new Set([...claims.values()].flat());
  const surplus = new Map([...claims].map(([memberId, held]) => [memberId, Math.max(0, held.length - quotas.get(memberId)!)]));
  const rooms = members
    .map(({ memberId, onDisk }) => ({ memberId, onDisk: new Set(onDisk), room: Math.max(0, quotas.get(memberId)! - claims.get(memberId)!.length) }))
    .filter(({ room }) => room > 0);
  const places = new Map<number, string>();
  const place = (partition: number, tried: Set<string>): boolean => {
    for (const { memberId, onDisk, room } of rooms) {
      if (!onDisk.has(partition) || tried.has(memberId)) continue;
      tried.add(memberId);
      const there = [...places].filter(([, holder]) => holder === memberId);
      if (there.length < room || there.some(([other]) => place(other, tried))) {
        places.set(partition, memberId);
        return true;
      }
    }
    return false;
  };
  for (let partition = range.from; partition < range.to; partition += 1) if (!owners.has(partition)) place(partition, new Set());
  for (const [memberId, held] of claims) {
    for (const partition of held.toReversed()) {
      if (surplus.get(memberId) === 0) break;
      if (place(partition, new Set())) surplus.set(memberId, surplus.get(memberId)! - 1);
    }
  }
  return places;
};

/** What each member may keep: of two that claim the same partition, the one with the newer claim. */
const claimsIn = (range: Range, members: readonly AssignedMember[]): Map<string, number[]> => {
  const holders = new Map<number, AssignedMember>();
  for (const member of members) {
    for (const partition of member.held) {
      if (partition < range.from || partition >= range.to) continue;
      const other = holders.get(partition);
      if (other === undefined || member.generation > other.generation) holders.set(partition, member);
    }
  }
  const claims = new Map<string, number[]>();
  for (const member of members) claims.set(member.memberId, [...new Set(member.held)].filter((partition) => holders.get(partition) === member));
  return claims;
};

/** An equal share for all; what is left over goes to those who have least so far, among them to those who hold most, then to those with most on disk. */
const quotasOf = (range: Range, members: readonly AssignedMember[], totals: ReadonlyMap<string, number>, claims: ReadonlyMap<string, readonly number[]>): Map<string, number> => {
  const units = range.to - range.from;
  const share = Math.floor(units / members.length);
  const quotas = new Map<string, number>(members.map((member) => [member.memberId, share]));
  const onDisk = new Map(members.map((member) => [member.memberId, new Set(member.onDisk.filter((p) => p >= range.from && p < range.to)).size]));
  const inTurn = members.toSorted((a, b) =>
    totals.get(a.memberId)! - totals.get(b.memberId)!
    || claims.get(b.memberId)!.length - claims.get(a.memberId)!.length
    || onDisk.get(b.memberId)! - onDisk.get(a.memberId)!
    || (a.memberId < b.memberId ? -1 : 1));
  for (const { memberId } of inTurn.slice(0, units % members.length)) quotas.set(memberId, share + 1);
  return quotas;
};
