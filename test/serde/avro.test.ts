import avsc from 'avsc';
import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { ConfigurationError, DeadLetterError, StopError } from '../../lib/core/errors.ts';
import { NO_VALUE } from '../../lib/serde/index.ts';
import { avro, schema, type AvroSchema, type Int64 } from '../../topology/codecs.ts';
import { offline, recordOf, wire, written } from './support.ts';

const DECIMAL = { type: 'bytes', scale: 2, precision: 6, logicalType: 'decimal', 'connect.name': 'org.apache.kafka.connect.data.Decimal' };
const VARIABLE = { type: 'record', name: 'io.debezium.data.VariableScaleDecimal', 'connect.name': 'io.debezium.data.VariableScaleDecimal', fields: [{ name: 'scale', type: 'int' }, { name: 'value', type: 'bytes' }] };
const ENUM = { type: 'enum', name: 'E', symbols: ['A', 'B'] };

const connect = (type: string, name: string): AvroSchema => ({ type, 'connect.name': name });

/** Writes a value through our encoder, reads it back through our decoder. */
const through = async (type: AvroSchema, value: unknown, int64: Int64 = 'bigint'): Promise<unknown> => {
  const { serde } = offline();
  const codec = avro(recordOf(type), { int64 });
  const encoder = serde.valueEncoder(codec, 'topic');
  await encoder.prepare();
  return (serde.valueDecoder(codec).decode(encoder.encode({ v: value }) as Buffer) as { v: unknown }).v;
};

/** Reads what plain avsc wrote with another schema. */
const resolve = async (writer: AvroSchema, value: unknown, reader: AvroSchema, int64: Int64 = 'bigint', more: Readonly<Record<string, unknown>> = {}): Promise<unknown> => {
  const { serde, schemas } = offline();
  const theirs = recordOf(writer).avro;
  const id = await schemas.register('topic-value', theirs);
  return (serde.valueDecoder(avro(recordOf(reader, more), { int64 })).decode(wire(id, written(theirs, { v: value }))) as { v: unknown }).v;
};

const refusal = async (attempt: Promise<unknown>): Promise<unknown> => attempt.then((value) => expect.fail(`got ${String(value)}`), (thrown: unknown) => thrown);

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

describe("reading with a schema that is not the writer's", () => {
  const cases: readonly (readonly [name: string, writer: AvroSchema, value: unknown, reader: AvroSchema, read: unknown])[] = [
    ['int as long', 'int', 7, 'long', 7n],
    ['int as double', 'int', 7, 'double', 7],
    ['long as double', 'long', 7, 'double', 7],
    ['float as double', 'float', 1.5, 'double', 1.5],
    ['string as bytes', 'string', 'ü', 'bytes', Buffer.from('ü')],
    ['bytes as string', 'bytes', Buffer.from('ü'), 'string', 'ü'],
    ['a value as nullable', 'string', 'x', ['null', 'string'], 'x'],
    ['an int as nullable long', 'int', 7, ['null', 'long'], 7n],
    ['a nullable value as one that is not', ['null', 'string'], { string: 'x' }, 'string', 'x'],
    ['a null with its branches swapped', ['string', 'null'], null, ['null', 'string'], null],
    ['a record of another name', { type: 'record', name: 'a.b.X', fields: [{ name: 'w', type: 'int' }] }, { w: 1 }, { type: 'record', name: 'Y', fields: [{ name: 'w', type: 'int' }] }, { w: 1 }],
    ['a nullable record of another name', ['null', { type: 'record', name: 'X', fields: [{ name: 'w', type: 'int' }] }], { X: { w: 1 } }, ['null', { type: 'record', name: 'Y', fields: [{ name: 'w', type: 'int' }] }], { w: 1 }],
    ['a record with fewer fields', { type: 'record', name: 'X', fields: ['a', 'b', 'c'].map((name) => ({ name, type: 'int' })) }, { a: 1, b: 2, c: 3 }, { type: 'record', name: 'X', fields: [{ name: 'b', type: 'int' }] }, { b: 2 }],
    ['a record in another order', { type: 'record', name: 'X', fields: ['a', 'b'].map((name) => ({ name, type: 'int' })) }, { a: 1, b: 2 }, { type: 'record', name: 'X', fields: ['b', 'a'].map((name) => ({ name, type: 'int' })) }, { a: 1, b: 2 }],
    ['a renamed field by its alias', { type: 'record', name: 'X', fields: [{ name: 'old', type: 'int' }] }, { old: 1 }, { type: 'record', name: 'X', fields: [{ name: 'new', type: 'int', aliases: ['old'] }] }, { new: 1 }],
    ['an array of ints as one of longs', { type: 'array', items: 'int' }, [1, 2], { type: 'array', items: 'long' }, [1n, 2n]],
    ['a map of ints as one of longs', { type: 'map', values: 'int' }, { a: 1 }, { type: 'map', values: 'long' }, { a: 1n }],
    ['an enum with more symbols than ours, while it uses ours', { type: 'enum', name: 'E', symbols: ['Z', 'B', 'A'] }, 'A', ENUM, 'A'],
    ['an unknown symbol where our enum has a default', { type: 'enum', name: 'E', symbols: ['Z'] }, 'Z', { ...ENUM, default: 'B' }, 'B'],
    ["a decimal at the writer's scale", { ...DECIMAL, scale: 3 }, Buffer.from('04d2', 'hex'), DECIMAL, '1.234'],
    ['a decimal whose scale stands in connect.parameters only', { type: 'bytes', 'connect.parameters': { scale: '-2' }, 'connect.name': 'org.apache.kafka.connect.data.Decimal' }, Buffer.from('0c', 'hex'), DECIMAL, '1200'],
  ];
  for (const [name, writer, value, reader, read] of cases) {
    it(`reads ${name}`, async () => {
      expect(await resolve(writer, value, reader)).to.deep.equal(read);
    });
  }

  for (const [name, type, fallback, read] of [
    ['null', ['null', 'string'], null, null],
    ['a long', 'long', 5, 5n],
    ['text', 'string', 'x', 'x'],
    ['an array', { type: 'array', items: 'long' }, [1], [1n]],
    ['a decimal', DECIMAL, '\u0004\u00d2', '12.34'],
  ] as const) {
    it(`fills a field that the writer lacks with its default: ${name}`, async () => {
      const { serde, schemas } = offline();
      const id = await schemas.register('t', { type: 'record', name: 'R', fields: [] });
      const decoder = serde.valueDecoder(avro(recordOf(type, { default: fallback })));
      const first = decoder.decode(wire(id, Buffer.alloc(0))) as { v: unknown };
      expect(first.v).to.deep.equal(read);
      if (Array.isArray(first.v)) expect((decoder.decode(wire(id, Buffer.alloc(0))) as { v: unknown }).v).to.not.equal(first.v);
    });
  }

  const refused: readonly (readonly [name: string, writer: AvroSchema, value: unknown, reader: AvroSchema, message: string])[] = [
    ['text as a number', 'string', 'x', 'int', 'schema 1 (R) cannot be read, v: string cannot be read as int'],
    ['long as int', 'long', 1, 'int', 'v: long cannot be read as int'],
    ['a number as text', 'int', 1, ['null', 'string'], 'v: int cannot be read as union'],
    ['a nullable number as text', ['null', 'int'], null, ['null', 'string'], 'v: int cannot be read as union'],
    ['a null where we have none', ['null', 'string'], null, 'string', 'schema 1 (R), v: null cannot be read as string'],
    ['microseconds as milliseconds', connect('long', 'io.debezium.time.MicroTimestamp'), 1, connect('long', 'io.debezium.time.Timestamp'), 'v: io.debezium.time.MicroTimestamp cannot be read as io.debezium.time.Timestamp'],
    ['a numeric column as text', DECIMAL, Buffer.alloc(1), 'string', 'v: org.apache.kafka.connect.data.Decimal cannot be read as string'],
    ['bytes as a decimal', 'bytes', Buffer.alloc(1), DECIMAL, 'v: bytes cannot be read as org.apache.kafka.connect.data.Decimal'],
    ['a symbol that our enum lacks', { type: 'enum', name: 'E', symbols: ['Z'] }, 'Z', ENUM, 'v: our enum has no symbol Z'],
    ['a deep field', { type: 'array', items: { type: 'record', name: 'X', fields: [{ name: 'w', type: 'string' }] } }, [{ w: 'x' }], { type: 'array', items: { type: 'record', name: 'X', fields: [{ name: 'w', type: 'int' }] } }, 'v[].w: string cannot be read as int'],
  ];
  for (const [name, writer, value, reader, message] of refused) {
    it(`makes ${name} a dead letter that says why`, async () => {
      const thrown = await refusal(resolve(writer, value, reader));
      expect(thrown).to.be.instanceOf(DeadLetterError);
      expect(String(thrown)).to.include(message);
    });
  }

  it('makes a field that neither the writer nor a default gives a dead letter', async () => {
    const { serde, schemas } = offline();
    const id = await schemas.register('t', { type: 'record', name: 'R', fields: [] });
    expect(() => serde.valueDecoder(avro(recordOf('int'))).decode(wire(id, Buffer.alloc(0)))).to.throw(DeadLetterError, 'v: the writer has no such field, and our schema gives no default');
  });

  it("does not mind defaults that are wrong in the writer's schema", async () => {
    const { serde, schemas } = offline();
    const id = await schemas.register('t', { type: 'record', name: 'R', fields: [{ name: 'v', type: 'int', default: 'seven' }] });
    expect(serde.valueDecoder(avro(recordOf('int'))).decode(wire(id, Buffer.from([14])))).to.deep.equal({ v: 7 });
  });
});

describe('bytes that are not what they say', () => {
  const type = {
    type: 'record', name: 'R', fields: [
      { name: 'text', type: 'string' }, { name: 'list', type: { type: 'array', items: 'string' } }, { name: 'map', type: { type: 'map', values: ['null', 'long'] } },
      { name: 'flag', type: 'boolean' }, { name: 'raw', type: 'bytes' }, { name: 'rest', type: { type: 'array', items: { type: 'map', values: 'int' } } },
    ],
  };
  const sample = written(type, { text: 'some text', list: ['a', 'b'], map: { a: null, b: { long: 7 } }, flag: true, raw: Buffer.from('raw'), rest: [{ x: 1 }] });
  const decoders = async (): Promise<readonly ((bytes: Buffer) => unknown)[]> => {
    const { serde, schemas } = offline();
    const id = await schemas.register('t', type);
    const all = serde.valueDecoder(avro(schema<never>(type as never)));
    const none = serde.valueDecoder(avro(schema<never>({ type: 'record', name: 'R', fields: [] })));
    return [all, none].map((decoder) => (bytes: Buffer) => decoder.decode(wire(id, bytes)));
  };

  it('are a dead letter at whatever byte they are cut off, whether read or passed over', async () => {
    for (const decode of await decoders()) {
      decode(sample);
      for (let length = 0; length < sample.length; length += 1) expect(() => decode(sample.subarray(0, length)), `${length} bytes`).to.throw(DeadLetterError, 'is not what its schema 1 (R) says');
    }
  });

  it('are a dead letter when something is left behind the value', async () => {
    for (const decode of await decoders()) expect(() => decode(Buffer.concat([sample, Buffer.from([0, 0])]))).to.throw(DeadLetterError, '2 bytes are left behind the value');
  });

  it('never do worse than a dead letter, and quickly', async () => {
    for (const decode of await decoders()) {
      fc.assert(
        fc.property(fc.array(fc.tuple(fc.nat(sample.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }), (changes) => {
          const bytes = Buffer.from(sample);
          for (const [at, byte] of changes) bytes[at] = byte;
          try {
            decode(bytes);
          } catch (thrown) {
            expect(thrown).to.be.instanceOf(DeadLetterError);
          }
        }),
        { numRuns: 2000 },
      );
    }
  }).timeout(30_000);

  for (const [name, hex] of [
    ['an array of 2^52 items', '00' + 'feffffffffffff1f'],
    ['an array whose block says it is -2^62 items', '00' + 'ffffffffffffffff7f' + '02'],
    ['text of a negative length', '01'],
    ['text of 2^60 bytes', '8080808080808080' + '20'],
    ['an integer of eleven bytes', 'ffffffffffffffffffffff01'],
  ] as const) {
    it(`are refused at once: ${name}`, async () => {
      for (const decode of await decoders()) expect(() => decode(Buffer.from(hex, 'hex'))).to.throw(DeadLetterError);
    });
  }

  for (const [name, hex, message] of [
    ['JSON', Buffer.from('{"a":1}').toString('hex'), 'it begins with byte 123, not 0: it looks like JSON'],
    ['nothing', '', 'the value is empty'],
    ['too few bytes', '00000001', 'is 4 bytes, too short'],
    ['an unknown id', '00000000ff00', 'no schema has the id 255'],
    ['an id above 2^31', '00ffffffff00', 'no schema has the id 4294967295'],
  ] as const) {
    it(`are a dead letter when they are foreign: ${name}`, () => {
      expect(() => offline().serde.valueDecoder(avro(recordOf('int'))).decode(Buffer.from(hex, 'hex'))).to.throw(DeadLetterError, message);
    });
  }
});

describe('writing a value that does not fit', () => {
  const inner = { type: 'record', name: 'Inner', fields: [{ name: 'w', type: 'int' }] };
  for (const [name, type, value, message] of [
    ['a number for a long', 'long', 7, 'v: a number is no long (a bigint of 64 bits)'],
    ['a bigint beyond int64', 'long', 9223372036854775808n, 'v: a bigint is no long (a bigint of 64 bits)'],
    ['a fraction for an int', 'int', 1.5, 'v: a number is no int'],
    ['an int beyond 32 bits', 'int', 2147483648, 'v: a number is no int'],
    ['null where there is none', 'string', null, 'v: null is no string'],
    ['a field that is missing', 'string', undefined, 'v: undefined is no string'],
    ['a value of none of the branches', ['null', 'string', 'long'], 1.5, 'v: a number is no union of null, string, long'],
    ['undefined where there may be null', ['null', 'string'], undefined, 'v: undefined is no string'],
    ['an item of an array', { type: 'array', items: 'string' }, ['a', 1], 'v[]: a number is no string'],
    ['a value of a map', { type: 'map', values: 'string' }, { a: 1 }, 'v{}: a number is no string'],
    ['an object for an array', { type: 'array', items: 'string' }, {}, 'v: an object is no array'],
    ['an array for a map', { type: 'map', values: 'string' }, [], 'v: an array is no map'],
    ['a nested field', inner, { w: 'x' }, 'v.w: a string is no int'],
    ['null for a record', inner, null, 'v: null is no record Inner'],
    ['bytes that are too short', { type: 'fixed', name: 'F', size: 3 }, Buffer.alloc(2), 'v: bytes is no fixed of 3 bytes'],
    ['text for a boolean', 'boolean', 'true', 'v: a string is no boolean'],
    ['text for a double', 'double', '1', 'v: a string is no double'],
    ['a decimal with too many decimals', DECIMAL, '1.234', 'v: a string is no decimal text of at most 6 digits, 2 behind the point'],
    ['a decimal with too many digits', ['null', DECIMAL], '12345.00', 'v: a string is no'],
    ['a decimal as a number', DECIMAL, 12.34, 'v: a number is no'],
    ['text for bytes', 'bytes', 'x', 'v: a string is no bytes'],
    ['an unknown symbol', ENUM, 'C', 'v: a string is no symbol of E'],
  ] as const) {
    it(`is a dead letter that names the field: ${name}`, async () => {
      const thrown = await refusal(through(type, value));
      expect(thrown).to.be.instanceOf(DeadLetterError);
      expect(String(thrown)).to.include(`the value does not fit schema R, ${message}`);
    });
  }

  it('does not put the value into the message', async () => {
    expect(String(await refusal(through('int', 'secret text')))).to.not.include('secret');
  });

  it('leaves the encoder as it was', async () => {
    const { serde } = offline();
    const encoder = serde.valueEncoder(avro(recordOf('string')), 'topic');
    await encoder.prepare();
    const before = encoder.encode({ v: 'x' });
    expect(() => encoder.encode({ v: 1 })).to.throw(DeadLetterError);
    expect(encoder.encode({ v: 'x' })).to.deep.equal(before);
  });

  it('is refused before the schema is registered', () => {
    expect(() => offline().serde.valueEncoder(avro(recordOf('int')), 'topic').encode({ v: 1 })).to.throw(StopError, 'topic-value before its schema was registered');
  });
});

describe('a schema of ours that cannot work', () => {
  for (const [name, type, message] of [
    ['an unknown type', 'strin', 'undefined type name'],
    ['two branches that are numbers', ['null', 'int', 'double'], 'v: the union has two branches that are number in TypeScript'],
    ['text beside a decimal', ['string', DECIMAL], 'v: the union has two branches that are string'],
    ['a record beside a map', [{ type: 'map', values: 'int' }, { type: 'record', name: 'X', fields: [] }], 'v: the union has two branches that are object'],
  ] as const) {
    it(`is a configuration error: ${name}`, () => {
      expect(() => offline().serde.valueEncoder(avro(recordOf(type as AvroSchema)), 'topic')).to.throw(ConfigurationError, message);
    });
  }

  it('is one for a decoder too', () => {
    expect(() => offline().serde.valueDecoder(avro(recordOf('strin')))).to.throw(ConfigurationError, 'schema R: ');
  });
});
