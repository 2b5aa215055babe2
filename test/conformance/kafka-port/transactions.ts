import { expect } from 'chai';
import { it } from 'mocha';
import { systemClock } from '../../../lib/core/clock.ts';
import { RejoinError, RetryError } from '../../../lib/core/errors.ts';
import type { TransactionalProducer } from '../../../lib/kafka/port.ts';
import { failure, LIMITS, values, type Place } from './place.ts';

export const describeTransactions = (place: () => Place): void => {
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

  it('tells where the records of each partition went: the first, and the offset behind the last', async () => {
    const topic = await place().topic(2);
    const producer = await place().producer();
    const send = async (partitions: readonly number[]): Promise<unknown> => {
      const batch = producer.batch();
      for (const partition of partitions) batch.append(topic, partition, 'key', 'value', systemClock.now());
      return (await producer.send(batch)).toSorted((a, b) => a.partition - b.partition);
    };
    expect(await producer.send(producer.batch())).to.deep.equal([]);
    expect(await send([0, 1, 0, 0])).to.deep.equal([{ topic, partition: 0, firstOffset: 0, offset: 3, marked: true }, { topic, partition: 1, firstOffset: 0, offset: 1, marked: true }]);
    expect(await send([0])).to.deep.equal([{ topic, partition: 0, firstOffset: 3, offset: 4, marked: true }]);
    await producer.commit();
    // Behind the marker.
    expect(await send([1, 0])).to.deep.equal([{ topic, partition: 0, firstOffset: 5, offset: 6, marked: true }, { topic, partition: 1, firstOffset: 2, offset: 3, marked: true }]);
    await producer.abort();
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
    expect(await admin.committedNow(group, partitions)).to.equal(null);
    await producer.commit();
    expect(await pending).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
    await producer.sendOffsets(group, [{ topic, partition: 0, offset: 9 }, { topic, partition: 1, offset: 1 }]);
    await producer.abort();
    expect(await admin.committed(group, partitions)).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
    expect(await admin.committedNow(group, partitions)).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
  });

  it('gives back what was noted with an offset, as of its last commit', async () => {
    const topic = await place().topic(2);
    const group = place().name('group');
    const partitions = [{ topic, partition: 0 }, { topic, partition: 1 }];
    const admin = place().port.admin();
    const producer = await place().producer();
    await producer.sendOffsets(group, [{ topic, partition: 0, offset: 5, metadata: 'as of v1' }, { topic, partition: 1, offset: 1 }]);
    await producer.commit();
    expect(await admin.committed(group, partitions)).to.have.deep.members([{ topic, partition: 0, offset: 5, metadata: 'as of v1' }, { topic, partition: 1, offset: 1 }]);
    await producer.sendOffsets(group, [{ topic, partition: 0, offset: 5 }, { topic, partition: 1, offset: 2, metadata: 'as of v2 é' }]);
    await producer.commit();
    expect(await admin.committed(group, partitions)).to.have.deep.members([{ topic, partition: 0, offset: 5 }, { topic, partition: 1, offset: 2, metadata: 'as of v2 é' }]);
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
