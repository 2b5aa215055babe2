import { expect } from 'chai';
import { describe, it } from 'mocha';
import { debezium, dedupe, describe as picture, inserts, json, keyBy, labelOf, schema, stream, to, topology, TopologyError, type Change, type End, type Stream } from 'millrace/topology';
import { kafka } from 'millrace/sinks';

interface Row { readonly id: string }
const rows = stream('app.public.rows', debezium(schema<Row>({ type: 'record', name: 'Row', fields: [] })));
const end = (changes: Stream<Change<Row>, unknown>, name = 'out'): End => changes.pipe(inserts({ snapshot: 'include' }), to(name, kafka(name, json<Row>())));

describe('dedupe', () => {
  it('remembers ten thousand changes unless said otherwise', () => {
    expect(rows.pipe(dedupe('seen')).node).to.deep.equal({ kind: 'dedupe', parent: rows.node, name: 'seen', events: 10_000, state: { kind: 'json' } });
    expect(rows.pipe(dedupe('seen', { events: 7 })).node).to.deep.include({ events: 7 });
    expect(labelOf(rows.pipe(dedupe('seen')).node)).to.equal('dedupe(seen)');
  });

  it('makes a step of its own each time', () => {
    const operator = dedupe<Row, unknown>('seen');
    const [first, second] = [rows.pipe(operator).node, rows.pipe(operator).node];
    expect(first).to.deep.equal(second);
    expect(first).to.not.equal(second);
    expect(first).to.be.frozen;
  });

  for (const [what, make, problem] of [
    ['a name that is legal in Kafka', () => [end(rows.pipe(dedupe('no name')))], 'the name "no name" is not legal in Kafka'],
    ['room for a change', () => [end(rows.pipe(dedupe('seen', { events: 0 })))], 'events is 0: it must be a whole number above 0'],
    ['a name of its own', () => [end(rows.pipe(dedupe('seen')), 'a'), end(rows.pipe(dedupe('seen')), 'b')], 'the store seen is declared 2 times'],
    ['the key that Debezium gave', () => [end(rows.pipe(keyBy((change) => change.op), dedupe('seen')))], 'dedupe(seen): goes by the key that Debezium gave: put it in front of keyBy'],
  ] as const) {
    it(`needs ${what}`, () => expect(() => topology('t', ...make())).to.throw(TopologyError, problem));
  }

  it('says in the picture how far back it remembers', () => {
    expect(picture(topology('t', end(rows.pipe(dedupe('seen', { events: 50 })))))).to.include('dedupe(seen)  [last 50 changes]');
    expect(picture(topology('t', end(rows.pipe(dedupe('seen')))), { format: 'mermaid' })).to.include('[("dedupe(seen)")]');
  });
});
