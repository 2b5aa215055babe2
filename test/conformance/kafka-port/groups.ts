import { expect } from 'chai';
import { after, it } from 'mocha';
import { filter, firstValueFrom, ReplaySubject, timeout } from 'rxjs';
import { RejoinError } from '../../../lib/core/errors.ts';
import type { GroupEvent, GroupMember, KafkaPort } from '../../../lib/kafka/port.ts';
import { failure, type Place } from './place.ts';

const GROUP_TIMES = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 6_000 };

type Assigned = Extract<GroupEvent, { type: 'assigned' }>;

export const describeGroups = (place: () => Place): void => {
  const members: GroupMember[] = [];

  const join = async (port: KafkaPort, groupId: string, topics: readonly string[]): Promise<ReplaySubject<GroupEvent>> => {
    const member = port.group({ groupId, topics, ...GROUP_TIMES });
    members.push(member);
    const events = new ReplaySubject<GroupEvent>();
    member.events$.subscribe(events);
    await member.join();
    return events;
  };
  const assigned = (events: ReplaySubject<GroupEvent>, holds: number, after = 0): Promise<Assigned> =>
    firstValueFrom(events.pipe(filter((e): e is Assigned => e.type === 'assigned' && e.partitions.length === holds && e.membership.generation > after), timeout(10_000)));
  const numbers = ({ partitions }: Assigned, topic: string): number[] => partitions.filter((p) => p.topic === topic).map((p) => p.partition).toSorted();

  after(async () => {
    await Promise.all(members.map((member) => member.leave()));
  });

  it('shares the partitions of co-partitioned topics, keeps what was held, and hands all of it back', async () => {
    const [left, right] = [await place().topic(4), await place().topic(4)];
    const group = place().name('group');
    const one = await join(place().port, group, [left, right]);
    const alone = await assigned(one, 8);
    expect(alone.membership.generation).to.equal(1);
    const two = await join(place().port, group, [left, right]);
    const [kept, given] = [await assigned(one, 4), await assigned(two, 4)];
    expect(numbers(kept, left)).to.deep.equal(numbers(kept, right));
    expect(numbers(given, left)).to.deep.equal(numbers(given, right));
    expect([...numbers(kept, left), ...numbers(given, left)].toSorted()).to.deep.equal([0, 1, 2, 3]);
    expect(given.membership.generation).to.equal(kept.membership.generation);
    const producer = await place().producer();
    await producer.sendOffsets(group, [{ topic: left, partition: 0, offset: 3 }], given.membership);
    await producer.commit();
    const stale = await place().producer();
    expect(await failure(stale.sendOffsets(group, [{ topic: left, partition: 0, offset: 1 }], { ...kept.membership, generation: 1 }))).to.be.instanceOf(RejoinError);
    await members.at(-2)!.leave();
    const back = await assigned(two, 8, given.membership.generation);
    expect(numbers(back, left)).to.deep.equal([0, 1, 2, 3]);
  });

  it('tells of a rebalance before it tells of the new assignment', async () => {
    const topic = await place().topic(2);
    const group = place().name('group');
    const one = await join(place().port, group, [topic]);
    await assigned(one, 2);
    const two = await join(place().port, group, [topic]);
    await assigned(two, 1);
    await assigned(one, 1);
    const seen: string[] = [];
    one.subscribe(({ type }) => seen.push(type)).unsubscribe();
    expect(seen.slice(0, 3)).to.deep.equal(['assigned', 'rebalancing', 'assigned']);
  });

  it('tells that membership is lost when its connections break, and joins again by itself', async () => {
    const topic = await place().topic(2);
    const disturbed = await place().subject.disturbed(2_000);
    const events = await join(disturbed.port, place().name('group'), [topic]);
    const { membership } = await assigned(events, 2);
    await disturbed.refuse(1_500);
    await assigned(events, 2, membership.generation);
    const seen: string[] = [];
    events.subscribe(({ type }) => seen.push(type)).unsubscribe();
    expect(seen.slice(0, 2)).to.deep.equal(['assigned', 'lost']);
    await disturbed.port.close();
  });
};
