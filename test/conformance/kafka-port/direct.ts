import { expect } from 'chai';
import { after, it } from 'mocha';
import { filter, firstValueFrom, ReplaySubject, timeout } from 'rxjs';
import { RejoinError, StopError } from '../../../lib/core/errors.ts';
import type { GroupEvent, GroupMember, Membership, Position, TaskProducer } from '../../../lib/kafka/port.ts';
import { failure, values, type Place } from './place.ts';

const GROUP_TIMES = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 6_000 };
const NO_MEMBER = (): null => null;

/** The at-least-once way: what is sent counts at once. */
export const describeDirect = (place: () => Place): void => {
  const members: GroupMember[] = [];

  const producer = async (id = place().name('id'), membership: () => Membership | null = NO_MEMBER): Promise<TaskProducer> => {
    const made = place().port.directProducer(id, { transactionTimeoutMs: 20_000, membership });
    await made.init();
    return made;
  };
  const joined = async (group: string, topic: string): Promise<Membership> => {
    const member = place().port.group({ groupId: group, topics: [topic], ...GROUP_TIMES });
    members.push(member);
    const events = new ReplaySubject<GroupEvent>();
    member.events$.subscribe(events);
    await member.join();
    const assigned = await firstValueFrom(events.pipe(filter((event) => event.type === 'assigned'), timeout(10_000)));
    return (assigned as Extract<GroupEvent, { type: 'assigned' }>).membership;
  };
  const committed = async (group: string, topic: string): Promise<readonly Position[]> => {
    const admin = place().port.admin();
    return admin.committed(group, [{ topic, partition: 0 }]).finally(() => admin.close());
  };

  after(() => Promise.all(members.map((member) => member.leave())));

  it('shows records to readers of committed ones as soon as they are sent, in order, with no marker behind them', async () => {
    const topic = await place().topic();
    const direct = await producer();
    await place().write(direct, topic, ['a', 'b']);
    await place().write(direct, topic, ['c']);
    expect(await place().ends(topic)).to.deep.equal([3, 3]);
    expect(values(await place().read(topic, 3))).to.deep.equal(['a', 'b', 'c']);
    await direct.commit();
    expect(await place().ends(topic)).to.deep.equal([3, 3]);
  });

  it('aborts the open transaction of an owner with transactions, and shuts it out', async () => {
    const topic = await place().topic();
    const id = place().name('id');
    const old = await place().producer(id);
    await place().write(old, topic, ['lost']);
    const direct = await producer(id);
    expect(await place().ends(topic), 'the transaction has ended by the time that init returns').to.deep.equal([2, 2]);
    await place().write(direct, topic, ['kept']);
    expect(await failure(old.commit())).to.be.instanceOf(RejoinError);
    expect(values(await place().read(topic, 3))).to.deep.equal(['kept']);
  });

  it('refuses records of an older owner where the newer one has written', async () => {
    const [topic, other] = [await place().topic(), await place().topic()];
    const id = place().name('id');
    const old = await producer(id);
    await place().write(old, topic, ['first']);
    const next = await producer(id);
    await place().write(next, topic, ['second']);
    const fenced = await failure(place().write(old, topic, ['zombie']));
    expect(fenced).to.be.instanceOf(RejoinError);
    expect(await failure(old.commit()), 'a producer stays dead').to.equal(fenced);
    expect(values(await place().read(topic, 2))).to.deep.equal(['first', 'second']);
    await place().write(next, other, ['on']);
    expect(values(await place().read(other, 1))).to.deep.equal(['on']);
  });

  it('commits offsets at once as a member of the present generation, and as nobody else', async () => {
    const topic = await place().topic();
    const group = place().name('group');
    const membership = await joined(group, topic);
    const direct = await producer(undefined, () => membership);
    await direct.sendOffsets(group, [{ topic, partition: 0, offset: 5, metadata: 'noted' }]);
    expect(await committed(group, topic)).to.deep.equal([{ topic, partition: 0, offset: 5, metadata: 'noted' }]);
    for (const stale of [{ ...membership, generation: membership.generation - 1 }, { ...membership, memberId: 'nobody' }, null]) {
      const zombie = await producer(undefined, () => stale);
      expect(await failure(zombie.sendOffsets(group, [{ topic, partition: 0, offset: 3 }])), JSON.stringify(stale)).to.be.instanceOf(RejoinError);
    }
    expect(await committed(group, topic)).to.deep.equal([{ topic, partition: 0, offset: 5, metadata: 'noted' }]);
  });

  it('takes calls in their order only', async () => {
    const topic = await place().topic();
    const direct = place().port.directProducer(place().name('id'), { transactionTimeoutMs: 20_000, membership: NO_MEMBER });
    expect(await failure(direct.commit())).to.be.instanceOf(StopError);
    await direct.init();
    const sending = place().write(direct, topic, ['a']);
    expect(await failure(direct.commit())).to.be.instanceOf(StopError);
    await sending;
    await direct.close();
    expect(await failure(direct.commit())).to.be.instanceOf(StopError);
  });
};
