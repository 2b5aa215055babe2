/**
 * What every port to Kafka does, whatever is behind it: run on the cluster in memory and on a real broker, so that what is
 * simulated on the one is true of the other.
 */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { filter, firstValueFrom, ReplaySubject, timeout } from 'rxjs';
import { systemClock } from '../../lib/core/clock.ts';
import { RejoinError, RetryError } from '../../lib/core/errors.ts';
import { OffsetOutOfRangeError } from '../../lib/kafka/errors.ts';
import type { FetchedBatch, GroupEvent, GroupMember, KafkaPort, TransactionalProducer } from '../../lib/kafka/port.ts';

/** A port whose way to the broker can be disturbed. */
export interface DisturbedPort {
  readonly port: KafkaPort;
  /** Requests no longer arrive... */
  hold(): void;
  /** ...and now those that were held do. */
  release(): void;
  /** Every connection breaks, and none can be made for a while. */
  refuse(forMs: number): Promise<void>;
}

export interface PortSubject {
  /** Begins the names of topics, groups and transactional ids. */
  readonly prefix: string;
  readonly port: KafkaPort;
  disturbed(requestTimeoutMs: number): Promise<DisturbedPort>;
  /** Fills a compacted topic of one partition, whose records of 20 keys then have gaps between them; returns the latest value of each key. */
  compacted(topic: string): Promise<Readonly<Record<string, string>>>;
  /** Longest time in which a transaction that has timed out is aborted, ms. */
  readonly abortMs: number;
  /** Leaves none of these topics behind. */
  close(topics: readonly string[]): Promise<void>;
}

const LIMITS = { maxWaitMs: 100, maxBytes: 8_000_000, maxBytesPerPartition: 1_000_000 };
const GROUP_TIMES = { sessionTimeoutMs: 6_000, heartbeatIntervalMs: 200, rebalanceTimeoutMs: 6_000 };

interface Read {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
}

const recordsOf = (batch: FetchedBatch): Read[] =>
  Array.from({ length: batch.count }, (_, i) => ({ offset: batch.offset(i), key: batch.key(i)?.toString() ?? null, value: batch.value(i)?.toString() ?? null }));

const failure = async (work: Promise<unknown>): Promise<unknown> => {
  try {
    await work;
  } catch (thrown) {
    return thrown;
  }
  throw new Error('expected a rejection');
};

/** Names and calls that the cases share. */
class Place {
  readonly subject: PortSubject;
  readonly port: KafkaPort;
  readonly topics: string[] = [];
  #names = 0;

  constructor(subject: PortSubject) {
    this.subject = subject;
    this.port = subject.port;
  }

  name(kind: string): string {
    this.#names += 1;
    return `${this.subject.prefix}-${kind}-${this.#names}`;
  }

  async topic(partitions = 1, config: Record<string, string> = {}): Promise<string> {
    const topic = this.name('topic');
    this.topics.push(topic);
    const admin = this.port.admin();
    await admin.createTopics([{ topic, partitions, replicationFactor: 1, config }]);
    await admin.close();
    return topic;
  }

  async producer(id = this.name('id'), port = this.port, transactionTimeoutMs = 20_000): Promise<TransactionalProducer> {
    const producer = port.producer(id, { transactionTimeoutMs });
    await producer.init();
    return producer;
  }

  async write(producer: TransactionalProducer, topic: string, values: readonly string[]): Promise<void> {
    const batch = producer.batch();
    for (const value of values) batch.append(topic, 0, 'key', value, systemClock.now());
    await producer.send(batch);
  }

  async ends(topic: string): Promise<readonly [stable: number, high: number]> {
    const admin = this.port.admin();
    const [stable] = await admin.endOffsets([{ topic, partition: 0 }], 'read_committed');
    const [high] = await admin.endOffsets([{ topic, partition: 0 }], 'read_uncommitted');
    await admin.close();
    return [stable!.offset, high!.offset];
  }

  /** Reads partition 0 until the position is `end`. */
  async read(topic: string, end: number, from = 0): Promise<Read[]> {
    const reader = this.port.reader();
    const records: Read[] = [];
    for (let offset = from, rounds = 0; offset < end; rounds += 1) {
      if (rounds > 200) throw new Error(`stuck at ${offset} of ${end}`);
      for (const batch of await reader.fetch([{ topic, partition: 0, offset }], LIMITS)) {
        expect(batch.nextOffset).to.be.above(offset);
        offset = batch.nextOffset;
        records.push(...recordsOf(batch));
      }
    }
    await reader.close();
    return records;
  }

  async until(holds: () => Promise<boolean>, withinMs: number): Promise<void> {
    const deadline = systemClock.monotonic() + withinMs;
    while (!(await holds())) {
      if (systemClock.monotonic() > deadline) throw new Error(`not in ${withinMs} ms`);
      await systemClock.sleep(20);
    }
  }
}

const values = (records: readonly Read[]): (string | null)[] => records.map(({ value }) => value);

const describeTransactions = (place: () => Place): void => {
  it('fences the old owner and aborts its transaction when a new one initialises, and its owners only grow', async () => {
    const topic = await place().topic();
    const group = place().name('group');
    const id = place().name('id');
    const old = place().port.producer(id, { transactionTimeoutMs: 20_000 });
    const first = await old.init();
    await place().write(old, topic, ['lost']);
    await old.sendOffsets(group, [{ topic, partition: 0, offset: 7 }]);
    const next = place().port.producer(id, { transactionTimeoutMs: 20_000 });
    const second = await next.init();
    expect(second.producerId > first.producerId || (second.producerId === first.producerId && second.epoch > first.epoch)).to.equal(true);
    expect(await place().ends(topic), 'the transaction has ended by the time that init returns').to.deep.equal([2, 2]);
    const admin = place().port.admin();
    expect(await admin.committed(group, [{ topic, partition: 0 }])).to.deep.equal([]);
    const fenced = await failure(old.commit());
    expect(fenced).to.be.instanceOf(RejoinError);
    expect(await failure(old.send(old.batch())), 'a producer stays dead').to.equal(fenced);
    await place().write(next, topic, ['kept']);
    await next.commit();
    expect(values(await place().read(topic, 4))).to.deep.equal(['kept']);
  });

  for (const [name, act] of [
    ['send', (p: TransactionalProducer, topic: string) => place().write(p, topic, ['x'])],
    ['sendOffsets', (p: TransactionalProducer, topic: string) => p.sendOffsets(`${topic}-group`, [{ topic, partition: 0, offset: 1 }])],
  ] as const) {
    it(`fences a ${name} of an old owner`, async () => {
      const topic = await place().topic();
      const id = place().name('id');
      const old = await place().producer(id);
      await place().producer(id);
      expect(await failure(act(old, topic))).to.be.instanceOf(RejoinError);
      expect(await place().ends(topic)).to.deep.equal([0, 0]);
    });
  }

  it('ends at the last stable offset for readers, and tells the high watermark', async () => {
    const topic = await place().topic();
    const [open, done] = [await place().producer(), await place().producer()];
    await place().write(done, topic, ['before']);
    await done.commit();
    await place().read(topic, 2);
    await place().write(open, topic, ['pending']);
    await place().write(done, topic, ['behind']);
    await done.commit();
    await place().until(async () => (await place().ends(topic))[1] === 5, 2_000);
    expect(await place().ends(topic)).to.deep.equal([2, 5]);
    const reader = place().port.reader();
    const [batch] = await reader.fetch([{ topic, partition: 0, offset: 0 }], LIMITS);
    expect([batch!.highWatermark, batch!.lastStableOffset, batch!.nextOffset]).to.deep.equal([5, 2, 2]);
    expect(await reader.fetch([{ topic, partition: 0, offset: 2 }], LIMITS)).to.deep.equal([]);
    await open.commit();
    expect(values(await place().read(topic, 6, 2))).to.deep.equal(['pending', 'behind']);
    expect(await place().ends(topic)).to.deep.equal([6, 6]);
  });

  it('never shows aborted records, and shows committed ones around them, from wherever it reads', async () => {
    const topic = await place().topic();
    const [one, other] = [await place().producer(), await place().producer()];
    await place().write(one, topic, ['a1', 'a2']);
    await place().write(other, topic, ['b1']);
    await one.abort();
    await place().until(async () => (await place().ends(topic))[1] === 4, 2_000);
    await place().write(one, topic, ['c1']);
    await other.commit();
    await place().until(async () => (await place().ends(topic))[1] === 6, 2_000);
    await one.commit();
    await place().until(async () => (await place().ends(topic))[1] === 7, 2_000);
    await place().write(one, topic, ['d1']);
    await one.abort();
    const expected = [['b1', 2], ['c1', 4]] as const;
    await place().until(async () => (await place().ends(topic))[0] === 9, 2_000);
    for (let from = 0; from < 9; from += 1) {
      expect((await place().read(topic, 9, from)).map(({ value, offset }) => [value, offset])).to.deep.equal(expected.filter(([, offset]) => offset >= from));
    }
  });

  it('shows committed offsets after the transaction, none of an aborted one, and waits while one is pending', async () => {
    const topic = await place().topic(2);
    const group = place().name('group');
    const partitions = [{ topic, partition: 0 }, { topic, partition: 1 }];
    const admin = place().port.admin();
    const producer = await place().producer();
    expect(await admin.committed(group, partitions)).to.deep.equal([]);
    await producer.sendOffsets(group, [{ topic, partition: 0, offset: 5 }]);
    const pending = admin.committed(group, partitions);
    expect(await Promise.race([pending, systemClock.sleep(200).then(() => 'waits')])).to.equal('waits');
    await producer.commit();
    expect(await pending).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
    await producer.sendOffsets(group, [{ topic, partition: 0, offset: 9 }, { topic, partition: 1, offset: 1 }]);
    await producer.abort();
    expect(await admin.committed(group, partitions)).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
  });

  it('refuses offsets of a member that the group does not know', async () => {
    const topic = await place().topic();
    const producer = await place().producer();
    expect(await failure(producer.sendOffsets(place().name('group'), [{ topic, partition: 0, offset: 1 }], { memberId: 'nobody', generation: 7 }))).to.be.instanceOf(RejoinError);
  });

  it('aborts a transaction that is left open too long, and fences its producer', async () => {
    const topic = await place().topic();
    const producer = await place().producer(undefined, undefined, 1_000);
    await place().write(producer, topic, ['lost']);
    await place().until(async () => (await place().ends(topic))[0] === 2, place().subject.abortMs);
    expect(await failure(producer.commit())).to.be.instanceOf(RejoinError);
    expect(await place().read(topic, 2)).to.deep.equal([]);
  });

  it('takes the end of a transaction that comes late, where nobody else has initialised', async () => {
    const topic = await place().topic();
    const disturbed = await place().subject.disturbed(500);
    const producer = await place().producer(undefined, disturbed.port);
    await place().write(producer, topic, ['late']);
    disturbed.hold();
    expect(await failure(producer.commit())).to.be.instanceOf(RetryError);
    expect(await place().ends(topic)).to.deep.equal([0, 1]);
    disturbed.release();
    expect(values(await place().read(topic, 2))).to.deep.equal(['late']);
    await disturbed.port.close();
  });

  it('lets the end of a transaction that comes late end nothing of a newer owner', async () => {
    const topic = await place().topic();
    const id = place().name('id');
    const disturbed = await place().subject.disturbed(500);
    const old = await place().producer(id, disturbed.port);
    await place().write(old, topic, ['old']);
    disturbed.hold();
    const unknown = await failure(old.commit());
    expect(unknown).to.be.instanceOf(RetryError);
    expect(await failure(old.abort()), 'its outcome is unknown, and it stays so').to.equal(unknown);
    const next = await place().producer(id);
    await place().write(next, topic, ['new']);
    disturbed.release();
    await systemClock.sleep(300);
    // The old record, the marker that aborts it, and the new record, which waits for its own end.
    expect(await place().ends(topic)).to.deep.equal([2, 3]);
    await next.commit();
    expect(values(await place().read(topic, 4))).to.deep.equal(['new']);
    await disturbed.port.close();
  });
};

const describeLogs = (place: () => Place): void => {
  it('rejects with the positions that the log does not hold', async () => {
    const topic = await place().topic();
    const producer = await place().producer();
    await place().write(producer, topic, ['a', 'b', 'c']);
    await producer.commit();
    await place().read(topic, 4);
    const admin = place().port.admin();
    await admin.deleteRecordsBefore([{ topic, partition: 0, offset: 2 }]);
    expect(await admin.startOffsets([{ topic, partition: 0 }])).to.deep.equal([{ topic, partition: 0, offset: 2 }]);
    for (const offset of [1, 50]) {
      const thrown = await failure(place().port.reader().fetch([{ topic, partition: 0, offset }], LIMITS));
      expect(thrown).to.be.instanceOf(OffsetOutOfRangeError);
      expect((thrown as OffsetOutOfRangeError).positions).to.deep.equal([{ topic, partition: 0, offset }]);
    }
    expect(values(await place().read(topic, 4, 2))).to.deep.equal(['c']);
  });

  it('asks to retry for a topic that does not exist', async () => {
    expect(await failure(place().port.reader().fetch([{ topic: place().name('absent'), partition: 0, offset: 0 }], LIMITS))).to.be.instanceOf(RetryError);
  });

  it('creates topics once and describes those that exist', async () => {
    const topic = await place().topic(3, { 'cleanup.policy': 'compact' });
    const admin = place().port.admin();
    expect(await admin.createTopics([{ topic, partitions: 5, replicationFactor: 1, config: {} }])).to.deep.equal([]);
    const described = await admin.describeTopics([topic, place().name('absent')]);
    expect(described.map((d) => [d.topic, d.partitions, d.config['cleanup.policy'], Number(d.config['max.message.bytes'])])).to.deep.equal([[topic, 3, 'compact', 1_048_588]]);
  });

  it('reads a compacted topic to its end over all gaps, with the latest value of each key', async function () {
    this.timeout(120_000);
    const topic = place().name('compacted');
    place().topics.push(topic);
    const expected = await place().subject.compacted(topic);
    const [end] = await place().ends(topic);
    for (const from of [0, 1, Math.floor(end / 3), Math.floor(end / 2)]) {
      const records = await place().read(topic, end, from);
      const latest = Object.fromEntries(records.map(({ key, value }) => [key, value]));
      expect(latest).to.deep.equal(expected);
      const offsets = records.map(({ offset }) => offset);
      expect(offsets).to.deep.equal(offsets.toSorted((a, b) => a - b));
    }
    expect((await place().read(topic, end)).length, 'gaps there must be').to.be.below(end - 1);
  });
};

type Assigned = Extract<GroupEvent, { type: 'assigned' }>;

const describeGroups = (place: () => Place): void => {
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

export const describeKafkaPort = (name: string, make: () => Promise<PortSubject>): void => {
  describe(`a Kafka port: ${name}`, function () {
    this.timeout(30_000);
    let current: Place | null = null;
    const place = (): Place => current!;

    before(async () => {
      current = new Place(await make());
    });

    after(async () => {
      await current?.subject.close(current.topics);
    });

    describe('transactions', () => describeTransactions(place));
    describe('logs', () => describeLogs(place));
    describe('groups', () => describeGroups(place));
  });
};
