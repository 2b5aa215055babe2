import { expect } from 'chai';
import { describe, it } from 'mocha';
import { Observable, Subject, throwError } from 'rxjs';
import { concatMap, json, kafka, map, merge, mergeMap, scan, stream, to, topology, type Operator } from 'millrace/topology';
import { RejoinError, RetryError } from '../../lib/core/errors.ts';
import { EngineUnderTest, settled } from './support.ts';

const numbers = stream('numbers', json<number>());
const DEAD_LETTERS = 'app-numbers-dlq';

/** Answers that the test gives when it likes; counts the questions that wait. */
class Answers {
  readonly #asked = new Map<number, Subject<number>>();
  waiting = 0;
  mostWaiting = 0;

  readonly ask = (n: number): Observable<number> => new Observable<number>((out) => {
    const answer = new Subject<number>();
    this.#asked.set(n, answer);
    this.waiting += 1;
    this.mostWaiting = Math.max(this.mostWaiting, this.waiting);
    const subscription = answer.subscribe(out);
    return () => {
      this.waiting -= 1;
      subscription.unsubscribe();
    };
  });

  async give(n: number, ...values: readonly number[]): Promise<void> {
    for (const value of values) this.#asked.get(n)!.next(value);
    this.#asked.get(n)!.complete();
    await settled();
  }

  async fail(n: number, error: Error): Promise<void> {
    this.#asked.get(n)!.error(error);
    await settled();
  }
}

const through = (...steps: readonly Operator<number, unknown, number, unknown>[]): EngineUnderTest => {
  const piped = steps.reduce((piping, step) => piping.pipe(step) as typeof numbers, numbers);
  return new EngineUnderTest(topology('app', piped.pipe(to('out', kafka('out', json<number>())))));
};

const total = scan('total', (sum: number, n: number) => sum + n, { state: json<number>(), seed: 0 });
const refuse = (bad: number) => map((n: number): number => {
  if (n === bad) throw new Error(`never ${bad}`);
  return n;
});

describe('records that overlap', () => {
  it('go out when they are complete, each whole', async () => {
    const answers = new Answers();
    const under = through(mergeMap(answers.ask));
    void under.record(1);
    void under.record(2);
    await answers.give(2, 20, 21);
    await under.commit();
    expect(under.producer.topic('out')).to.deep.equal(['20', '21']);
    await answers.give(1, 10, 11);
    await under.commit();
    expect(under.producer.topic('out')).to.deep.equal(['20', '21', '10', '11']);
    expect(under.context.counters).to.include({ recordsIn: 2, recordsOut: 4, deadLetters: 0 });
  });

  it('take nothing back but their own when their inner stream fails', async () => {
    const answers = new Answers();
    const under = through(mergeMap(answers.ask), total);
    void under.record(1);
    void under.record(2);
    void under.record(3);
    await answers.give(2, 20);
    await answers.fail(1, new Error('no'));
    await answers.give(3, 30);
    await under.commit();
    expect(under.producer.topic('out')).to.deep.equal(['20', '50']);
    expect(under.producer.topic(DEAD_LETTERS)).to.deep.equal(['1']);
    expect(under.stores[0]!.get('k')).to.equal(50);
    expect(under.context.counters).to.include({ recordsIn: 3, recordsOut: 2, deadLetters: 1 });
  });

  it('take back all of their own when a step behind the inner stream fails', async () => {
    const answers = new Answers();
    const under = through(mergeMap(answers.ask), total, refuse(25));
    void under.record(1);
    void under.record(2);
    await answers.give(2, 20);
    await answers.give(1, 1, 4);
    await under.commit();
    expect(under.producer.topic('out')).to.deep.equal(['20']);
    expect(under.stores[0]!.get('k')).to.equal(20);
    const [letter] = under.producer.transactions[0]!.written.filter((w) => w.topic === DEAD_LETTERS);
    expect(letter).to.deep.include({ value: '1', key: 'k' });
    expect(letter!.headers).to.include({ '__streams.errors.message': 'never 25', '__millrace.errors.node': 'stream(numbers) > mergeMap(ask) > scan(total) > map', '__streams.errors.offset': '0' });
  });

  it('write no state before the last of their inner streams has ended, though the first ends in the call', async () => {
    const answers = new Answers();
    const ask = mergeMap((n: number) => (n > 0 ? [n] : answers.ask(n)));
    const minus = numbers.pipe(map((n) => -n));
    const under = new EngineUnderTest(topology('app', numbers.pipe(merge(minus), ask, total, to('out', kafka('out', json<number>())))));
    void under.record(5);
    void under.record(3);
    await answers.fail(-5, new Error('no'));
    await answers.give(-3, 0);
    await under.commit();
    expect(under.producer.topic('out')).to.deep.equal(['3', '3']);
    expect(under.producer.topic(DEAD_LETTERS)).to.deep.equal(['5']);
  });

  it('wait for each inner stream of theirs in turn', async () => {
    const [first, second] = [new Answers(), new Answers()];
    const under = through(mergeMap(first.ask), mergeMap(second.ask));
    void under.record(1);
    void under.record(2);
    await first.give(1, 10);
    await first.give(2, 20);
    await second.give(20, 200);
    await second.give(10, 100);
    await under.commit();
    expect(under.producer.topic('out')).to.deep.equal(['200', '100']);
  });

  it('are at most as many as the step says, and the next begins when one ends', async () => {
    const answers = new Answers();
    const under = through(mergeMap(answers.ask, 3));
    const { task, run } = under.task([1, 2, 3, 4, 5, 6]);
    await settled();
    expect(answers.waiting).to.equal(3);
    await answers.give(2, 2);
    await answers.give(4, 4);
    expect(answers.waiting).to.equal(3);
    for (const n of [1, 3, 5, 6]) await answers.give(n, n);
    task.stop();
    expect(await run).to.equal(null);
    expect(answers.mostWaiting).to.equal(3);
    expect(under.producer.topic('out')).to.deep.equal(['2', '4', '1', '3', '5', '6']);
  });

  it('are one where a concatMap stands in the same stage', async () => {
    const answers = new Answers();
    const under = through(mergeMap(answers.ask), concatMap((n) => [n]));
    const { task, run } = under.task([1, 2]);
    await settled();
    expect(answers.waiting).to.equal(1);
    await answers.give(1, 1);
    await answers.give(2, 2);
    task.stop();
    await run;
    expect(under.producer.topic('out')).to.deep.equal(['1', '2']);
  });
});

describe('a commit', () => {
  it('waits for the inner streams under way, so that no offset passes an unfinished record', async () => {
    const answers = new Answers();
    const under = through(mergeMap(answers.ask));
    const { task, run } = under.task([1, 2, 3]);
    await settled();
    await answers.give(3, 30);
    await answers.give(2, 20);
    await under.clock.advance(10_000);
    expect(under.producer.transactions).to.deep.equal([]);
    await answers.give(1, 10);
    await under.clock.advance(200);
    expect(under.producer.position()).to.equal(3);
    expect(under.producer.topic('out')).to.deep.equal(['30', '20', '10']);
    task.stop();
    expect(await run).to.equal(null);
  });

  it('comes after the interval though more records wait than could overlap', async () => {
    const answers = new Answers();
    const under = through(mergeMap(answers.ask, 2));
    const { task, run } = under.task([1, 2, 3, 4]);
    await settled();
    await under.clock.advance(150);
    await answers.give(1, 10);
    await answers.give(2, 20);
    await settled();
    expect(under.producer.position()).to.equal(2);
    await answers.give(3, 30);
    await answers.give(4, 40);
    task.stop();
    expect(await run).to.equal(null);
    expect(under.producer.position()).to.equal(4);
  });
});

describe('a passing fault', () => {
  for (const [when, fail] of Object.entries({ 'in the call': () => throwError(() => new RetryError('busy')), later: () => Promise.reject(new RetryError('busy')) })) {
    it(`${when} ends the task with nothing committed, and no record is a dead letter`, async () => {
      const under = through(concatMap((n): Observable<number> | Promise<number> | number[] => (n === 2 ? fail() as Observable<number> : [n])));
      const { run } = under.task([1, 2, 3]);
      expect(await run).to.be.instanceOf(RetryError).with.property('message', 'busy');
      expect(under.producer.transactions).to.deep.equal([]);
      expect(under.producer.closed).to.equal(true);
      expect(under.context.counters.deadLetters).to.equal(0);
    });
  }

  it('ends the inner streams of the records beside it', async () => {
    const answers = new Answers();
    const under = through(mergeMap(answers.ask));
    const { run } = under.task([1, 2, 3]);
    await settled();
    expect(answers.waiting).to.equal(3);
    await answers.fail(2, new RetryError('busy'));
    expect(await run).to.be.instanceOf(RetryError);
    expect(answers.waiting).to.equal(0);
    expect(under.context.counters).to.include({ recordsOut: 0, deadLetters: 0 });
  });

  it('is an inner stream that takes longer than it may', async () => {
    const answers = new Answers();
    const under = new EngineUnderTest(topology('app', numbers.pipe(concatMap(answers.ask), to('out', kafka('out', json<number>())))), { innerTimeoutMs: 2_000 });
    const { run } = under.task([1]);
    await under.clock.advance(1_999);
    expect(answers.waiting).to.equal(1);
    await under.clock.advance(1);
    expect(await run).to.be.instanceOf(RetryError).with.property('message').that.matches(/concatMap did not complete in 2000 ms\..*MILLRACE_INNER_TIMEOUT_MS/);
    expect(answers.waiting).to.equal(0);
    expect(under.producer.transactions).to.deep.equal([]);
  });
});

describe('closing a task', () => {
  it('unsubscribes from the inner streams under way', async () => {
    const answers = new Answers();
    const under = through(mergeMap(answers.ask));
    const { task, run } = under.task([1, 2, 3]);
    await settled();
    expect(answers.waiting).to.equal(3);
    under.closing.abort(new Error('the partition belongs to somebody else'));
    task.interrupt();
    expect(await run).to.be.instanceOf(RejoinError);
    expect(answers.waiting).to.equal(0);
    expect(under.producer.transactions).to.deep.equal([]);
  });

  it('lets a stop finish what is under way and leave the rest', async () => {
    const answers = new Answers();
    const under = through(concatMap(answers.ask));
    const { task, run } = under.task([1, 2, 3]);
    await settled();
    task.stop();
    await answers.give(1, 10);
    expect(await run).to.equal(null);
    expect(under.producer.topic('out')).to.deep.equal(['10']);
    expect(under.producer.position()).to.equal(1);
    expect(answers.waiting).to.equal(0);
  });
});
