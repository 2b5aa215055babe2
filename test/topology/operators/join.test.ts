import { expect } from 'chai';
import { describe, it } from 'mocha';
import { join, json, labelOf, table } from 'millrace/topology';
import { expectIndependent, readings, type Reading } from './cases.ts';

const sensors = table('sensors', json<{ readonly id: string; readonly room: string }>(), { key: 'id' });
const sensorOf = (reading: Reading): string => reading.sensor;

describe('join', () => {
  it('refers to the table and keeps the function that gives its key', () => {
    const { node } = readings.pipe(join(sensors, sensorOf));
    expect(node).to.deep.include({ kind: 'join', type: 'inner', parent: readings.node, table: sensors.node, key: sensorOf });
    expect(labelOf(node)).to.equal('join(sensors)');
  });

  it('makes a step of its own each time', () => expectIndependent(join(sensors, sensorOf)));
});
