import { expect } from 'chai';
import { describe, it } from 'mocha';
import { EMPTY, map as mapTo, Observable, of, throwError, timer, type ObservableInput } from 'rxjs';
import { concatMap, json, keyBy, labelOf, map, redis, scan, stream, to, topology } from 'millrace/topology';
import { RetryError, StopError } from '../../../lib/core/errors.ts';
import { drive } from '../../../lib/testing/index.ts';
import { expectIndependent, readings, type Reading } from './cases.ts';
import { numbersThrough } from './inner.ts';

describe('concatMap', () => {
  it('keeps its function, which labels the step, and works on one record at a time', () => {
    const lookUp = (reading: Reading) => [reading.celsius];
    const { node } = readings.pipe(concatMap(lookUp));
    expect(node).to.deep.include({ kind: 'inner', operator: 'concatMap', parent: readings.node, project: lookUp, concurrency: 1 });
    expect(labelOf(node)).to.equal('concatMap(lookUp)');
  });

  it('makes a step of its own each time', () => expectIndependent(concatMap((reading: Reading) => [reading.sensor])));

  const ten = 10;
  const kinds: Readonly<Record<string, (n: number) => ObservableInput<number>>> = {
    'a list': (n: number) => [n, n + ten],
    'a generator': function* generate(n: number) { yield n; yield n + ten; },
    'an Observable that ends in the call': (n: number) => of(n, n + ten),
    'an async iterable': async function* generate(n: number) { yield n; yield await Promise.resolve(n + ten); },
    'an Observable that takes its time': (n: number) => new Observable<number>((out) => {
      out.next(n);
      const handle = setTimeout(() => { out.next(n + ten); out.complete(); }, 1);
      return () => clearTimeout(handle);
    }),
  };
  for (const [kind, project] of Object.entries(kinds)) {
    it(`puts out what ${kind} gives, record by record`, async () => {
      expect(await numbersThrough(concatMap(project)).send(1, 2)).to.deep.equal([1, 11, 2, 12]);
    });
  }

  it('puts out what a promise gives', async () => {
    expect(await numbersThrough(concatMap((n) => Promise.resolve(-n))).send(1, 2)).to.deep.equal([-1, -2]);
  });

  it('drops a record whose inner stream is empty', async () => {
    expect(await numbersThrough(concatMap((n) => (n === 2 ? EMPTY : [n]))).send(1, 2, 3)).to.deep.equal([1, 3]);
  });

  it('keeps the order of the records however long each takes', async () => {
    expect(await numbersThrough(concatMap((n) => timer(12 - 4 * n).pipe(mapTo(() => n)))).send(1, 2, 3)).to.deep.equal([1, 2, 3]);
  });

  it('gives key, timestamp and position to the function, to keep beyond the call', async () => {
    const { send } = numbersThrough(concatMap((n, meta) => Promise.resolve().then(() => ({ n, key: meta.key, offset: meta.offset }))));
    expect(await send(5, 6)).to.deep.equal([{ n: 5, key: 'k5', offset: 0 }, { n: 6, key: 'k6', offset: 1 }]);
  });

  it('runs the steps behind it under the key that its record had', async () => {
    const words = stream('words', json<string>());
    const app = topology('app', words.pipe(
      keyBy((word) => word.length), concatMap((word) => Promise.resolve(word)), map((word, meta) => `${word} ${meta.key}`),
      to('out', redis.hash({ key: 'k', fields: (line) => ({ line }) })),
    ));
    const driver = drive(app);
    for (const word of ['one', 'three']) driver.input(words).send(word, { key: 'other' });
    await driver.settled();
    expect(driver.sink('out').map(({ key, value }) => [key, value])).to.deep.equal([[3, 'one 3'], [5, 'three 5']]);
  });

  const failures: Readonly<Record<string, (n: number) => ObservableInput<number>>> = {
    'the function throws': () => { throw new Error('no'); },
    'it gives nothing that can be subscribed to': () => 7 as unknown as number[],
    'the inner stream fails at once': () => throwError(() => new Error('no')),
    'the inner stream fails later': () => Promise.reject(new Error('no')),
    'the inner stream fails after it has put out a value': async function* generate(n: number) { yield n; throw new Error('no'); },
  };
  for (const [when, fail] of Object.entries(failures)) {
    it(`makes the record a dead letter when ${when}, and nothing of it is put out`, async () => {
      const { driver, send } = numbersThrough(concatMap((n): ObservableInput<number> => (n === 2 ? fail(n) : [n])));
      expect(await send(1, 2, 3)).to.deep.equal([1, 3]);
      expect(driver.deadLetters().map(({ offset, value, node }) => ({ offset, value, node }))).to.deep.equal([{ offset: 1, value: 2, node: 'stream(numbers) > concatMap' }]);
    });
  }

  it('takes state back that a record behind it had written when it becomes a dead letter', async () => {
    const numbers = stream('numbers', json<number>());
    const driver = drive(topology('app', numbers.pipe(
      concatMap((n) => Promise.resolve([n, n + 1])),
      concatMap((both) => both),
      scan('sum', (sum, n) => sum + n, { state: json<number>(), seed: 0 }),
      map((sum) => { if (sum === 5) throw new Error('never five'); return sum; }),
      to('out', redis.hash({ key: 'k', fields: (sum) => ({ sum }) })),
    )));
    // 0, then 0 + 1; 1 + 1, then 2 + 2; 4 + 1 is refused; 4 + 3, then 7 + 4.
    for (const n of [0, 1, 1, 3]) driver.input(numbers).send(n, { key: 'all' });
    await driver.settled();
    expect(driver.sink('out').map(({ value }) => value)).to.deep.equal([0, 1, 2, 4, 7, 11]);
    expect(driver.store('sum').get('all')).to.equal(11);
    expect(driver.deadLetters()).to.have.length(1);
  });

  for (const [when, fail] of Object.entries({ 'at once': (error: Error) => throwError(() => error), later: (error: Error) => Promise.reject(error) })) {
    it(`begins a record again that fails ${when} with a RetryError, and puts it out once`, async () => {
      let failures = 3;
      const { driver, send } = numbersThrough(concatMap((n: number) => (n === 2 && (failures -= 1) >= 0 ? fail(new RetryError('busy')) : of(n))));
      expect(await send(1, 2, 3)).to.deep.equal([1, 2, 3]);
      expect(driver.deadLetters()).to.deep.equal([]);
    });
  }

  it('does not go on for ever, in a test, about a fault that does not pass', async () => {
    const { send } = numbersThrough(concatMap(() => Promise.reject(new RetryError('busy'))));
    const outcome = await send(1).then(() => null, (error: unknown) => error);
    expect(outcome).to.be.instanceOf(StopError).with.property('message').that.matches(/should pass: busy/);
  });
});
