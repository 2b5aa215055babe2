import { expect } from 'chai';
import { describe, it } from 'mocha';
import { debezium, json, map, schema, stream, table, type Stream } from 'millrace/topology';

interface Row { readonly id: string; readonly part: number }
const row = schema<Row>({ type: 'record', name: 'Row', namespace: 'app', fields: [] });

describe('stream and table', () => {
  it('are the topic and its codec', () => {
    const codec = debezium(row);
    expect(stream('app.rows', codec).node).to.deep.equal({ kind: 'source', topic: 'app.rows', codec });
    expect(table('app.rows', codec, { key: 'id' }).node).to.deep.equal({ kind: 'table', topic: 'app.rows', codec, key: 'id' });
    expect(table('app.rows', codec, { key: ['part', 'id'] }).node).to.have.deep.property('key', ['part', 'id']);
  });

  it('are immutable', () => {
    const rows = stream('app.rows', json<Row>());
    expect(rows).to.be.frozen;
    expect(rows.node).to.be.frozen;
    expect(table('app.rows', json<Row>(), { key: 'id' }).node).to.be.frozen;
  });
});

describe('pipe', () => {
  const rows = stream('app.rows', json<number>());
  const named = (name: string) => map({ [name]: (value: number) => value }[name]!);
  const labels = (piped: Stream<number, unknown>): string[] => {
    const names: string[] = [];
    for (let { node } = piped; node.kind === 'map'; node = node.parent) names.unshift(node.apply.name);
    return names;
  };

  it('gives the stream itself without an operator', () => {
    expect(rows.pipe()).to.equal(rows);
  });

  it('applies twelve operators from left to right', () => {
    const [a, b, c, d, e, f] = ['a', 'b', 'c', 'd', 'e', 'f'].map(named) as [ReturnType<typeof named>, ...ReturnType<typeof named>[]] & { readonly 5: ReturnType<typeof named> };
    expect(labels(rows.pipe(a, b!, c!, d!, e!, f, f, e!, d!, c!, b!, a))).to.deep.equal([...'abcdeffedcba']);
  });

  it('gives what a function of the user gives', () => {
    expect(rows.pipe((source) => source.node)).to.equal(rows.node);
  });
});
