/** What a stream chooses for its values; what does not fit is an error that names the column. */
import avsc from 'avsc';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { numberOf } from '../../lib/serde/decimal.ts';
import { debezium, schema, type AvroSchema, type Change, type DebeziumOptions } from '../../topology/index.ts';
import { connect, DECIMAL, offline, VARIABLE, wire } from './support.ts';

type Row = Record<string, unknown>;
type Options = DebeziumOptions<Row, 'bigint' | 'number', 'string' | 'number', 'units' | 'text'>;

const rowOf = (type: AvroSchema): { readonly type: 'record'; readonly name: string; readonly fields: readonly unknown[] } => ({ type: 'record', name: 'Value', fields: [{ name: 'price', type }] });

const envelope = (type: AvroSchema): AvroSchema => ({
  type: 'record', name: 'Envelope', fields: [
    { name: 'before', type: ['null', rowOf(type)] }, { name: 'after', type: ['null', 'Value'] }, { name: 'op', type: 'string' },
    { name: 'source', type: { type: 'record', name: 'Source', fields: [{ name: 'lsn', type: 'long' }] } },
  ],
});

/** Column `price` of a change, written by avsc. */
const read = async (type: AvroSchema, value: unknown, options: Options, ours: AvroSchema = type): Promise<unknown> => {
  const { serde, schemas } = offline();
  const id = await schemas.register('t', envelope(type));
  const bytes = avsc.Type.forSchema(envelope(type) as never, { wrapUnions: 'always' }).toBuffer({ before: null, after: { Value: { price: value } }, op: 'c', source: { lsn: 1 } });
  return (serde.valueDecoder(debezium(schema<Row>(rowOf(ours)), options)).decode(wire(id, bytes)) as Change<Row>).after!['price'];
};

const decimal = (hex: string): Buffer => Buffer.from(hex, 'hex');
const unscaled = (n: bigint): Buffer => {
  const hex = n.toString(16);
  return Buffer.from(`00${hex.length % 2 === 0 ? '' : '0'}${hex}`, 'hex');
};
const US = connect('long', 'io.debezium.time.MicroTimestamp');

describe('values as a stream chooses them', () => {
  const cases: readonly (readonly [what: string, type: AvroSchema, value: unknown, options: Options, read: unknown])[] = [
    ['a decimal', DECIMAL, decimal('04d2'), {}, '12.34'],
    ['a decimal as a number', DECIMAL, decimal('04d2'), { decimal: 'number' }, 12.34],
    ['a decimal of its own scale as a number', VARIABLE, { scale: -2, value: decimal('0c') }, { decimal: 'number' }, 1200],
    ['decimals in a list', { type: 'array', items: DECIMAL }, [decimal('04d2')], { decimal: 'number' }, [12.34]],
    ['a decimal of negative scale', { ...DECIMAL, scale: 2046 }, unscaled(12_300n * 10n ** 2046n), {}, '12300'],
    ['a time stamp', US, 1_500_000, {}, 1_500_000n],
    ['a time stamp as text', US, 1_500_000, { time: 'text' }, '1970-01-01T00:00:01.5'],
    ['a time stamp as text, though int64 is a number', US, 1_500_000, { time: 'text', int64: 'number' }, '1970-01-01T00:00:01.5'],
    ['a time stamp as a number', US, 1_500_000, { int64: 'number' }, 1_500_000],
    ['a long', 'long', 5, { time: 'text', decimal: 'number' }, 5n],
  ];
  for (const [what, type, value, options, expected] of cases) {
    it(`read ${what} (${JSON.stringify(options)})`, async () => expect(await read(type, value, options)).to.deep.equal(expected));
  }

  for (const [what, type, value, options, message, ours] of [
    ['a decimal of too many digits', { ...DECIMAL, precision: 38 }, decimal('7fffffffffffffff'), { decimal: 'number' }, "price: 92233720368547758.07 does not fit a number exactly: leave out decimal: 'number' to read it as text"],
    ['a long beyond 2^53 as a double of ours', 'long', 2n ** 53n, {}, 'price: 9007199254740992 is beyond 2^53 - 1: our schema has a double here, which cannot hold it', 'double'],
    ['an interval that overflowed', connect('long', 'io.debezium.time.MicroDuration'), -(2n ** 63n), {}, 'price: -9223372036854775808 stands for an interval of more than 292,271 years'],
  ] as const) {
    it(`refuse ${what}, and name the column`, async () => {
      const attempt = typeof value === 'bigint' ? readLong(type, value, ours ?? type) : read(type, value, options, ours ?? type);
      const thrown = await attempt.catch((error: unknown) => error);
      expect(thrown).to.be.instanceOf(DeadLetterError);
      expect(String(thrown)).to.include(message);
    });
  }
});

/** avsc writes no long beyond 2^53: the last ten bytes are the value. */
const readLong = async (type: AvroSchema, value: bigint, ours: AvroSchema): Promise<unknown> => {
  const { serde, schemas } = offline();
  const id = await schemas.register('t', envelope(type));
  const zigzag = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const varint = Array.from({ length: 10 }, (_, i) => Number((zigzag >> BigInt(7 * i)) & 0x7fn) | (i < 9 ? 0x80 : 0));
  const bytes = Buffer.from([0, 2, ...varint, 2, 'c'.charCodeAt(0), 2]);
  return (serde.valueDecoder(debezium(schema<Row>(rowOf(ours)))).decode(wire(id, bytes)) as Change<Row>).after!['price'];
};

describe('a decimal is a number', () => {
  for (const [text, n] of [
    ['0', 0], ['-0.0000', -0], ['0.000000000000000000000', 0], ['12.50', 12.5], ['-12.5', -12.5], ['9007199254740991', 9007199254740991], ['9007199254740992', 9007199254740992],
    ['0.1000000000000000000000000000', 0.1], [`0.${'0'.repeat(29)}1`, 1e-30], [`1${'0'.repeat(30)}`, 1e30], ['123456789012345000000', 123456789012345000000], [`-${'9'.repeat(15)}.00000`, -999999999999999],
  ] as const) {
    it(`when it prints the same digits: ${text.slice(0, 40)}`, () => expect(numberOf(text)).to.equal(n));
  }
  for (const text of ['9007199254740993', '0.12345678901234567890', `1${'0'.repeat(400)}`, `0.${'0'.repeat(400)}1`, `0.${'0'.repeat(310)}123456`, '12345678901234567.1']) {
    it(`not when it would print others: ${text.slice(0, 40)}`, () => expect(numberOf(text)).to.equal(undefined));
  }
});
