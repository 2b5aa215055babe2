import { expect } from 'chai';
import { describe, it } from 'mocha';
import { avro, debezium, json, schema } from 'millrace/topology';

interface Row { readonly id: bigint; readonly at: string }

describe('schema', () => {
  for (const [given, name] of [
    [{ name: 'Row' }, 'Row'],
    [{ name: 'Row', namespace: 'app.public' }, 'app.public.Row'],
    [{ name: 'other.Row', namespace: 'app.public' }, 'other.Row'],
  ] as const) {
    it(`has the full name of its record: ${name}`, () => {
      const avro = { type: 'record', ...given, fields: [] } as const;
      expect(schema<Row>(avro)).to.deep.equal({ name, avro });
    });
  }
});

describe('codecs', () => {
  const row = schema<Row>({ type: 'record', name: 'Row', fields: [] });
  const at = (value: Row): number => Number(value.at);

  it('are values; int64 is exact and event time the record\'s unless said otherwise', () => {
    expect(json<{ readonly id: string }>()).to.deep.equal({ kind: 'json' });
    expect(avro(row)).to.deep.equal({ kind: 'avro', schema: row, int64: 'bigint' });
    expect(avro(row, { int64: 'number' })).to.deep.equal({ kind: 'avro', schema: row, int64: 'number' });
    const exact = { kind: 'debezium', schema: row, int64: 'bigint', decimal: 'string', time: 'units', shape: 'envelope', unavailable: '__debezium_unavailable_value', timestamp: null };
    expect(debezium(row)).to.deep.equal(exact);
    expect(debezium(row, { timestamp: at })).to.deep.equal({ ...exact, timestamp: at });
    expect(debezium(row, { int64: 'number', decimal: 'number', time: 'text' })).to.deep.equal({ ...exact, int64: 'number', decimal: 'number', time: 'text' });
    expect(debezium(row, { shape: 'flattened', unavailable: 'hex:00' })).to.deep.equal({ ...exact, shape: 'flattened', unavailable: 'hex:00' });
  });
});
