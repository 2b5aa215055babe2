import { expect } from 'chai';
import { describe, it } from 'mocha';
import { map as mapTo, timer } from 'rxjs';
import { json, kafka, labelOf, mergeMap, to, topology, TopologyError } from 'millrace/topology';
import { expectIndependent, readings, type Reading } from './cases.ts';
import { numbersThrough } from './inner.ts';

const lookUp = (reading: Reading) => [reading.sensor];

describe('mergeMap', () => {
  it('keeps its function, which labels the step, and lets 16 records overlap', () => {
    const { node } = readings.pipe(mergeMap(lookUp));
    expect(node).to.deep.include({ kind: 'inner', operator: 'mergeMap', parent: readings.node, project: lookUp, concurrency: 16 });
    expect(labelOf(node)).to.equal('mergeMap(lookUp)');
  });

  it('lets as many records overlap as it is told', () => {
    expect(readings.pipe(mergeMap(lookUp, 3)).node).to.have.property('concurrency', 3);
  });

  for (const concurrent of [0, -1, 1.5, NaN, Infinity]) {
    it(`refuses to let ${concurrent} records overlap`, () => {
      const build = () => topology('app', readings.pipe(mergeMap(lookUp, concurrent), to('out', kafka('out', json<string>()))));
      expect(build).to.throw(TopologyError, `concurrent is ${concurrent}: it must be a whole number above 0`);
    });
  }

  it('makes a step of its own each time', () => expectIndependent(mergeMap(lookUp)));

  it('puts out everything that the inner streams emit', async () => {
    const { driver, send } = numbersThrough(mergeMap((n) => timer(8 - 2 * n).pipe(mapTo(() => n))));
    expect([...await send(1, 2, 3)].sort()).to.deep.equal([1, 2, 3]);
    expect(driver.deadLetters()).to.deep.equal([]);
  });

  it('makes a record whose inner stream fails a dead letter', async () => {
    const { driver, send } = numbersThrough(mergeMap((n) => (n === 2 ? Promise.reject(new Error('no')) : Promise.resolve(n))));
    expect(await send(1, 2, 3)).to.deep.equal([1, 3]);
    expect(driver.deadLetters().map(({ value, error, node }) => [value, error.message, node])).to.deep.equal([[2, 'no', 'stream(numbers) > mergeMap']]);
  });
});
