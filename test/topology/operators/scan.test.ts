import { expect } from 'chai';
import { describe, it } from 'mocha';
import { json, labelOf, redis, scan, to, topology, TopologyError } from 'millrace/topology';
import { expectIndependent, readings, type Reading } from './cases.ts';

const warmest = (most: number, reading: Reading): number => Math.max(most, reading.celsius ?? most);

describe('scan', () => {
  it('is labelled by its store and keeps reducer, seed and codec', () => {
    const state = json<number>();
    const { node } = readings.pipe(scan('warmest', warmest, { state, seed: -273 }));
    expect(node).to.deep.include({ kind: 'scan', parent: readings.node, name: 'warmest', reducer: warmest, seed: -273, state });
    expect(labelOf(node)).to.equal('scan(warmest)');
  });

  it('takes a seed that depends on the key, and does not call it', () => {
    const seed = (key: string): number => key.length;
    expect(readings.pipe(scan('warmest', warmest, { state: json<number>(), seed })).node).to.have.property('seed', seed);
  });

  it('refuses a name that no changelog topic could have', () => {
    const build = () => topology('app', readings.pipe(scan('the warmest', warmest, { state: json<number>(), seed: 0 }), to('out', redis.hash({ key: 'k', fields: () => ({}) }))));
    expect(build).to.throw(TopologyError, 'the name "the warmest" is not legal in Kafka');
  });

  it('makes a step of its own each time', () => expectIndependent(scan('warmest', warmest, { state: json<number>(), seed: -273 })));
});
