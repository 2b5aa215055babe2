import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { RejoinError, StopError } from '../../lib/core/errors.ts';
import type { TransactionalProducer } from '../../lib/kafka/port.ts';
import { Broker, failure, LIMITS, values } from './support/kafka-broker.ts';

describe('the Kafka port: transactions', function () {
  this.timeout(15_000);
  let broker: Broker;

  before(() => {
    broker = new Broker('ktxn');
  });

  after(() => broker.close());

  it('never shows aborted records, and shows committed ones around them', async () => {
    const topic = await broker.newTopic();
    const [one, other] = [await broker.newProducer(), await broker.newProducer()];
    await broker.write(one, topic, ['a1', 'a2']);
    await broker.write(other, topic, ['b1']);
    await one.abort();
    await broker.write(one, topic, ['c1']);
    await other.commit();
    await one.commit();
    await broker.write(one, topic, ['d1']);
    await one.abort();
    await broker.write(one, topic, ['e1']);
    await one.commit();
    for (let from = 0; from < 11; from += 1) {
      const expected = [['b1', 2], ['c1', 4], ['e1', 9]] as const;
      expect((await broker.readTo(topic, 11, from)).map(({ value, offset }) => [value, offset])).to.deep.equal(expected.filter(([, offset]) => offset >= from));
    }
  });

  it('ends at the last stable offset while a transaction is open', async () => {
    const topic = await broker.newTopic();
    const [open, done] = [await broker.newProducer(), await broker.newProducer()];
    await broker.write(done, topic, ['before']);
    await done.commit();
    await broker.readTo(topic, 2);
    await broker.write(open, topic, ['pending']);
    const partitions = [{ topic, partition: 0 }];
    expect((await broker.admin.endOffsets(partitions, 'read_committed'))[0]!.offset).to.equal(2);
    expect((await broker.admin.endOffsets(partitions, 'read_uncommitted'))[0]!.offset).to.equal(3);
    const [batch] = await broker.reader.fetch([{ topic, partition: 0, offset: 0 }], LIMITS);
    expect([batch!.highWatermark, batch!.lastStableOffset, batch!.nextOffset]).to.deep.equal([3, 2, 2]);
    expect(await broker.reader.fetch([{ topic, partition: 0, offset: 2 }], LIMITS)).to.deep.equal([]);
    await open.commit();
    expect(values(await broker.readTo(topic, 4, 2))).to.deep.equal(['pending']);
    expect((await broker.reader.endOffsets(partitions, 'read_committed'))[0]!.offset).to.equal(4);
  });

  it('fences the old owner, aborts its transaction, and only grows its owners', async () => {
    const topic = await broker.newTopic();
    const id = `${broker.prefix}.fenced`;
    const old = broker.port.producer(id, { transactionTimeoutMs: 20_000 });
    const first = await old.init();
    await broker.write(old, topic, ['lost']);
    const next = broker.port.producer(id, { transactionTimeoutMs: 20_000 });
    const second = await next.init();
    expect(second.producerId > first.producerId || (second.producerId === first.producerId && second.epoch > first.epoch)).to.equal(true);
    const fenced = await failure(old.commit());
    expect(fenced).to.be.instanceOf(RejoinError);
    expect(await failure(old.send(old.batch()))).to.equal(fenced);
    await broker.write(next, topic, ['kept']);
    await next.commit();
    expect(values(await broker.readTo(topic, 4))).to.deep.equal(['kept']);
  });

  it('fences a send and an offset commit of the old owner too', async () => {
    const topic = await broker.newTopic();
    for (const [name, act] of [
      ['send', (producer: TransactionalProducer) => broker.write(producer, topic, ['x'])],
      ['sendOffsets', (producer: TransactionalProducer) => producer.sendOffsets(`${broker.prefix}-fence`, [{ topic, partition: 0, offset: 1 }])],
    ] as const) {
      const old = await broker.newProducer(`${broker.prefix}.fence-${name}`);
      await broker.newProducer(`${broker.prefix}.fence-${name}`);
      expect(await failure(act(old))).to.be.instanceOf(RejoinError);
    }
  });

  it('shows committed offsets only after the transaction, and none of an aborted one', async () => {
    const topic = await broker.newTopic(2);
    const group = `${broker.prefix}-offsets`;
    const partitions = [{ topic, partition: 0 }, { topic, partition: 1 }];
    const producer = await broker.newProducer();
    expect(await broker.admin.committed(group, partitions)).to.deep.equal([]);
    await producer.sendOffsets(group, [{ topic, partition: 0, offset: 5 }]);
    const pending = broker.admin.committed(group, partitions);
    expect(await Promise.race([pending, systemClock.sleep(200).then(() => 'waits')])).to.equal('waits');
    await producer.commit();
    expect(await pending).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
    await producer.sendOffsets(group, [{ topic, partition: 0, offset: 9 }]);
    await producer.abort();
    expect(await broker.admin.committed(group, partitions)).to.deep.equal([{ topic, partition: 0, offset: 5 }]);
  });

  it('refuses offsets of a member that the group does not know', async () => {
    const topic = await broker.newTopic();
    const producer = await broker.newProducer();
    const stranger = { memberId: 'nobody', generation: 7 };
    expect(await failure(producer.sendOffsets(`${broker.prefix}-strangers`, [{ topic, partition: 0, offset: 1 }], stranger))).to.be.instanceOf(RejoinError);
  });

  it('names topic, partition and size of a record that is too large', async () => {
    const topic = await broker.newTopic(1, { 'max.message.bytes': '10000' });
    const producer = await broker.newProducer();
    const thrown = await failure(broker.write(producer, topic, ['x'.repeat(20_000)]));
    expect(thrown).to.be.instanceOf(StopError);
    expect((thrown as Error).message).to.match(new RegExp(`MESSAGE_TOO_LARGE \\(200\\d\\d bytes in a batch of one record\\).*${topic}\\[0\\]`));
  });

  it('refuses calls before init, at the same time and after close', async () => {
    const topic = await broker.newTopic();
    const raw = broker.port.producer(`${broker.prefix}.order`, { transactionTimeoutMs: 20_000 });
    expect(await failure(raw.commit())).to.be.instanceOf(StopError);
    const producer = await broker.newProducer();
    const sending = broker.write(producer, topic, ['x']);
    expect(await failure(producer.commit())).to.be.instanceOf(StopError);
    await sending;
    await producer.commit();
    await producer.close();
    expect(await failure(producer.commit())).to.be.instanceOf(StopError);
  });
});
