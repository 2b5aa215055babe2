import { expect } from 'chai';
import { describe, it } from 'mocha';
import { labelOf, map } from 'millrace/topology';
import { expectIndependent, readings, type Reading } from './cases.ts';

const celsiusOf = (reading: Reading): number | null => reading.celsius;

describe('map', () => {
  it('applies a function, which labels the step', () => {
    const { node } = readings.pipe(map(celsiusOf));
    expect(node).to.deep.include({ kind: 'map', parent: readings.node, apply: celsiusOf });
    expect(labelOf(node)).to.equal('map(celsiusOf)');
  });

  it('has no label for a function without a name', () => {
    expect(labelOf(readings.pipe(map((reading) => reading.celsius)).node)).to.equal('map');
  });

  it('makes a step of its own each time', () => expectIndependent(map(celsiusOf)));
});
