import { expect } from 'chai';
import { describe, it } from 'mocha';
import { debezium, inserts, labelOf, schema, stream } from 'millrace/topology';

const rows = stream('app.public.rows', debezium(schema<{ readonly id: string }>({ type: 'record', name: 'Row', fields: [] })));

describe('inserts', () => {
  for (const snapshot of ['include', 'exclude'] as const) {
    it(`says whether rows of a snapshot count: ${snapshot}`, () => {
      expect(rows.pipe(inserts({ snapshot })).node).to.deep.equal({ kind: 'inserts', parent: rows.node, snapshot });
    });
  }

  it('makes a step of its own each time', () => {
    const [first, second] = [rows.pipe(inserts({ snapshot: 'include' })).node, rows.pipe(inserts({ snapshot: 'include' })).node];
    expect(first).to.deep.equal(second);
    expect(first).to.not.equal(second);
    expect(first).to.be.frozen;
    expect(labelOf(first)).to.equal('inserts');
  });
});
