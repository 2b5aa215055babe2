/** Large values that an update did not touch: what Debezium sends in their place, by type, and how a table gets them back. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { mergeUnavailable } from '../../lib/serde/index.ts';
import { debezium, schema, type Change, type TimeAs } from '../../topology/index.ts';
import { Capture } from './support/capture.ts';

type Row = Record<string, unknown>;
type Field = { readonly name: string; readonly type: unknown };

/** Parts that do not compress, so that a few hundred of them are stored out of line. */
const parts = (each: string): string => `(SELECT array_agg(${each}) FROM generate_series(1, 600) i)`;
const text = `array_to_string(${parts('md5(i::text)')}, '')`;

const COLUMNS: readonly (readonly [type: string, value: string])[] = [
  ['text', text],
  ['varchar', text],
  ['citext', text],
  ['xml', `('<a>' || ${text} || '</a>')::xml`],
  ['json', `to_json(${text})`],
  ['jsonb', `to_jsonb(${text})`],
  ['bytea', `decode(${text}, 'hex')`],
  ['text[]', parts('md5(i::text)')],
  ['varchar[]', `${parts('md5(i::text)')}::varchar[]`],
  ['int[]', parts("('x' || substr(md5(i::text), 1, 7))::bit(28)::int")],
  ['bigint[]', `${parts("('x' || substr(md5(i::text), 1, 15))::bit(60)::bigint")}`],
  ['date[]', parts("date '2000-01-01' + (('x' || substr(md5(i::text), 1, 4))::bit(16)::int)")],
  ['uuid[]', parts('md5(i::text)::uuid')],
  ['jsonb[]', parts("to_jsonb(md5(i::text))")],
  ['bytea[]', parts("decode(md5(i::text), 'hex')")],
  ['hstore', `hstore(${parts('i::text')}, ${parts('md5(i::text)')})`],
  ['tsvector', `array_to_tsvector(${parts('md5(i::text)')})`],
];
/** Debezium itself takes these for null, which no reader can tell from a null: docs/CHANGES.md warns of it. */
const LOST: readonly (readonly [type: string, value: string])[] = [
  ['numeric', `('1' || translate(${text}, 'abcdef', '012345'))::numeric`],
  ['varbit', `('x' || ${text})::bit(32768)::varbit`],
  ['smallint[]', `${parts('i::smallint')} || ${parts('i::smallint')}`],
  ['timestamp[]', parts("timestamp '2000-01-01' + i * interval '1 us'")],
  ['timestamp(3)[]', parts("timestamp '2000-01-01' + i * interval '1 ms'")],
  ['timestamptz[]', parts("timestamptz '2000-01-01' + i * interval '1 us'")],
  ['time[]', parts("time '00:00' + i * interval '1 us'")],
  ['double precision[]', parts('i::float8')],
  ['real[]', `${parts('i::float4')} || ${parts('i::float4')}`],
  ['numeric[]', parts('i::numeric * 12345678901234567890')],
  ['numeric(30,2)[]', parts("i::numeric * 12345678901234567890")],
  ['boolean[]', `array_fill(true, ARRAY[6000])`],
  ['inet[]', parts("inet '10.0.0.0' + i")],
];
const ALL = [...COLUMNS, ...LOST];
const column = (i: number): string => `c${i}`;

describe('large values that an update did not touch', function () {
  this.timeout(90_000);
  const capture = new Capture('toasttest');
  const table = `${capture.name}t`;
  let row: { readonly type: 'record'; readonly name: string; readonly fields: readonly Field[] };
  let inserted: Row;
  let updated: Row;
  let update: Buffer;

  const decode = async (bytes: Buffer, unavailable: 'keep' | 'refuse', fields: readonly Field[] = row.fields, time: TimeAs = 'units'): Promise<Row> => {
    const decoder = capture.serde().valueDecoder(debezium(schema<Row>({ ...row, fields }), { time }), unavailable);
    await decoder.prepare({ count: 1, key: () => null, value: () => bytes });
    return (decoder.decode(bytes) as Change<Row>).after!;
  };

  before(async () => {
    await capture.client.connect();
    for (const extension of ['hstore', 'citext']) await capture.sql(`CREATE EXTENSION IF NOT EXISTS ${extension}`);
    const types = ALL.map(([type], i) => `${column(i)} ${type}`);
    await capture.sql(`CREATE TABLE ${table} (id int PRIMARY KEY, note text, ${types.join(', ')})`);
    for (const [i] of ALL.entries()) await capture.sql(`ALTER TABLE ${table} ALTER ${column(i)} SET STORAGE EXTERNAL`).catch(() => undefined);
    const name = await capture.connector('c', [table]);
    await capture.sql(`INSERT INTO ${table} VALUES (1, 'first', ${ALL.map(([, value]) => value).join(', ')})`);
    await capture.sql(`UPDATE ${table} SET note = 'second'`);
    const [first, second] = await capture.records(`${name}.public.${table}`, 2);
    update = second!.value!;
    const envelope = await capture.schemaOf(update);
    const before = (envelope['fields'] as Field[]).find((field) => field.name === 'before')!.type as readonly unknown[];
    row = { ...(before[1] as typeof row) };
    inserted = await decode(first!.value!, 'keep');
    updated = await decode(update, 'keep');
  });

  after(() => capture.close());

  for (const [i, [type]] of COLUMNS.entries()) {
    it(`come back from the row before: ${type}`, () => {
      expect(String(inserted[column(i)]).length, 'the value').to.be.above(2_000);
      expect(updated[column(i)], 'a placeholder').to.not.deep.equal(inserted[column(i)]);
      expect(mergeUnavailable(updated, inserted)[column(i)]).to.deep.equal(inserted[column(i)]);
      expect(mergeUnavailable(updated, undefined)[column(i)]).to.equal(null);
    });

    it(`are a dead letter for a stream: ${type}`, async () => {
      const wanted = row.fields.filter(({ name }) => name === column(i));
      for (const time of ['units', 'text'] as const) {
        const thrown = await decode(update, 'refuse', wanted, time).catch((error: unknown) => error);
        expect(thrown).to.be.instanceOf(DeadLetterError);
        expect(String(thrown)).to.include(`column ${column(i)} was not sent by Debezium (unchanged TOAST)`);
      }
    });
  }

  for (const [n, [type]] of LOST.entries()) {
    it(`are lost by Debezium, as null: ${type}`, () => {
      expect(inserted[column(COLUMNS.length + n)]).to.not.equal(null);
      expect(updated[column(COLUMNS.length + n)]).to.equal(null);
    });
  }

  it('leave the rest of the row as it is', () => {
    expect(mergeUnavailable(updated, inserted)['note']).to.equal('second');
  });
});
