/** The tests' own reader of committed records. */
import { expect } from 'chai';
import { after, describe, it } from 'mocha';
import { Broker } from './support/kafka-broker.ts';
import { eventually, Lab } from './support/lab.ts';

describe('what the tests read as committed', function () {
  this.timeout(30_000);
  const lab = new Lab('lab');
  const broker = new Broker('lab');
  after(() => Promise.all([lab.close(), broker.close()]));

  /** As a worker leaves them that is killed with two tasks: the broker lists aborted transactions by their ends, KafkaJS takes the list for one by their beginnings. */
  it('holds nothing of aborted transactions that overlap and end in the order of their beginnings turned round', async () => {
    const topic = await broker.newTopic();
    const ends = (offset: number, isolation: 'read_committed' | 'read_uncommitted'): Promise<void> =>
      eventually(async () => (await broker.reader.endOffsets([{ topic, partition: 0 }], isolation))[0]!.offset === offset, () => `${isolation} ends at ${offset}`);
    const [first, second, third] = [await broker.newProducer(), await broker.newProducer(), await broker.newProducer()];
    await broker.write(first, topic, ['first 1']);
    await broker.write(second, topic, ['second 1']);
    await broker.write(first, topic, ['first 2']);
    await broker.write(second, topic, ['second 2']);
    await second.abort();
    // The coordinator answers before its marker is in the partition.
    await ends(5, 'read_uncommitted');
    await broker.write(third, topic, ['committed']);
    await third.commit();
    await broker.write(first, topic, ['first 3']);
    await first.abort();
    // Five records aborted, one committed, three markers.
    await ends(9, 'read_committed');
    expect((await lab.read(topic)).map(({ value, offset }) => [String(value), offset])).to.deep.equal([['committed', 5]]);
  });
});
