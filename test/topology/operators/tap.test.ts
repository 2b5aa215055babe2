import { expect } from 'chai';
import { describe, it } from 'mocha';
import { labelOf, tap } from 'millrace/topology';
import { expectIndependent, readings } from './cases.ts';

const explode = (): void => {
  throw new Error('called while the topology was declared');
};

describe('tap', () => {
  it('keeps the effect, which labels the step, and does not call it', () => {
    const { node } = readings.pipe(tap(explode));
    expect(node).to.deep.include({ kind: 'tap', parent: readings.node, effect: explode });
    expect(labelOf(node)).to.equal('tap(explode)');
  });

  it('makes a step of its own each time', () => expectIndependent(tap(explode)));
});
