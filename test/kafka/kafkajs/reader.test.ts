import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemClock } from '../../../lib/core/clock.ts';
import { RetryError, StopError } from '../../../lib/core/errors.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { OffsetOutOfRangeError } from '../../../lib/kafka/errors.ts';
import { EncodedOutput } from '../../../lib/kafka/kafkajs/batch-encoder.ts';
import type { Connections } from '../../../lib/kafka/kafkajs/connections.ts';
import type { FetchAnswer, FetchedPartition } from '../../../lib/kafka/kafkajs/fetch.ts';
import { FetchReader } from '../../../lib/kafka/kafkajs/reader.ts';
import type { Call } from '../../../lib/kafka/kafkajs/requests.ts';
import { ResponseReader } from '../../../lib/kafka/kafkajs/wire.ts';
import type { Position } from '../../../lib/kafka/port.ts';

const LIMITS = { maxWaitMs: 10, maxBytes: 1_000, maxBytesPerPartition: 1_000 };

const at = (partition: number, offset: number): Position => ({ topic: 't', partition, offset });

const records = (baseOffset: number): Buffer => {
  const output = new EncodedOutput(1_000);
  output.append('t', 0, null, 'x', 0);
  const [partition] = output.partitions();
  const bytes = partition!.stamp(partition!.batches()[0]!, { producerId: 1, epoch: 0 }, 0);
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  return bytes;
};

const part = (partition: number, fields: Partial<FetchedPartition> = {}): FetchedPartition => ({
  topic: 't',
  partition,
  error: 0,
  highWatermark: 100,
  lastStableOffset: 100,
  aborted: [],
  records: Buffer.alloc(0),
  ...fields,
});

const answer = (...partitions: FetchedPartition[]): FetchAnswer => ({ throttleMs: 0, error: 0, partitions });

/** What a fetch request asks for: the first topic's partitions with their offsets, in order. */
const askedFor = (call: Call<unknown>): [partition: number, offset: number][] => {
  const body = new ResponseReader(call.body);
  body.raw(25);
  const topics = body.array((r) => {
    r.string();
    return r.array((p) => {
      const partition = p.int32();
      p.int32();
      const offset = p.int64();
      p.raw(12);
      return [partition, offset] as [number, number];
    });
  });
  return topics.flat();
};

type Broker = (asked: [partition: number, offset: number][]) => FetchAnswer | Promise<FetchAnswer>;

/** A cluster whose leaders answer as scripted; partition p is led by broker p % brokers.length. */
const readerOf = (...brokers: Broker[]): FetchReader => {
  const connections = {
    settings: { clock: systemClock, log: silentLogger },
    byLeader: async (positions: readonly Position[]) => Map.groupBy(positions, ({ partition }) => partition % brokers.length),
    broker: async (id: number) => ({ send: async (call: Call<unknown>) => brokers[id]!(askedFor(call)) }),
    forgetLeaders: () => undefined,
    close: async () => undefined,
  };
  return new FetchReader(connections as unknown as Connections);
};

const failure = async (promise: Promise<unknown>): Promise<unknown> => promise.then(() => expect.fail('expected a rejection'), (thrown: unknown) => thrown);

describe('FetchReader', () => {
  it('steps to the last stable offset when nothing comes for a partition that is asked alone', async () => {
    const requests: [number, number][][] = [];
    const reader = readerOf((asked) => {
      requests.push(asked);
      return answer(...asked.map(([partition]) => part(partition, partition === 0 ? {} : { lastStableOffset: 7 })));
    });
    const batches = await reader.fetch([at(0, 40), at(1, 7)], LIMITS);
    expect(batches.map((batch) => [batch.partition, batch.count, batch.nextOffset])).to.deep.equal([[0, 0, 100]]);
    expect(requests[1]).to.deep.equal([[0, 40]]);
  });

  it('does not step when the second question brings records', async () => {
    let requests = 0;
    const reader = readerOf(() => answer(part(0, (requests += 1) === 1 ? {} : { records: records(55) })));
    const batches = await reader.fetch([at(0, 40)], LIMITS);
    expect(batches.map((batch) => [batch.count, batch.offset(0), batch.nextOffset])).to.deep.equal([[1, 55, 56]]);
  });

  it('does not step while another partition gets records: there may have been no room', async () => {
    const reader = readerOf((asked) => answer(...asked.map(([partition]) => part(partition, partition === 0 ? {} : { records: records(40) }))));
    const batches = await reader.fetch([at(0, 40), at(1, 40)], LIMITS);
    expect(batches.map((batch) => batch.partition)).to.deep.equal([1]);
  });

  it('does not step when the broker held its answer back because of a quota', async () => {
    const reader = readerOf(() => ({ ...answer(part(0)), throttleMs: 50 }));
    expect(await reader.fetch([at(0, 40)], LIMITS)).to.deep.equal([]);
  });

  it('puts a partition that got nothing to the front, and lets all take turns', async () => {
    const orders: number[][] = [];
    const reader = readerOf((asked) => {
      orders.push(asked.map(([partition]) => partition));
      return answer(...asked.map(([partition]) => part(partition, partition === 2 ? {} : { records: records(0) })));
    });
    const positions = [at(0, 0), at(1, 0), at(2, 0)];
    await reader.fetch(positions, LIMITS);
    await reader.fetch(positions, LIMITS);
    await reader.fetch(positions, LIMITS);
    expect(orders[1]![0]).to.equal(2);
    expect(orders[2]![0]).to.equal(2);
    const turns: number[] = [];
    const fair = readerOf((asked) => {
      turns.push(asked[0]![0]);
      return answer(...asked.map(([partition]) => part(partition, { records: records(0) })));
    });
    for (let i = 0; i < 3; i += 1) await fair.fetch(positions, LIMITS);
    expect(turns.toSorted()).to.deep.equal([0, 1, 2]);
  });

  it('does not wait for a slow leader, hands its records out later, and drops them when the position moved', async () => {
    const slow: ((answered: FetchAnswer) => void)[] = [];
    const reader = readerOf(
      ([first]) => answer(part(0, { records: records(first![1]) })),
      () => new Promise((resolve) => slow.push(resolve)),
    );
    expect((await reader.fetch([at(0, 0), at(1, 0)], LIMITS)).map((batch) => batch.partition)).to.deep.equal([0]);
    slow[0]!(answer(part(1, { records: records(0) })));
    await systemClock.sleep(1);
    expect((await reader.fetch([at(0, 1), at(1, 0)], LIMITS)).map((batch) => batch.partition).toSorted()).to.include(1);
    expect((await reader.fetch([at(0, 2), at(1, 1)], LIMITS)).map((batch) => batch.partition)).to.deep.equal([0]);
    slow[1]!(answer(part(1, { records: records(1) })));
    await systemClock.sleep(1);
    const moved = await reader.fetch([at(0, 3), at(1, 90)], LIMITS);
    expect(moved.map((batch) => batch.partition)).to.deep.equal([0]);
  });

  it("delivers what healthy leaders have, and rejects with another's fault only when nothing came", async () => {
    const failing: Broker = () => Promise.reject(new RetryError('gone'));
    const reader = readerOf(() => answer(part(0, { records: records(0) })), failing);
    expect(await reader.fetch([at(0, 0), at(1, 0)], LIMITS)).to.have.length(1);
    expect(await failure(readerOf(() => answer(part(0, { lastStableOffset: 0 })), failing).fetch([at(0, 0), at(1, 0)], LIMITS))).to.be.instanceOf(RetryError);
  });

  it('rejects with all positions that are out of range', async () => {
    const reader = readerOf((asked) => answer(...asked.map(([partition]) => part(partition, partition < 2 ? { error: 1 } : { records: records(0) }))));
    const thrown = await failure(reader.fetch([at(0, 5), at(1, 6), at(2, 0)], LIMITS));
    expect(thrown).to.be.instanceOf(OffsetOutOfRangeError);
    expect((thrown as OffsetOutOfRangeError).positions).to.have.deep.members([at(0, 5), at(1, 6)]);
  });

  it('stops on what no retry mends', async () => {
    const reader = readerOf((asked) => answer(...asked.map(([partition]) => part(partition, partition === 0 ? { error: 29 } : { records: records(0) }))));
    expect(await failure(reader.fetch([at(0, 0), at(1, 0)], LIMITS))).to.be.instanceOf(StopError);
  });

  it('takes one fetch at a time', async () => {
    const reader = readerOf(() => new Promise((resolve) => setTimeout(() => resolve(answer(part(0, { records: records(0) }))), 5)));
    const first = reader.fetch([at(0, 0)], LIMITS);
    expect(await failure(reader.fetch([at(0, 0)], LIMITS))).to.be.instanceOf(StopError);
    expect(await first).to.have.length(1);
  });
});
