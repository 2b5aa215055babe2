import { expect } from 'chai';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { avro, type AvroSchema } from '../../topology/codecs.ts';
import { connect, DECIMAL, ENUM, offline, recordOf, refusal, wire, written } from './support.ts';

/** Reads what plain avsc wrote with another schema. */
const resolve = async (writer: AvroSchema, value: unknown, reader: AvroSchema): Promise<unknown> => {
  const { serde, schemas } = offline();
  const theirs = recordOf(writer).avro;
  const id = await schemas.register('topic-value', theirs);
  return (serde.valueDecoder(avro(recordOf(reader))).decode(wire(id, written(theirs, { v: value }))) as { v: unknown }).v;
};

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
