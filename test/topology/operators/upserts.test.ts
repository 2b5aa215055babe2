import { expect } from 'chai';
import { describe, it } from 'mocha';
import { debezium, json, labelOf, map, schema, stream, to, topology, TopologyError, upserts } from 'millrace/topology';
import { kafka } from 'millrace/sinks';

interface Row { readonly tenant: string; readonly id: string }
const rows = stream('app.public.rows', debezium(schema<Row>({ type: 'record', name: 'Row', fields: [] })));

describe('upserts', () => {
  it('keeps the columns of the key in their order', () => {
    expect(rows.pipe(upserts({ key: 'id' })).node).to.deep.equal({ kind: 'upserts', parent: rows.node, key: 'id' });
    const given: ('tenant' | 'id')[] = ['tenant', 'id'];
    const { node } = rows.pipe(upserts({ key: given }));
    given.reverse();
    expect(node).to.deep.equal({ kind: 'upserts', parent: rows.node, key: ['tenant', 'id'] });
    expect(labelOf(node)).to.equal('upserts(tenant, id)');
  });

  it('makes a step of its own each time', () => {
    const [first, second] = [rows.pipe(upserts({ key: 'id' })).node, rows.pipe(upserts({ key: 'id' })).node];
    expect(first).to.deep.equal(second);
    expect(first).to.not.equal(second);
    expect(first).to.be.frozen;
  });

  it('needs a column', () => {
    const keyless = rows.pipe(upserts({ key: [] }), map(() => ''), to('out', kafka('out', json<string>())));
    expect(() => topology('keyless', keyless)).to.throw(TopologyError, 'upserts has no key column');
  });
});
