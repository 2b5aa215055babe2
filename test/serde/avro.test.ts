import avsc from 'avsc';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { NO_VALUE } from '../../lib/serde/index.ts';
import { avro, schema, type AvroSchema } from '../../topology/codecs.ts';
import { connect, DECIMAL, ENUM, offline, recordOf, refusal, through, VARIABLE, wire } from './support.ts';

describe('the avro codec', () => {
  const values: readonly (readonly [name: string, type: AvroSchema, value: unknown])[] = [
    ['a boolean', 'boolean', true],
    ['an int', 'int', -2147483648],
    ['the largest long', 'long', 9223372036854775807n],
    ['the smallest long', { type: 'long' }, -9223372036854775808n],
    ['a long beyond 2^53', { type: 'long', 'connect.default': 0 }, 9007199254740993n],
    ['a small long', 'long', -1n],
    ['a double', 'double', 0.1],
    ['a float', 'float', 1.5],
    ['text', 'string', 'zürich 😀'],
    ['long text', 'string', 'ü'.repeat(10_000)],
    ['no text', 'string', ''],
    ['bytes', 'bytes', Buffer.from([0, 255])],
    ['null in a union', ['null', 'string'], null],
    ['text in a union', ['null', 'string'], 'x'],
    ['a long in a union', ['null', 'long'], 1n],
    ['a long beside a string', ['null', 'string', 'long'], 9007199254740993n],
    ['an enum', ENUM, 'B'],
    ['a fixed', { type: 'fixed', name: 'F', size: 3 }, Buffer.from('abc')],
    ['an array', { type: 'array', items: ['null', 'long'] }, [1n, null]],
    ['an empty array', { type: 'array', items: 'string' }, []],
    ['a map', { type: 'map', values: 'int' }, { a: 1, __proto: 2, '': 3 }],
    ['a nested record', { type: 'record', name: 'Inner', fields: [{ name: 'w', type: 'long' }] }, { w: 2n }],
    ['a decimal', DECIMAL, '-12.34'],
    ['a nullable decimal', ['null', DECIMAL], '1234.00'],
    ['a fixed decimal', { type: 'fixed', name: 'FD', size: 4, logicalType: 'decimal', precision: 9, scale: 1 }, '-0.5'],
    ['a decimal of variable scale', ['null', VARIABLE], '0.00000000000000000001'],
    ['a time in microseconds', connect('long', 'io.debezium.time.MicroTimestamp'), 9223372036854775807n],
    ['JSON text', connect('string', 'io.debezium.data.Json'), '{"a":1}'],
    ['a date', connect('int', 'io.debezium.time.Date'), 20455],
  ];
  for (const [name, type, value] of values) {
    it(`carries ${name} unchanged`, async () => {
      expect(await through(type, value)).to.deep.equal(value);
    });
  }

  it('writes bytes that any Avro reader understands', async () => {
    const { serde } = offline();
    const encoder = serde.valueEncoder(avro(recordOf({ type: 'array', items: ['null', DECIMAL, 'long'] })), 'topic');
    await encoder.prepare();
    expect((encoder.encode({ v: ['12.34', null, -64n, 64n] }) as Buffer).toString('hex')).to.equal('0000000001' + '08' + '020404d2' + '00' + '047f' + '048001' + '00');
  });

  it('gives plain objects, so that deep equality and cloning work', async () => {
    expect(Object.getPrototypeOf(await through({ type: 'record', name: 'Inner', fields: [{ name: 'w', type: 'int' }] }, { w: 2 }))).to.equal(Object.prototype);
  });

  it('takes Uint8Array for bytes', async () => {
    expect(await through('bytes', new Uint8Array([7]))).to.deep.equal(Buffer.from([7]));
  });

  it('gives bytes that do not keep the fetched batch alive', async () => {
    const { serde, schemas } = offline();
    const codec = avro(recordOf('bytes'));
    const batch = Buffer.from(new Uint8Array([0, 0, 0, 0, await schemas.register('t', codec.schema.avro), 6, 1, 2, 3]).buffer);
    const { v } = serde.valueDecoder(codec).decode(batch) as { v: Buffer };
    expect([...v]).to.deep.equal([1, 2, 3]);
    expect(v.buffer).to.not.equal(batch.buffer);
  });

  it('reads and writes checked numbers where the codec asks for them', async () => {
    for (const value of [9007199254740991, -9007199254740991, 4503599627370497, -4503599627370497, -5, 0]) expect(await through('long', value, 'number')).to.equal(value);
    expect(await through(['null', 'long'], -5, 'number')).to.equal(-5);
    expect(await refusal(through('long', 2 ** 53, 'number'))).to.be.instanceOf(DeadLetterError);
  });

  it('names the field whose long is beyond the numbers', async () => {
    const { serde, schemas } = offline();
    const codec = avro(recordOf({ type: 'record', name: 'Inner', fields: [{ name: 'id', type: ['null', 'long'] }] }), { int64: 'number' });
    const id = await schemas.register('t', codec.schema.avro);
    const bytes = wire(id, Buffer.from('028080808080808020', 'hex'));
    expect(() => serde.valueDecoder(codec).decode(bytes)).to.throw(DeadLetterError, /schema 1 \(R\), v\.id: 9007199254740992 is beyond 2\^53 - 1/);
  });

  it('reads records that contain themselves', async () => {
    const list = { type: 'record', name: 'List', fields: [{ name: 'head', type: 'int' }, { name: 'tail', type: ['null', 'List'] }] };
    expect(await through(list, { head: 1, tail: { head: 2, tail: null } })).to.deep.equal({ head: 1, tail: { head: 2, tail: null } });
  });

  it('keeps a field called __proto__ a field', async () => {
    const { serde, schemas } = offline();
    const codec = avro(schema<never>({ type: 'record', name: 'R', fields: [{ name: '__proto__', type: 'int' }] }));
    const id = await schemas.register('t', codec.schema.avro);
    const value = serde.valueDecoder(codec).decode(wire(id, Buffer.from([14])));
    expect(Object.getPrototypeOf(value)).to.equal(Object.prototype);
    expect(Object.entries(value as object)).to.deep.equal([['__proto__', 7]]);
  });

  it('takes null bytes for no value', () => {
    expect(offline().serde.valueDecoder(avro(recordOf('int'))).decode(null)).to.equal(NO_VALUE);
  });
});

interface Sample {
  readonly type: AvroSchema;
  /** A value as avsc has it, and the same as we have it. */
  readonly theirs: unknown;
  readonly ours: unknown;
}

let names = 0;
const plain = (type: AvroSchema, values: fc.Arbitrary<unknown>): fc.Arbitrary<Sample> => values.map((value) => ({ type, theirs: value, ours: value }));
const samples = fc.letrec<{ sample: Sample }>((tie) => ({
  sample: fc.oneof(
    { maxDepth: 3, depthSize: 'small' },
    plain('null', fc.constant(null)),
    plain('boolean', fc.boolean()),
    plain('int', fc.integer()),
    // avsc itself writes other numbers than it is given below -2^52.
    plain('long', fc.integer({ min: -(2 ** 52), max: 2 ** 52 })),
    plain('double', fc.double()),
    plain('float', fc.float()),
    plain('string', fc.string({ unit: 'binary' }).map((text) => text.toWellFormed())),
    plain('string', fc.integer({ min: 0, max: 200 }).map((length) => 'é'.repeat(length))),
    plain('bytes', fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes))),
    fc.array(fc.tuple(tie('sample'), fc.boolean()), { maxLength: 4 }).map((fields): Sample => ({
      type: { type: 'record', name: `R${(names += 1)}`, fields: fields.map(([field, nullable], i) => ({ name: `f${i}`, type: nullable && field.type !== 'null' && !Array.isArray(field.type) ? ['null', field.type] : field.type })) },
      theirs: Object.fromEntries(fields.map(([field], i) => [`f${i}`, field.theirs])),
      ours: Object.fromEntries(fields.map(([field], i) => [`f${i}`, field.ours])),
    })),
    fc.tuple(tie('sample'), fc.nat(3)).map(([item, count]): Sample => ({ type: { type: 'array', items: item.type }, theirs: Array.from({ length: count }, () => item.theirs), ours: Array.from({ length: count }, () => item.ours) })),
    fc.tuple(tie('sample'), fc.uniqueArray(fc.string(), { maxLength: 3 })).map(([value, keys]): Sample => ({
      type: { type: 'map', values: value.type },
      theirs: Object.fromEntries(keys.map((key) => [key, value.theirs])),
      ours: Object.fromEntries(keys.map((key) => [key, value.ours])),
    })),
  ),
})).sample;

describe('what another Avro implementation', () => {
  const oracle = (type: AvroSchema): avsc.Type => avsc.Type.forSchema(type as never, { wrapUnions: 'never', omitRecordMethods: true });

  it('wrote is read as it was meant', async () => {
    await fc.assert(
      fc.asyncProperty(samples, async ({ type, theirs, ours }) => {
        const { serde, schemas } = offline();
        const codec = avro(recordOf(type), { int64: 'number' });
        const id = await schemas.register('t', codec.schema.avro);
        const bytes = oracle(codec.schema.avro).toBuffer({ v: theirs });
        expect(serde.valueDecoder(codec).decode(wire(id, bytes))).to.deep.equal({ v: ours });
        const nothing = avro(schema<never>({ type: 'record', name: 'R', fields: [] }));
        expect(serde.valueDecoder(nothing).decode(wire(id, bytes))).to.deep.equal({});
      }),
      { numRuns: 300 },
    );
  }).timeout(30_000);

  it('reads from us is what we wrote', async () => {
    await fc.assert(
      fc.asyncProperty(samples, async ({ type, theirs, ours }) => {
        const { serde } = offline();
        const codec = avro(recordOf(type), { int64: 'number' });
        const encoder = serde.valueEncoder(codec, 't');
        await encoder.prepare();
        const bytes = encoder.encode({ v: ours }) as Buffer;
        expect(oracle(codec.schema.avro).toBuffer({ v: theirs })).to.deep.equal(bytes.subarray(5));
      }),
      { numRuns: 300 },
    );
  }).timeout(30_000);

  it('makes of int64 is what we make of it', async () => {
    const { serde } = offline();
    const codec = avro(recordOf('long'));
    const encoder = serde.valueEncoder(codec, 't');
    await encoder.prepare();
    const decoder = serde.valueDecoder(codec);
    const long = avsc.types.LongType.__with({
      fromBuffer: (bytes: Buffer) => bytes.readBigInt64LE(),
      toBuffer: (value: bigint) => {
        const bytes = Buffer.alloc(8);
        bytes.writeBigInt64LE(value);
        return bytes;
      },
      isValid: (value: unknown) => typeof value === 'bigint', fromJSON: BigInt, toJSON: Number, compare: () => 0,
    });
    const edge = fc.tuple(fc.constantFrom(0, 6, 7, 13, 20, 27, 28, 31, 32, 48, 50, 51, 52, 53, 62), fc.integer({ min: -2, max: 2 }), fc.boolean()).map(([bits, near, negative]) => (negative ? -1n : 1n) * (2n ** BigInt(bits) + BigInt(near)));
    fc.assert(
      fc.property(fc.oneof(edge, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), (value) => {
        const bytes = encoder.encode({ v: value }) as Buffer;
        expect(long.toBuffer(value)).to.deep.equal(bytes.subarray(5));
        expect(decoder.decode(bytes)).to.deep.equal({ v: value });
      }),
      { numRuns: 1000 },
    );
  }).timeout(30_000);
});
