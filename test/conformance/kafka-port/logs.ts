import { expect } from 'chai';
import { it } from 'mocha';
import { RetryError } from '../../../lib/core/errors.ts';
import { OffsetOutOfRangeError } from '../../../lib/kafka/errors.ts';
import { failure, LIMITS, values, type Place } from './place.ts';

export const describeLogs = (place: () => Place): void => {
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

  it('finds where the first record of a time is, and nothing but markers where none is so late', async () => {
    const topic = await place().topic(2);
    const producer = await place().producer();
    const batch = producer.batch();
    for (const [i, time] of [1_000, 3_000, 2_000, 4_000].entries()) batch.append(topic, 0, null, `v${i}`, 1_700_000_000_000 + time);
    batch.append(topic, 1, null, 'w', 1_700_000_000_500);
    await producer.send(batch);
    await producer.commit();
    await place().read(topic, 5);
    const [end] = await place().ends(topic);
    const found = async (time: number): Promise<number[]> =>
      (await place().port.admin().offsetsAtTime([{ topic, partition: 0 }, { topic, partition: 1 }], 1_700_000_000_000 + time)).map(({ offset }) => offset);
    expect(await found(0)).to.deep.equal([0, 0]);
    expect(await found(500)).to.deep.equal([0, 0]);
    // The second record comes first in the log, though a later one is nearer to the time.
    expect((await found(1_500))[0]).to.equal(1);
    expect((await found(3_500))[0]).to.equal(3);
    const [behind, other] = await found(9_000);
    expect(behind).to.be.within(4, end);
    expect(other).to.be.within(1, 2);
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

  it('knows a topic by its id, and one that is made anew under the same name by another', async () => {
    const [one, other] = [await place().topic(), await place().topic()];
    const admin = place().port.admin();
    const ids = async (): Promise<string[]> => (await admin.describeTopics([one, other])).toSorted((a) => (a.topic === one ? -1 : 1)).map(({ id }) => id);
    const before = await ids();
    expect(new Set(before)).to.have.property('size', 2);
    expect(await ids()).to.deep.equal(before);
    await admin.deleteTopics([one]);
    await admin.createTopics([{ topic: one, partitions: 1, replicationFactor: 1, config: {} }]);
    const [anew, same] = await ids();
    expect(same).to.equal(before[1]);
    expect(before).to.not.include(anew);
  });

  it("lists topics but not Kafka's own, and deletes those that exist, so that they are gone", async () => {
    const [kept, gone, absent] = [await place().topic(1), await place().topic(2), place().name('absent')];
    // The cluster's own topic of committed offsets is there from now on.
    const producer = await place().producer();
    await producer.sendOffsets(place().name('group'), [{ topic: kept, partition: 0, offset: 0 }]);
    await producer.commit();
    const admin = place().port.admin();
    expect(await admin.listTopics()).to.include.members([kept, gone]).and.not.to.include(absent).and.not.to.include('__consumer_offsets');
    expect(await admin.deleteTopics([gone, absent])).to.deep.equal([gone]);
    place().topics.splice(place().topics.indexOf(gone), 1);
    expect(await admin.describeTopics([kept, gone])).to.have.length(1);
    expect(await admin.listTopics()).to.include(kept).and.not.to.include(gone);
    await admin.close();
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
