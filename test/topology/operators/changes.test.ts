import { expect } from 'chai';
import { describe, it } from 'mocha';
import { changes, debezium, describe as picture, labelOf, schema, stream, to, topology } from 'millrace/topology';
import { kafka } from 'millrace/sinks';
import { json, map } from '../../../topology/index.ts';

const rows = stream('app.public.rows', debezium(schema<{ readonly id: string }>({ type: 'record', name: 'Row', fields: [] })));

describe('changes', () => {
  it('takes the old row for none unless the table has REPLICA IDENTITY FULL', () => {
    expect(rows.pipe(changes({ snapshot: 'include' })).node).to.deep.equal({ kind: 'changes', parent: rows.node, snapshot: 'include', identity: 'default' });
    expect(rows.pipe(changes({ snapshot: 'exclude', identity: 'full' })).node).to.deep.equal({ kind: 'changes', parent: rows.node, snapshot: 'exclude', identity: 'full' });
  });

  it('makes a step of its own each time', () => {
    const operator = changes<{ readonly id: string }, unknown>({ snapshot: 'include' });
    const [first, second] = [rows.pipe(operator).node, rows.pipe(operator).node];
    expect(first).to.deep.equal(second);
    expect(first).to.not.equal(second);
    expect(first).to.be.frozen;
    expect(labelOf(first)).to.equal('changes');
  });

  it('says in the picture what it takes', () => {
    const kinds = topology('kinds', rows.pipe(changes({ snapshot: 'exclude', identity: 'full' }), map((change) => change.type), to('kinds', kafka('kinds', json<string>()))));
    expect(picture(kinds)).to.include('changes  [snapshot excluded, identity full]');
  });
});
