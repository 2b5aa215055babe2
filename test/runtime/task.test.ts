import { expect } from 'chai';
import { describe, it } from 'mocha';
import { json, merge, stream, to, topology } from '../../topology/index.ts';
import { kafka } from '../../topology/sinks/kafka.ts';
import { plan } from '../../lib/plan/plan.ts';
import type { FetchedBatch } from '../../lib/kafka/port.ts';
import type { Engine } from '../../lib/runtime/engine.ts';
import { Task, type TaskEntry } from '../../lib/runtime/task.ts';
import { Wake } from '../../lib/runtime/wake.ts';
import { RetryError } from '../../lib/core/errors.ts';
import { contextFor, ManualClock, settled } from './support.ts';

/** Notes what it is given; never has anything to commit. */
class NotingEngine {
  readonly concurrency = null;
  readonly records: string[] = [];
  readonly progress: string[] = [];
  /** What is said of records taken and not committed. */
  oldest: number | null = null;
  record(entry: { readonly topic: string }, batch: FetchedBatch, i: number): void {
    this.records.push(`${entry.topic}${batch.offset(i)}`);
  }
  progressed(topic: string, offset: number): void {
    this.progress.push(`${topic}${offset}`);
  }
  async settle(): Promise<void> {}
  dueInMs(): null {
    return null;
  }
  stopSoon(): void {}
  async drain(): Promise<void> {}
  unsettled(): number {
    return 0;
  }
  oldestMs(): number | null {
    return this.oldest;
  }
}

const batchOf = (topic: string, from: number, timestamps: readonly number[], byteLength = 10): FetchedBatch => ({
  topic, partition: 0, count: timestamps.length, nextOffset: from + timestamps.length, highWatermark: 100, lastStableOffset: 100, byteLength,
  offset: (i) => from + i, timestamp: (i) => timestamps[i]!, key: () => null, value: () => Buffer.from('0'), headers: () => [],
});

describe('a task', () => {
  const a = stream('a', json<number>());
  const merged = topology('app', a.pipe(merge('both', stream('b', json<number>())), to('out', kafka('out', json<number>()))));
  const open = (settings = {}, prepare: (batch: unknown) => Promise<void> | undefined = () => undefined) => {
    const clock = new ManualClock();
    const engine = new NotingEngine();
    const closing = new AbortController();
    const wake = new Wake(clock);
    const entryOf = (topic: string): TaskEntry => ({
      topic, partition: 0, start: 0, timeOf: null, values: { prepare, decode: () => 0 }, keys: { prepare: () => undefined, decode: () => null }, decodeKey: () => null,
    });
    const task = new Task({ context: contextFor(plan(merged).stages[0]!, 'app', clock, settings), partition: 0, entries: [entryOf('a'), entryOf('b')], engine: engine as unknown as Engine, wake, signal: closing.signal, onRoom: () => {} });
    return { task, engine, closing, clock };
  };

  it('takes what it has of several topics in the order of time, and reports how far each got', async () => {
    const { task, engine } = open();
    task.offer(batchOf('a', 0, [10, 30, 50]), 0);
    task.offer(batchOf('b', 0, [20, 30, 40]), 0);
    await settled();
    const run = task.run();
    await settled();
    expect(engine.records).to.deep.equal(['a0', 'b0', 'a1', 'b1', 'b2', 'a2']);
    expect(engine.progress).to.have.members(['a3', 'b3']);
    task.stop();
    await run;
  });

  it('asks for no more of a topic whose queue is full, and again when there is room', async () => {
    const { task } = open({ queueBytes: 1_024 });
    expect(task.wanted().map(({ topic, offset }) => [topic, offset])).to.deep.equal([['a', 0], ['b', 0]]);
    task.offer(batchOf('a', 0, [1, 2], 1_024), 0);
    await settled();
    expect(task.wanted().map(({ topic, offset }) => [topic, offset])).to.deep.equal([['b', 0]]);
    const run = task.run();
    await settled();
    expect(task.wanted().map(({ topic, offset }) => [topic, offset])).to.deep.equal([['a', 2], ['b', 0]]);
    task.stop();
    await run;
  });

  it('does not take a batch twice, nor one that answers an old question', async () => {
    const { task, engine } = open();
    task.offer(batchOf('a', 0, [1, 2]), 0);
    task.offer(batchOf('a', 0, [1, 2]), 0);
    task.offer(batchOf('a', 1, [2, 3]), 1);
    task.offer(batchOf('a', 2, [3]), 2);
    await settled();
    const run = task.run();
    await settled();
    expect(engine.records).to.deep.equal(['a0', 'a1', 'a2']);
    task.stop();
    await run;
  });

  it('waits for schemas as long as the registry is away, batches in order', async () => {
    let away = true;
    const { task, engine, clock } = open({ retryBaseMs: 100, retryMaxMs: 100 }, () => (away ? Promise.reject(new RetryError('away')) : undefined));
    const run = task.run();
    task.offer(batchOf('a', 0, [1]), 0);
    task.offer(batchOf('a', 1, [2]), 1);
    await clock.advance(1_000);
    expect(engine.records).to.deep.equal([]);
    away = false;
    await clock.advance(200);
    expect(engine.records).to.deep.equal(['a0', 'a1']);
    task.stop();
    await run;
  });

  it('ends at once, with the reason, when it is closed', async () => {
    const { task, closing } = open();
    const run = task.run().then(() => null, (error: unknown) => error);
    await settled();
    closing.abort(new Error('somebody else has it'));
    task.interrupt();
    expect(await run).to.have.property('message', 'somebody else has it');
  });
});
