import { expect } from 'chai';
import { describe, it } from 'mocha';
import { readConfig } from '../../lib/core/config.ts';
import { DeadLetterError, RejoinError, RetryError } from '../../lib/core/errors.ts';
import { RateLimitedLog, silentLogger } from '../../lib/core/logger.ts';
import { StageCounters } from '../../lib/core/metrics.ts';
import type { StagePlan } from '../../lib/plan/types.ts';
import { Delivery } from '../../lib/runtime/delivery.ts';
import type { PendingRecord } from '../../lib/runtime/pending-record.ts';
import { Breaker } from '../../lib/sinks/breaker.ts';
import { ALL_WRITTEN, type Effort, type SinkRecord, type WriteResult } from '../../lib/sinks/contract.ts';
import { ManualClock, settled } from './support.ts';

const down = new RetryError('refused');
const recordOf = (offset: number, topic = 'numbers'): PendingRecord => ({ offset, topic, partition: 0, value: offset, key: 'k', timestamp: 0, now: 0, headers: [] }) as unknown as PendingRecord;
const retryFrom = (batch: readonly SinkRecord[], from: number, error = down): WriteResult => ({ refused: [], retry: batch.slice(from).map((_, i) => ({ index: from + i, error })) });

const REFUSED_HERE = { error: new DeadLetterError('body threw'), by: 'writer' } as const;

/** A sink with two tasks in one worker. `answer` decides on each attempt. */
class Sink {
  readonly clock = new ManualClock();
  readonly breaker = new Breaker({ clock: this.clock, failures: 3, openMs: 1_000, openMaxMs: 8_000 });
  readonly attempts: string[] = [];
  readonly efforts: (Effort | undefined)[] = [];
  readonly refused: number[] = [];
  readonly closing = new AbortController();
  commits = 0;
  answer: (batch: readonly SinkRecord[], signal: AbortSignal) => WriteResult | Promise<WriteResult> = () => ALL_WRITTEN;
  readonly tasks: readonly Delivery[];

  constructor(...offsets: readonly (readonly number[])[]) {
    this.clock.chance = 1;
    const counters = new StageCounters('partner', 'partner');
    this.tasks = offsets.map((own, t) => {
      const delivery = new Delivery({
        context: { stage: { name: 'partner' } as StagePlan, clock: this.clock, crash: null, config: readConfig({}, { retryBaseMs: 100, retryMaxMs: 100 }), counters, limited: new RateLimitedLog(silentLogger, this.clock) },
        writer: {
          positions: () => Promise.resolve([]),
          write: async (batch, signal, effort) => {
            this.efforts.push(effort);
            this.attempts.push(`${'ab'[t]}: ${batch.map(({ offset }) => offset).join(' ')}`);
            return this.answer(batch, signal);
          },
          close: () => Promise.resolve(),
        },
        breaker: this.breaker,
        signal: this.closing.signal,
        onRefused: ({ offset }) => this.refused.push(offset),
        beforeWait: () => Promise.resolve(void (this.commits += 1)),
      });
      for (const offset of own) delivery.push(recordOf(offset));
      return delivery;
    });
  }
}

describe('writing to a sink', () => {
  it('takes whole offsets, at least as many records as asked for', async () => {
    const sink = new Sink([1, 2, 2, 2, 5]);
    const [task] = sink.tasks as [Delivery];
    await task.write(2);
    await task.write(1);
    expect(sink.attempts).to.deep.equal(['a: 1 2 2 2', 'a: 5']);
    expect(task.length).to.equal(0);
  });

  it('writes again what the sink has not decided on, after a pause', async () => {
    const sink = new Sink([1, 2, 3, 4]);
    const [task] = sink.tasks as [Delivery];
    sink.answer = (batch) => ({ refused: [{ index: 1, error: new DeadLetterError('no'), by: 'system' }], retry: [{ index: 0, error: down }, { index: 3, error: down }].slice(0, batch.length === 4 ? 2 : 0) });
    const written = task.write(4);
    await settled();
    expect(sink.attempts).to.deep.equal(['a: 1 2 3 4']);
    expect([...task.firstOffsets()]).to.deep.equal([['numbers', 1]]);
    sink.answer = () => ALL_WRITTEN;
    await sink.clock.advance(100);
    await written;
    expect(sink.attempts).to.deep.equal(['a: 1 2 3 4', 'a: 1 4']);
    expect(sink.refused).to.deep.equal([2]);
    expect(sink.breaker.state).to.equal('closed');
  });

  it('makes no attempt while the breaker is open, of no task, and commits before it waits', async () => {
    const sink = new Sink([1, 2], [11, 12]);
    sink.answer = (batch) => retryFrom(batch, 0);
    const written = sink.tasks.map((task) => task.write(2));
    await sink.clock.advance(100);
    expect(sink.breaker.state).to.equal('open');
    const { length } = sink.attempts;
    expect(sink.commits).to.equal(2);
    await sink.clock.advance(800);
    expect(sink.attempts).to.have.length(length);
    sink.answer = () => ALL_WRITTEN;
    await sink.clock.advance(300);
    await Promise.all(written);
  });

  it('tries with one offset of one task when the time is over, and goes on with everything when that works', async () => {
    const sink = new Sink([1, 1, 2, 3], [11, 12]);
    sink.answer = (batch) => retryFrom(batch, 0);
    const written = sink.tasks.map((task) => task.write(2));
    await sink.clock.advance(900);
    sink.attempts.length = 0;
    const answers: ((result: WriteResult) => void)[] = [];
    sink.answer = () => new Promise((resolve) => answers.push(resolve));
    await sink.clock.advance(300);
    expect(sink.attempts).to.have.length(1).and.satisfy(([first]: string[]) => first === 'a: 1 1' || first === 'b: 11');
    await sink.clock.advance(60_000);
    expect(sink.attempts, 'while the one attempt is under way').to.have.length(1);
    sink.answer = () => ALL_WRITTEN;
    answers[0]!(ALL_WRITTEN);
    await Promise.all(written);
    expect(sink.breaker.state).to.equal('closed');
    expect(sink.attempts.join(', ')).to.match(/^(a: 1 1, b: 11 12|b: 11, (a: 1 1, b: 12|b: 12, a: 1 1))$/);
  });

  it('lets the breaker alone when the sink has decided on some records', async () => {
    const sink = new Sink([1, 2, 3, 4, 5, 6, 7]);
    const [task] = sink.tasks as [Delivery];
    sink.answer = (batch) => retryFrom(batch, 1);
    const written = task.write(7);
    await sink.clock.advance(1_000);
    await written;
    expect(sink.attempts).to.have.length(7);
    expect(sink.breaker.state).to.equal('closed');
  });

  it('closes the breaker with no record that the writer refused by itself: the next one is the one attempt', async () => {
    const sink = new Sink([1, 2, 3, 4]);
    const [task] = sink.tasks as [Delivery];
    const states: string[] = [];
    sink.answer = (batch) => retryFrom(batch, 0);
    const written = task.write(4);
    await sink.clock.advance(600);
    expect(sink.breaker.state).to.equal('open');
    sink.attempts.length = 0;
    sink.breaker.changes$.subscribe(({ state }) => states.push(state));
    sink.answer = (batch) => (batch.some(({ offset }) => offset < 3) ? { refused: batch.map((_, index) => ({ ...REFUSED_HERE, index })), retry: [] } : retryFrom(batch, 0));
    await sink.clock.advance(600);
    expect(sink.attempts).to.deep.equal(['a: 1', 'a: 2', 'a: 3']);
    expect(states, 'after two refusals and a failure').to.deep.equal(['half-open', 'open', 'half-open', 'open', 'half-open', 'open']);
    expect(sink.refused).to.deep.equal([1, 2]);
    sink.answer = () => ALL_WRITTEN;
    await sink.clock.advance(4_000);
    await written;
    expect(sink.breaker.state).to.equal('closed');
  });

  it('opens the breaker though the writer refuses a record of each batch by itself', async () => {
    const sink = new Sink([1, 2, 3, 4, 5, 6, 7, 8]);
    const [task] = sink.tasks as [Delivery];
    sink.answer = (batch) => ({ refused: [{ ...REFUSED_HERE, index: 0 }], retry: retryFrom(batch, 1).retry });
    const written = task.write(8);
    await sink.clock.advance(500);
    expect(sink.attempts).to.have.length(3);
    expect(sink.breaker.state).to.equal('open');
    sink.answer = () => ALL_WRITTEN;
    await sink.clock.advance(1_000);
    await written;
  });

  it('takes a refusal of the sink itself for an answer', async () => {
    const sink = new Sink([1]);
    const [task] = sink.tasks as [Delivery];
    sink.answer = (batch) => retryFrom(batch, 0);
    const written = task.write(1);
    await sink.clock.advance(600);
    expect(sink.breaker.state).to.equal('open');
    sink.answer = () => ({ refused: [{ index: 0, error: new DeadLetterError('422'), by: 'system' }], retry: [] });
    await sink.clock.advance(1_000);
    await written;
    expect(sink.breaker.state).to.equal('closed');
  });

  it('tells the writer which write is the one attempt', async () => {
    const sink = new Sink([1, 2]);
    const [task] = sink.tasks as [Delivery];
    sink.answer = (batch) => retryFrom(batch, 0);
    const written = task.write(2);
    await sink.clock.advance(600);
    sink.answer = () => ALL_WRITTEN;
    await sink.clock.advance(1_000);
    await written;
    expect(sink.efforts).to.deep.equal(['full', 'full', 'full', 'probe', 'full']);
  });

  it('stops at once while the breaker is open, with everything left', async () => {
    const sink = new Sink([1, 2]);
    const [task] = sink.tasks as [Delivery];
    sink.answer = (batch) => retryFrom(batch, 0);
    const written = task.write(2);
    await sink.clock.advance(500);
    expect(sink.breaker.state).to.equal('open');
    const { length } = sink.attempts;
    task.stop();
    await written;
    await task.write(2);
    expect(sink.attempts).to.have.length(length);
    expect(task.length).to.equal(2);
  });

  it('leaves the one attempt to another task when its own is fenced or closed in it', async () => {
    const sink = new Sink([1], [11]);
    sink.answer = (batch) => retryFrom(batch, 0);
    const outcomes = sink.tasks.map((task) => task.write(1).then(() => 'written', (error: unknown) => (error as Error).message));
    await sink.clock.advance(900);
    sink.attempts.length = 0;
    sink.answer = () => {
      sink.answer = () => ALL_WRITTEN;
      throw new RejoinError('fenced');
    };
    await sink.clock.advance(300);
    expect((await Promise.all(outcomes)).sort()).to.deep.equal(['fenced', 'written']);
    expect(sink.attempts).to.have.length(2);
    expect(sink.breaker.state).to.equal('closed');
  });

  it('takes nothing that was cut off by closing for a failure of the sink', async () => {
    const sink = new Sink([1]);
    const [task] = sink.tasks as [Delivery];
    sink.answer = (batch) => {
      sink.closing.abort();
      task.stop();
      return retryFrom(batch, 0, new RetryError('cut off'));
    };
    for (let i = 0; i < 5; i += 1) await task.write(1);
    expect(sink.breaker.state).to.equal('closed');
  });
});
