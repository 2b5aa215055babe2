import { expect } from 'chai';
import { describe, it } from 'mocha';
import { json, labelOf, redis, through, to, topology, TopologyError } from 'millrace/topology';
import { expectIndependent, readings, type Reading } from './cases.ts';

describe('through', () => {
  it('names a topic and keeps its codec and settings', () => {
    const codec = json<Reading>();
    const { node } = readings.pipe(through('readings.clean', codec, { retention: '7d', partitions: 4 }));
    expect(node).to.deep.equal({ kind: 'through', parent: readings.node, topic: 'readings.clean', codec, options: { retention: '7d', partitions: 4 } });
    expect(labelOf(node)).to.equal('through(readings.clean)');
  });

  it('leaves every setting open by default', () => {
    expect(readings.pipe(through('readings.clean', json<Reading>())).node).to.have.deep.property('options', {});
  });

  for (const retention of ['7', 'd', '1w', '-1d', '0d', '1.5h', '']) {
    it(`refuses the retention '${retention}'`, () => {
      const build = () => topology('app', readings.pipe(through('clean', json<Reading>(), { retention }), to('out', redis.hash({ key: 'k', fields: () => ({}) }))));
      expect(build).to.throw(TopologyError, 'retention is');
    });
  }

  it('refuses a part of a partition', () => {
    const build = () => topology('app', readings.pipe(through('clean', json<Reading>(), { partitions: 1.5 }), to('out', redis.hash({ key: 'k', fields: () => ({}) }))));
    expect(build).to.throw(TopologyError, 'partitions is 1.5');
  });

  it('makes a step of its own each time', () => expectIndependent(through('readings.clean', json<Reading>())));
});
