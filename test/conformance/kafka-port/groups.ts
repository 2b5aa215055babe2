import { expect } from 'chai';
import { after, it } from 'mocha';
import { filter, firstValueFrom, ReplaySubject, timeout } from 'rxjs';
import { RejoinError, StopError } from '../../../lib/core/errors.ts';
import type { GroupEvent, GroupMember, KafkaPort } from '../../../lib/kafka/port.ts';
import { failure, type Place } from './place.ts';

const GROUP_TIMES = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 6_000 };

type Assigned = Extract<GroupEvent, { type: 'assigned' }>;

export const describeGroups = (place: () => Place): void => {
  const members: GroupMember[] = [];

  const join = async (port: KafkaPort, groupId: string, topics: readonly string[], onDisk: () => readonly number[] = () => []): Promise<ReplaySubject<GroupEvent>> => {
    const member = port.group({ groupId, topics, onDisk, ...GROUP_TIMES });
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

  it('says whether a membership is the present one: not in a rebalance, not of an older generation, not of a stranger', async () => {
    const topic = await place().topic(2);
    const group = place().name('group');
    const one = await join(place().port, group, [topic]);
    const first = members.at(-1)!;
    const { membership } = await assigned(one, 2);
    expect(await first.isCurrent(membership)).to.equal(true);
    expect(await first.isCurrent({ ...membership, generation: membership.generation + 1 })).to.equal(false);
    expect(await first.isCurrent({ ...membership, memberId: 'nobody' })).to.equal(false);
    const two = await join(place().port, group, [topic]);
    const { membership: newer } = await assigned(one, 1, membership.generation);
    await assigned(two, 1);
    expect(await first.isCurrent(membership)).to.equal(false);
    expect(await first.isCurrent(newer)).to.equal(true);
  });

  it('gives what must move to a member that has it on disk, asked at each join', async () => {
    const topic = await place().topic(4);
    const group = place().name('group');
    const one = await join(place().port, group, [topic]);
    await assigned(one, 4);
    let disk: readonly number[] = [0, 3];
    const two = await join(place().port, group, [topic], () => disk);
    expect(numbers(await assigned(two, 2), topic)).to.deep.equal([0, 3]);
    const { membership } = await assigned(one, 2);
    await members.at(-1)!.leave();
    await assigned(one, 4, membership.generation);
    disk = [1, 2];
    const three = await join(place().port, group, [topic], () => disk);
    expect(numbers(await assigned(three, 2), topic)).to.deep.equal([1, 2]);
  });

  it('are listed, counted, and deleted with their positions, but not while they have members', async () => {
    const topic = await place().topic(1);
    const [empty, full, unknown] = [place().name('group'), place().name('group'), place().name('group')];
    const producer = await place().producer();
    await producer.sendOffsets(empty, [{ topic, partition: 0, offset: 5 }]);
    await producer.commit();
    await assigned(await join(place().port, full, [topic]), 1);
    const admin = place().port.admin();
    expect(await admin.committed(empty, [{ topic, partition: 0 }])).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
    expect(await admin.listGroups()).to.include.members([empty, full]).and.not.to.include(unknown);
    expect(await admin.groupSizes([empty, full, unknown])).to.deep.equal([0, 1, 0]);
    expect(await failure(admin.deleteGroups([full]))).to.be.instanceOf(StopError).with.property('message').that.includes('NON_EMPTY_GROUP');
    expect(await admin.deleteGroups([unknown, empty])).to.deep.equal([empty]);
    expect(await admin.committed(empty, [{ topic, partition: 0 }])).to.deep.equal([]);
    await admin.close();
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
