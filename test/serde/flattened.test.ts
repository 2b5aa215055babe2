/** Rows as ExtractNewRecordState leaves them, and what else may lie on a topic of changes. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import type { Unavailable } from '../../lib/serde/index.ts';
import { debezium, schema, type AvroSchema, type Change, type DebeziumShape } from '../../topology/index.ts';
import { offline, wire, written } from './support.ts';

type Row = Record<string, unknown>;
const optional = (type: string): AvroSchema => ['null', type];
const field = (name: string, type: AvroSchema): { readonly name: string; readonly type: AvroSchema } => ({ name, type });
const ours = schema<Row>({ type: 'record', name: 'Value', fields: [field('id', 'long'), field('note', 'string')] });

const flat = (...marks: readonly { readonly name: string; readonly type: AvroSchema }[]): AvroSchema =>
  ({ type: 'record', name: 'Value', namespace: 'app.public.rows', fields: [field('id', 'int'), field('note', optional('string')), ...marks] });

const MARKS = flat(
  field('__op', optional('string')), field('__deleted', optional('string')), field('__lsn', optional('long')), field('__source_ts_ms', optional('long')), field('__source_snapshot', optional('string')),
  field('__transaction_id', optional('string')), field('__transaction_total_order', optional('long')),
);
const row = { id: 7, note: { string: 'x' } };
const nothing = { __op: null, __deleted: null, __lsn: null, __source_ts_ms: null, __source_snapshot: null, __transaction_id: null, __transaction_total_order: null };

interface Reading {
  readonly shape?: DebeziumShape;
  readonly unavailable?: Unavailable;
  readonly placeholder?: string;
}

const read = async (theirs: AvroSchema, value: unknown, { shape = 'flattened', unavailable = 'refuse', placeholder }: Reading = {}): Promise<Change<Row>> => {
  const { serde, schemas } = offline();
  const id = await schemas.register('t', theirs);
  return serde.valueDecoder(debezium(ours, { shape, ...(placeholder === undefined ? {} : { unavailable: placeholder }) }), unavailable).decode(wire(id, written(theirs, value))) as Change<Row>;
};

const refusal = (attempt: Promise<unknown>): Promise<unknown> => attempt.then((value) => expect.fail(`got ${JSON.stringify(value, (_, each: unknown) => String(each))}`), (thrown: unknown) => thrown);

describe('flattened rows', () => {
  it('are changes, with what the transform has added', async () => {
    const value = { ...row, ...nothing, __op: { string: 'u' }, __deleted: { string: 'false' }, __lsn: { long: 6 }, __source_ts_ms: { long: 5 }, __source_snapshot: { string: 'last' }, __transaction_id: { string: '5:6' }, __transaction_total_order: { long: 2 } };
    expect(await read(MARKS, value)).to.deep.equal({
      op: 'u', before: null, after: { id: 7n, note: 'x' }, source: { tsUs: 5000, snapshot: 'last', schema: '', table: '', txId: null, lsn: 6n }, transaction: { id: '5:6', totalOrder: 2, dataCollectionOrder: 0 },
    });
  });

  it('are changes without it, but for the op', async () => {
    const value = { ...row, __op: 'c' };
    expect(await read(flat(field('__op', 'string')), value)).to.deep.equal({
      op: 'c', before: null, after: { id: 7n, note: 'x' }, source: { tsUs: 0, snapshot: 'false', schema: '', table: '', txId: null, lsn: null }, transaction: null,
    });
  });

  it('are deletes when they say so, and have nulls then', async () => {
    const { op, before, after } = await read(MARKS, { ...row, note: null, ...nothing, __deleted: { string: 'true' } }, { shape: 'rewritten' });
    expect({ op, before, after }).to.deep.equal({ op: 'd', before: { id: 7n, note: null }, after: null });
  });

  it('may not have a null where our schema has none, unless they are deletes', async () => {
    expect(String(await refusal(read(MARKS, { ...row, note: null, ...nothing, __op: { string: 'c' } })))).to.include('note: null cannot be read as string');
  });

  it('are dead letters for a stream without their op, and rows for a table', async () => {
    const thrown = await refusal(read(flat(), row));
    expect(thrown).to.be.instanceOf(DeadLetterError);
    expect(String(thrown)).to.include('the row does not say whether it was inserted or updated. Set add.fields=op');
    expect((await read(flat(), row, { unavailable: 'keep' })).after).to.deep.equal({ id: 7n, note: 'x' });
  });

  it('are refused with a value that was not sent', async () => {
    expect(String(await refusal(read(MARKS, { ...row, ...nothing, __op: { string: 'u' }, note: { string: '__debezium_unavailable_value' } })))).to.include('column note was not sent by Debezium');
  });

  it("are refused with a value that was not sent behind the connector's own placeholder, and no other", async () => {
    const noted = (note: string): Promise<Change<Row>> => read(MARKS, { ...row, ...nothing, __op: { string: 'u' }, note: { string: note } }, { placeholder: '(unchanged)' });
    expect(String(await refusal(noted('(unchanged)')))).to.include('column note was not sent by Debezium');
    expect((await noted('__debezium_unavailable_value')).after).to.deep.equal({ id: 7n, note: '__debezium_unavailable_value' });
  });

  it('are not taken for envelopes, nor envelopes for them', async () => {
    const envelope: AvroSchema = { type: 'record', name: 'Envelope', fields: [field('before', optional('int')), field('after', optional('int')), field('source', 'int'), field('op', 'string')] };
    expect(String(await refusal(read(envelope, { before: null, after: null, source: 1, op: 'c' })))).to.include("is a whole Debezium envelope: leave out shape: 'flattened'");
    expect(String(await refusal(read(flat(), row, { shape: 'envelope' })))).to.include("this is not a Debezium change event (a flattened row is read with shape: 'flattened')");
  });

  for (const [shape, op] of [['flattened', 'd'], ['rewritten', undefined], ['envelope', undefined]] as const) {
    it(`are ${op === undefined ? 'no change' : 'a delete'} when they are tombstones, in the shape ${shape}`, () => {
      const change = offline().serde.valueDecoder(debezium(ours, { shape })).decode(null) as Change<Row>;
      expect(change.op).to.equal(op);
    });
  }
});

describe('what is no change of a row', () => {
  const record = (name: string, connectName: string): AvroSchema => ({ type: 'record', name, 'connect.name': connectName, fields: [field('ts_ms', 'long')] });
  for (const [what, theirs, message] of [
    ['a heartbeat', record('io.debezium.connector.common.Heartbeat', 'io.debezium.connector.common.Heartbeat'), 'this is a heartbeat of the connector, not a change of a row'],
    ["a transaction's marker", record('x.TransactionMetadataValue', 'io.debezium.connector.common.TransactionMetadataValue'), "this is a marker of a transaction's begin or end, not a change of a row"],
    ['another record', record('shop.Order', 'shop.Order'), 'there is no such field: this is not a Debezium change event'],
  ] as const) {
    it(`is a dead letter that says what it is: ${what}`, async () => {
      const thrown = await refusal(read(theirs, { ts_ms: 5 }, { shape: 'envelope' }));
      expect(thrown).to.be.instanceOf(DeadLetterError);
      expect(String(thrown)).to.include(message);
    });
  }

  for (const [what, bytes, message] of [
    ['JSON', Buffer.from('{"op":"c"}'), 'the value is not Avro with a schema id: it begins with byte 123, not 0: it looks like JSON'],
    ['ids of eight bytes', Buffer.from('000000000000000001020304', 'hex'), "the value names schema 0, which there is not: it looks like Apicurio's framing with ids of eight bytes. Set apicurio.registry.as-confluent=true"],
    ['nothing', Buffer.alloc(0), 'the value is empty, not Avro with a schema id'],
    ['too little', Buffer.from([0, 0, 1]), 'the value is 3 bytes, too short for Avro with a schema id'],
  ] as const) {
    for (const shape of ['envelope', 'flattened'] as const) {
      it(`is a dead letter that says what it looks like: ${what} (${shape})`, () => {
        const decoder = offline().serde.valueDecoder(debezium(ours, { shape }));
        expect(decoder.prepare({ count: 1, key: () => null, value: () => bytes }), 'no registry is asked').to.equal(undefined);
        expect(() => decoder.decode(bytes)).to.throw(DeadLetterError, message);
      });
    }
  }
});
