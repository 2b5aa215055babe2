import { expect } from 'chai';
import { describe, it } from 'mocha';
import { json, labelOf, merge, redis, stream, to, topology, TopologyError } from 'millrace/topology';
import { expectIndependent, readings } from './cases.ts';

const indoors = stream('indoors', json<{ readonly room: string }>());
const outdoors = stream('outdoors', json<{ readonly place: string }>());

describe('merge', () => {
  it('has this stream first and the others in their order', () => {
    expect(readings.pipe(merge(indoors, outdoors)).node).to.deep.equal({ kind: 'merge', parents: [readings.node, indoors.node, outdoors.node], name: null });
  });

  it('takes a name for the stage that reads several topics', () => {
    const { node } = readings.pipe(merge('everywhere', outdoors));
    expect(node).to.deep.equal({ kind: 'merge', parents: [readings.node, outdoors.node], name: 'everywhere' });
    expect(labelOf(node)).to.equal('merge(everywhere)');
  });

  it('refuses to merge a stream with itself', () => {
    const build = () => topology('app', readings.pipe(merge(readings), to('out', redis.hash({ key: 'k', fields: () => ({}) }))));
    expect(build).to.throw(TopologyError, 'merges a stream with itself');
  });

  it('makes a step of its own each time', () => expectIndependent(merge(indoors)));
});
