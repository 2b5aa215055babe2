import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { filter, firstValueFrom, ReplaySubject, timeout } from 'rxjs';
import { systemClock } from '../../lib/core/clock.ts';
import { RejoinError, RetryError } from '../../lib/core/errors.ts';
import type { GroupEvent, GroupMember } from '../../lib/kafka/port.ts';
import { Broker, failure, LIMITS, plain, values } from './support/kafka-broker.ts';
import { startKafkaProxy } from './support/kafka-proxy.ts';

const GROUP_TIMES = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 6_000 };

describe('the Kafka port: groups and broken connections', function () {
  this.timeout(15_000);
  let broker: Broker;

  before(() => {
    broker = new Broker('kfault');
  });

  after(() => broker.close());

  describe('groups', () => {
    const members: GroupMember[] = [];
    const newMember = (topics: readonly string[], groupId: string): { member: GroupMember; events: ReplaySubject<GroupEvent> } => {
      const member = broker.port.group({ groupId, topics, ...GROUP_TIMES });
      members.push(member);
      const events = new ReplaySubject<GroupEvent>();
      member.events$.subscribe(events);
      return { member, events };
    };
    const next = (events: ReplaySubject<GroupEvent>, holds: number): Promise<GroupEvent & { type: 'assigned' }> =>
      firstValueFrom(
        events.pipe(
          filter((event): event is GroupEvent & { type: 'assigned' } => event.type === 'assigned' && event.partitions.length === holds),
          timeout(8_000),
        ),
      );
    const numbers = (event: GroupEvent & { type: 'assigned' }, topic: string): number[] =>
      event.partitions.filter((p) => p.topic === topic).map((p) => p.partition).toSorted();

    after(async () => {
      await Promise.all(members.map((member) => member.leave()));
    });

    it('shares the partitions of co-partitioned topics and hands them back', async () => {
      const [left, right] = [await broker.newTopic(4), await broker.newTopic(4)];
      const group = `${broker.prefix}-shared`;
      const one = newMember([left, right], group);
      await one.member.join();
      const alone = await next(one.events, 8);
      expect(alone.membership.generation).to.equal(1);
      const two = newMember([left, right], group);
      await two.member.join();
      const [kept, given] = [await next(one.events, 4), await next(two.events, 4)];
      expect(numbers(kept, left)).to.deep.equal(numbers(kept, right));
      expect(numbers(given, left)).to.deep.equal(numbers(given, right));
      expect([...numbers(kept, left), ...numbers(given, left)].toSorted()).to.deep.equal([0, 1, 2, 3]);
      expect(given.membership.generation).to.equal(2);
      const producer = await broker.newProducer();
      await producer.sendOffsets(group, [{ topic: left, partition: 0, offset: 3 }], given.membership);
      await producer.commit();
      const stale = await broker.newProducer();
      expect(await failure(stale.sendOffsets(group, [{ topic: left, partition: 0, offset: 1 }], { ...kept.membership, generation: 1 }))).to.be.instanceOf(RejoinError);
      await one.member.leave();
      const back = await firstValueFrom(two.events.pipe(filter((e) => e.type === 'assigned' && e.partitions.length === 8), timeout(8_000)));
      expect(back.type).to.equal('assigned');
      await two.member.leave();
      expect(await broker.admin.committed(group, [{ topic: left, partition: 0 }])).to.deep.equal([{ topic: left, partition: 0, offset: 3 }]);
    });

    it('tells that membership is lost when its connections break, and joins again', async () => {
      const topic = await broker.newTopic(2);
      const proxy = await startKafkaProxy();
      const through = broker.portTo([proxy.address]);
      const member = through.group({ groupId: `${broker.prefix}-broken`, topics: [topic], ...GROUP_TIMES });
      const events: GroupEvent['type'][] = [];
      const assigned = new ReplaySubject<GroupEvent>();
      member.events$.subscribe((event) => {
        events.push(event.type);
        assigned.next(event);
      });
      await member.join();
      expect(events).to.deep.equal(['assigned']);
      await proxy.refuse(1_500);
      await firstValueFrom(assigned.pipe(filter((event) => event.type === 'assigned' && events.includes('lost')), timeout(10_000)));
      expect(events.slice(0, 2)).to.deep.equal(['assigned', 'lost']);
      await through.close();
      await proxy.close();
    });
  });

  describe('broken connections', () => {
    it('asks to retry, and reads and writes on when asked again', async () => {
      const topic = await broker.newTopic();
      const proxy = await startKafkaProxy();
      const through = broker.portTo([proxy.address]);
      const [throughReader, producer] = [through.reader(), await broker.newProducer(undefined, through)];
      await broker.write(producer, topic, ['a']);
      await producer.commit();
      const position = [{ topic, partition: 0, offset: 0 }];
      while ((await throughReader.fetch(position, LIMITS)).length === 0);
      const polling = throughReader.fetch([{ topic, partition: 0, offset: 2 }], { ...LIMITS, maxWaitMs: 5_000 });
      await systemClock.sleep(50);
      proxy.cut();
      expect(await failure(polling)).to.be.instanceOf(RetryError);
      const [again] = await throughReader.fetch(position, LIMITS);
      expect(values(plain(again!))).to.deep.equal(['a']);
      const fresh = await broker.newProducer(undefined, through);
      await broker.write(fresh, topic, ['b']);
      await fresh.commit();
      expect(values(await broker.readTo(topic, 4))).to.deep.equal(['a', 'b']);
      await through.close();
      await proxy.close();
    });

    it('leaves a producer dead whose commit was cut off, and the next owner finds out what became of it', async () => {
      const topic = await broker.newTopic();
      const proxy = await startKafkaProxy();
      const through = broker.portTo([proxy.address]);
      const id = `${broker.prefix}.cut`;
      const producer = await broker.newProducer(id, through);
      await broker.write(producer, topic, ['a']);
      proxy.swallow();
      const committing = producer.commit();
      await systemClock.sleep(50);
      proxy.cut();
      const thrown = await failure(committing);
      expect(thrown).to.be.instanceOf(RetryError);
      expect(await failure(producer.abort())).to.equal(thrown);
      const heir = await broker.newProducer(id);
      await broker.write(heir, topic, ['b']);
      await heir.commit();
      expect(values(await broker.readTo(topic, 4))).to.deep.equal(['a', 'b']);
      await through.close();
      await proxy.close();
    });

    it('gives a silent broker up after the request timeout', async () => {
      const topic = await broker.newTopic();
      const proxy = await startKafkaProxy();
      const through = broker.portTo([proxy.address], { requestTimeoutMs: 500 });
      const quiet = through.reader();
      expect(await quiet.startOffsets([{ topic, partition: 0 }])).to.have.length(1);
      proxy.swallow();
      expect(await failure(quiet.startOffsets([{ topic, partition: 0 }]))).to.be.instanceOf(RetryError);
      proxy.cut();
      expect(await quiet.startOffsets([{ topic, partition: 0 }])).to.have.length(1);
      await through.close();
      await proxy.close();
    });
  });
});
