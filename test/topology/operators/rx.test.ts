import { expect } from 'chai';
import { describe, it } from 'mocha';
import { catchError, concatMap, defer, EMPTY, map, of, pipe, retry, switchMap, throwError, timeout, TimeoutError, timer, type Observable } from 'rxjs';
import { labelOf, rx } from 'millrace/topology';
import { RetryError } from '../../../lib/core/errors.ts';
import { expectIndependent, readings, type Reading } from './cases.ts';
import { numbersThrough } from './inner.ts';

describe('rx', () => {
  it('keeps the operators and works on one record at a time', () => {
    const operator = map((reading: Reading) => reading.celsius);
    const { node } = readings.pipe(rx(operator));
    expect(node).to.deep.include({ kind: 'inner', operator: 'rx', parent: readings.node, project: null, operators: [operator], concurrency: 1 });
    expect(labelOf(node)).to.equal('rx');
  });

  it('makes a step of its own each time', () => expectIndependent(rx(map((reading: Reading) => reading.sensor))));

  it('runs up to six operators on each value, from left to right', async () => {
    const add = (digit: number) => map((n: number) => 10 * n + digit);
    expect(await numbersThrough(rx(add(1), add(2), add(3), add(4), add(5), add(6))).send(7, 8)).to.deep.equal([7123456, 8123456]);
  });

  it('takes operators that are piped together, and gives as many values as they do', async () => {
    expect(await numbersThrough(rx(pipe(concatMap((n: number) => [n, n, n]), map((n) => n + 1)))).send(1, 2)).to.deep.equal([2, 2, 2, 3, 3, 3]);
  });

  it('keeps the order of the records however long each takes', async () => {
    expect(await numbersThrough(rx(switchMap((n: number) => timer(12 - 4 * n).pipe(map(() => n))))).send(1, 2, 3)).to.deep.equal([1, 2, 3]);
  });

  it('tries again what fails, as retry says, and then it is no dead letter', async () => {
    const asked: number[] = [];
    const ask = (n: number): Observable<number> => defer(() => {
      asked.push(n);
      return asked.filter((other) => other === n).length < n ? throwError(() => new Error('busy')) : of(10 * n);
    });
    const { driver, send } = numbersThrough(rx(switchMap((n: number) => ask(n).pipe(retry(2)))));
    expect(await send(1, 2, 3, 4)).to.deep.equal([10, 20, 30]);
    expect(asked).to.deep.equal([1, 2, 2, 3, 3, 3, 4, 4, 4]);
    expect(driver.deadLetters().map(({ value }) => value)).to.deep.equal([4]);
  });

  it('makes a record that runs into timeout a dead letter', async () => {
    const { driver, send } = numbersThrough(rx(switchMap((n: number) => timer(n === 2 ? 10_000 : 0).pipe(map(() => n))), timeout(20)));
    expect(await send(1, 2, 3)).to.deep.equal([1, 3]);
    expect(driver.deadLetters().map(({ error }) => error)).to.have.length(1).and.have.nested.property('[0]').that.is.instanceOf(TimeoutError);
  });

  it('puts out nothing for a record that catchError drops', async () => {
    const { driver, send } = numbersThrough(rx(switchMap((n: number) => (n === 2 ? throwError(() => new Error('no')) : of(n))), catchError(() => EMPTY)));
    expect(await send(1, 2, 3)).to.deep.equal([1, 3]);
    expect(driver.deadLetters()).to.deep.equal([]);
  });

  it('begins the record again when the operators make a RetryError of what failed', async () => {
    let busy = 2;
    const { driver, send } = numbersThrough(rx(
      switchMap((n: number) => defer(() => ((busy -= 1) >= 0 ? throwError(() => new Error('busy')) : of(n)))),
      catchError((cause: unknown) => throwError(() => new RetryError('the lookup is away', { cause }))),
    ));
    expect(await send(1, 2)).to.deep.equal([1, 2]);
    expect(driver.deadLetters()).to.deep.equal([]);
  });
});
