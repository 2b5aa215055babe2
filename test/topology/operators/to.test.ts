import { expect } from 'chai';
import { describe, it } from 'mocha';
import { labelOf, redis, to, topology, TopologyError } from 'millrace/topology';
import { readings, type Reading } from './cases.ts';

const latest = redis.hash({ key: (reading: Reading) => reading.sensor, fields: (reading: Reading) => ({ celsius: reading.celsius }) });

describe('to', () => {
  it('gives an end that keeps name and sink', () => {
    const end = readings.pipe(to('latest', latest));
    expect(end.sink).to.deep.equal({ kind: 'sink', parent: readings.node, name: 'latest', sink: latest, batch: { records: 500, waitMs: 50 } });
    expect(labelOf(end.sink)).to.equal('to(latest)');
    expect(end).to.be.frozen;
    expect(end.sink).to.be.frozen;
  });

  it('takes what is named of the batch and the rest by default', () => {
    expect(readings.pipe(to('latest', latest, { batch: { waitMs: 5 } })).sink.batch).to.deep.equal({ records: 500, waitMs: 5 });
  });

  it('refuses a batch without bounds', () => {
    const build = () => topology('app', readings.pipe(to('latest', latest, { batch: { records: Infinity, waitMs: Number.NaN } })));
    expect(build).to.throw(TopologyError, 'batch.records is Infinity');
    expect(build).to.throw(TopologyError, 'batch.waitMs is NaN');
  });

  it('can end two pipes, each for itself', () => {
    const end = to<Reading, string>('latest', latest);
    expect(readings.pipe(end).sink).to.deep.equal(readings.pipe(end).sink);
    expect(readings.pipe(end).sink).to.not.equal(readings.pipe(end).sink);
  });
});
