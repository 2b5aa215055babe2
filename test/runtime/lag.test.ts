/** How far a task is behind, on a clock that moves when told: records, and for how long the oldest of them has waited. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { json, kafka, map, stream, to, topology } from 'millrace/topology';
import { http } from 'millrace/sinks';
import type { FetchedBatch } from '../../lib/kafka/port.ts';
import { plan } from '../../lib/plan/plan.ts';
import { SinkingEngine } from '../../lib/runtime/sinking.ts';
import { Task, type TaskEntry } from '../../lib/runtime/task.ts';
import type { TableReader } from '../../lib/runtime/table.ts';
import { Wake } from '../../lib/runtime/wake.ts';
import { Breaker } from '../../lib/sinks/breaker.ts';
import { ALL_WRITTEN, type WriteResult } from '../../lib/sinks/contract.ts';
import { contextFor, EngineUnderTest, FakeProducer, ManualClock, settled } from './support.ts';

const HOUR_MS = 3_600_000;
const SECOND_MS = 1_000;
const TOPIC = 'numbers';

interface Fetched {
  readonly from: number;
  /** Kafka timestamps of its records. */
  readonly at: readonly number[];
  /** Behind its last record, unless said. */
  readonly highWatermark?: number;
  readonly lastStableOffset?: number;
}

const fetched = ({ from, at, highWatermark = from + at.length, lastStableOffset = highWatermark }: Fetched): FetchedBatch => ({
  topic: TOPIC, partition: 0, count: at.length, nextOffset: from + at.length, highWatermark, lastStableOffset, byteLength: at.length,
  offset: (i) => from + i, timestamp: (i) => at[i]!, key: () => Buffer.from('k'), value: () => Buffer.from('1'), headers: () => [],
});

const numbers = stream(TOPIC, json<number>());

/** A task of a stage that copies, on a clock of ours that shows ten hours. */
const copying = async () => {
  const under = new EngineUnderTest(topology('app', numbers.pipe(map((n) => n), to('out', kafka('out', json<number>())))), { commitIntervalMs: 100 });
  await under.clock.advance(10 * HOUR_MS);
  const { task, run } = under.task([]);
  const lag = () => task.lag(under.clock.now());
  return { under, task, run, lag, clock: under.clock };
};

/** Its next batches wait for a table. */
const joinsWith = ({ context }: EngineUnderTest, caughtUp: Promise<boolean>): void => {
  const table: Pick<TableReader, 'caughtUp'> = { caughtUp: () => caughtUp };
  (context.tables as Map<object, unknown>).set({}, table);
};

/** A task of a stage with an outside sink, whose writes end when told. */
const sinking = async () => {
  const clock = new ManualClock();
  await clock.advance(10 * HOUR_MS);
  const stage = plan(topology('app', numbers.pipe(to('partner', http({ url: 'http://127.0.0.1:1/', body: (n) => n, idempotencyKey: String }), { batch: { records: 1, waitMs: 1 } })))).stages[0]!;
  const context = contextFor(stage, 'app', clock);
  const wake = new Wake(clock);
  const closing = new AbortController();
  const writing: ((result: WriteResult) => void)[] = [];
  const engine = new SinkingEngine({
    context, partition: 0, producer: new FakeProducer(), sink: stage.sink!, committed: [{ topic: TOPIC, partition: 0, offset: 0 }], signal: closing.signal,
    breaker: new Breaker({ clock, failures: 5, openMs: 1, openMaxMs: 1 }),
    writer: { positions: () => Promise.resolve([null]), write: () => new Promise((resolve) => writing.push(resolve)), close: () => Promise.resolve() },
  });
  const keys = { prepare: () => undefined, decode: () => null };
  const entry: TaskEntry = { topic: TOPIC, partition: 0, start: 0, timeOf: null, keys, decodeKey: () => null, values: context.serdes.entryValues(stage.entries[0]!) };
  const task = new Task({ context, partition: 0, entries: [entry], engine, wake, signal: closing.signal, onRoom: () => {} });
  return { task, run: task.run(), clock, writing, lag: () => task.lag(clock.now()) };
};

describe('the lag of a task', () => {
  it('is nothing when everything is done, however old that was', async () => {
    const { task, run, lag, clock } = await copying();
    task.offer(fetched({ from: 0, at: [HOUR_MS] }), 0);
    await clock.advance(SECOND_MS);
    expect(lag()).to.deep.equal({ records: 0, ms: 0 });
    task.stop();
    await run;
  });

  it('is as old as the first record that it has not taken, though it has done nothing since it opened', async () => {
    const { under, task, clock, lag, run } = await copying();
    joinsWith(under, new Promise(() => undefined));
    task.offer(fetched({ from: 0, at: [9 * HOUR_MS, 9 * HOUR_MS + 1], highWatermark: 500 }), 0);
    await settled();
    expect(lag()).to.deep.equal({ records: 500, ms: HOUR_MS });
    await clock.advance(60 * SECOND_MS);
    expect(lag()).to.deep.equal({ records: 500, ms: HOUR_MS + 60 * SECOND_MS });
    task.stop();
    await run;
  });

  it('is that of a new record, not of the one an hour before it: while a table catches up', async () => {
    const { under, task, clock, lag, run } = await copying();
    task.offer(fetched({ from: 0, at: [10 * HOUR_MS] }), 0);
    await clock.advance(HOUR_MS);
    const caughtUp = Promise.withResolvers<boolean>();
    joinsWith(under, caughtUp.promise);
    task.offer(fetched({ from: 1, at: [11 * HOUR_MS] }), 1);
    await clock.advance(5 * SECOND_MS);
    expect(lag()).to.deep.equal({ records: 1, ms: 5 * SECOND_MS });
    caughtUp.resolve(true);
    await clock.advance(SECOND_MS);
    expect(lag()).to.deep.equal({ records: 0, ms: 0 });
    task.stop();
    await run;
  });

  it('is the time since it began, when an open transaction is all there is', async () => {
    const { task, clock, lag, run } = await copying();
    task.offer(fetched({ from: 0, at: [10 * HOUR_MS] }), 0);
    await clock.advance(HOUR_MS);
    for (let second = 0; second < 3; second += 1) {
      task.offer(fetched({ from: 1, at: [], highWatermark: 4, lastStableOffset: 1 }), 1);
      expect(lag()).to.deep.equal({ records: 3, ms: second * SECOND_MS });
      await clock.advance(SECOND_MS);
    }
    // Another one has begun when this one is committed.
    task.offer(fetched({ from: 1, at: [11 * HOUR_MS, 11 * HOUR_MS, 11 * HOUR_MS], highWatermark: 9, lastStableOffset: 4 }), 1);
    await clock.advance(SECOND_MS);
    expect(lag()).to.deep.equal({ records: 5, ms: SECOND_MS });
    task.stop();
    await run;
  });

  it('is the age of what was read last while more of the backlog is on its way', async () => {
    const { task, clock, lag, run } = await copying();
    task.offer(fetched({ from: 0, at: [HOUR_MS, 2 * HOUR_MS], highWatermark: 100 }), 0);
    await clock.advance(SECOND_MS);
    expect(lag()).to.deep.equal({ records: 98, ms: 8 * HOUR_MS + SECOND_MS });
    task.offer(fetched({ from: 2, at: Array.from({ length: 98 }, () => 3 * HOUR_MS) }), 2);
    await clock.advance(SECOND_MS);
    expect(lag()).to.deep.equal({ records: 0, ms: 0 });
    task.stop();
    await run;
  });

  it('lasts until what was taken is committed', async () => {
    const { under, task, clock, lag, run } = await copying();
    const committed = Promise.withResolvers<void>();
    under.producer.sendOffsets = () => committed.promise;
    task.offer(fetched({ from: 0, at: [10 * HOUR_MS - SECOND_MS, 10 * HOUR_MS] }), 0);
    await clock.advance(20 * SECOND_MS);
    task.offer(fetched({ from: 2, at: [10 * HOUR_MS + 20 * SECOND_MS] }), 2);
    await settled();
    expect(lag()).to.deep.equal({ records: 3, ms: 21 * SECOND_MS });
    committed.resolve();
    await clock.advance(SECOND_MS);
    expect(lag()).to.deep.equal({ records: 0, ms: 0 });
    task.stop();
    await run;
  });

  it('lasts until the outside sink has decided on what was taken', async () => {
    const { task, clock, lag, run, writing } = await sinking();
    task.offer(fetched({ from: 0, at: [10 * HOUR_MS - SECOND_MS, 10 * HOUR_MS] }), 0);
    await clock.advance(30 * SECOND_MS);
    expect(lag()).to.deep.equal({ records: 2, ms: 31 * SECOND_MS });
    writing.shift()!(ALL_WRITTEN);
    await clock.advance(SECOND_MS);
    expect(lag()).to.deep.equal({ records: 1, ms: 31 * SECOND_MS });
    writing.shift()!(ALL_WRITTEN);
    await clock.advance(SECOND_MS);
    expect(lag()).to.deep.equal({ records: 0, ms: 0 });
    task.stop();
    await run;
  });
});
