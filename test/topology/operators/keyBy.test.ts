import { expect } from 'chai';
import { describe, it } from 'mocha';
import { json, keyBy, labelOf } from 'millrace/topology';
import { expectIndependent, readings, type Reading } from './cases.ts';

const bySensor = (reading: Reading): string => reading.sensor;

describe('keyBy', () => {
  it('needs no name', () => {
    const { node } = readings.pipe(keyBy(bySensor));
    expect(node).to.deep.include({ kind: 'keyBy', parent: readings.node, name: null, key: bySensor, codec: null });
    expect(labelOf(node)).to.equal('keyBy(bySensor)');
  });

  it('is labelled by the name of its repartition topic', () => {
    const { node } = readings.pipe(keyBy('sensors', bySensor));
    expect(node).to.deep.include({ kind: 'keyBy', parent: readings.node, name: 'sensors', key: bySensor, codec: null });
    expect(labelOf(node)).to.equal('keyBy(sensors)');
  });

  it('takes a codec for its repartition topic', () => {
    const codec = json<Reading>();
    expect(readings.pipe(keyBy('sensors', bySensor, { codec })).node).to.have.property('codec', codec);
  });

  it('makes a step of its own each time', () => expectIndependent(keyBy(bySensor)));
});
