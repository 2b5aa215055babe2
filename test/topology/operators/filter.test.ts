import { expect } from 'chai';
import { describe, it } from 'mocha';
import { filter, labelOf } from 'millrace/topology';
import { expectIndependent, readings, type Reading } from './cases.ts';

const isMeasured = (reading: Reading): boolean => reading.celsius !== null;

describe('filter', () => {
  it('keeps the predicate, which labels the step', () => {
    const { node } = readings.pipe(filter(isMeasured));
    expect(node).to.deep.include({ kind: 'filter', parent: readings.node, predicate: isMeasured });
    expect(labelOf(node)).to.equal('filter(isMeasured)');
  });

  it('makes a step of its own each time', () => expectIndependent(filter(isMeasured)));
});
