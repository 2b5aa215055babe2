/** What a stage sees of history: no more than its range, no faster than it may. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { FetchedBatch, KafkaPort, Position } from '../../lib/kafka/port.ts';
import { TokenBucket } from '../../lib/backfill/bucket.ts';
import { historyPort } from '../../lib/backfill/reader.ts';
import { ManualClock } from '../runtime/support.ts';

const LIMITS = { maxWaitMs: 100, maxBytes: 1_000, maxBytesPerPartition: 1_000 };
const place = { topic: 'events', partition: 0 };

/** Offsets 0, 2, 4, ... up to `end`, as compaction may leave them, in batches of so many. */
const logOf = (end: number, batch: number, asked: Position[] = []): KafkaPort => ({
  admin: () => ({ startOffsets: (places: readonly Position[]) => Promise.resolve(places.map((p) => ({ ...p, offset: 0 }))) }),
  reader: () => ({
    fetch: (positions: readonly Position[]) => {
      asked.push(...positions);
      return Promise.resolve(positions.filter(({ offset }) => offset < end).map(({ topic, partition, offset }): FetchedBatch => {
        const first = Math.ceil(offset / 2) * 2;
        const count = Math.min(batch, Math.ceil((end - first) / 2));
        return {
          topic, partition, count, nextOffset: Math.min(end, first + 2 * count), highWatermark: end, lastStableOffset: end, byteLength: 10 * count,
          offset: (i) => first + 2 * i, timestamp: () => 0, key: () => null, value: () => null, headers: () => [],
        };
      }));
    },
    endOffsets: (places: readonly Position[]) => Promise.resolve(places.map((p) => ({ ...p, offset: end }))),
    close: () => Promise.resolve(),
  }),
} as unknown as KafkaPort);

const readerOf = (port: KafkaPort, clock: ManualClock, range: readonly [number, number], rate = Infinity) =>
  historyPort(port, { clock, starts: [{ ...place, offset: range[0] }], ends: [{ ...place, offset: range[1] }], bucket: new TokenBucket(clock, rate) }).reader('stage');

const offsetsOf = (batches: readonly FetchedBatch[]): number[] => batches.flatMap((b) => Array.from({ length: b.count }, (_, i) => b.offset(i)));

describe('history as a stage reads it', () => {
  it('ends where the range ends, in the middle of a batch too, and steps up to the very end', async () => {
    const reader = readerOf(logOf(100, 10), new ManualClock(), [0, 27]);
    const seen: number[] = [];
    let at = 0;
    for (let round = 0; round < 10 && at < 27; round += 1) {
      const batches = await reader.fetch([{ ...place, offset: at }], LIMITS);
      seen.push(...offsetsOf(batches));
      at = batches.at(-1)!.nextOffset;
      expect(batches.every((b) => b.highWatermark <= 27)).to.equal(true);
    }
    expect(seen).to.deep.equal([0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26]);
    expect(at).to.equal(27);
    expect(await reader.endOffsets([place], 'read_committed')).to.deep.equal([{ ...place, offset: 27 }]);
  });

  it('waits, and asks for nothing, once the end is reached', async () => {
    const clock = new ManualClock();
    const asked: Position[] = [];
    const reader = readerOf(logOf(100, 10, asked), clock, [0, 20]);
    let answer: readonly FetchedBatch[] | null = null;
    void reader.fetch([{ ...place, offset: 20 }], LIMITS).then((batches) => { answer = batches; });
    await clock.advance(99);
    expect(answer).to.equal(null);
    await clock.advance(1);
    expect(answer).to.deep.equal([]);
    expect(asked).to.deep.equal([]);
  });

  it('begins where the range begins', async () => {
    const clock = new ManualClock();
    const port = historyPort(logOf(100, 10), { clock, starts: [{ ...place, offset: 40 }], ends: [], bucket: new TokenBucket(clock, Infinity) });
    expect(await port.admin().startOffsets([place, { topic: 'events', partition: 1 }])).to.deep.equal([{ ...place, offset: 40 }, { topic: 'events', partition: 1, offset: 0 }]);
  });

  it('keeps its rate, in small steps, and fetches no record a second time for it', async () => {
    const clock = new ManualClock();
    const asked: Position[] = [];
    const reader = readerOf(logOf(2_000, 500, asked), clock, [0, 2_000], 100);
    const seen: { readonly atMs: number; readonly count: number }[] = [];
    let at = 0;
    let total = 0;
    const reading = (async () => {
      while (at < 2_000) {
        for (const batch of await reader.fetch([{ ...place, offset: at }], LIMITS)) {
          expect(offsetsOf([batch]).every((offset) => offset >= at)).to.equal(true);
          at = batch.nextOffset;
          total += batch.count;
          seen.push({ atMs: clock.monotonic(), count: batch.count });
        }
      }
    })();
    await clock.advance(5_000);
    expect(total).to.be.within(490, 520);
    await clock.advance(6_000);
    await reading;
    expect(total).to.equal(1_000);
    expect(Math.max(...seen.map(({ count }) => count))).to.be.at.most(20);
    expect(asked.map(({ offset }) => offset)).to.deep.equal([0, 1_000]);
  });
});
