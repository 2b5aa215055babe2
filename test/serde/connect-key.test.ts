import { expect } from 'chai';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { avro, debezium, json, type AvroSchema } from '../../topology/codecs.ts';
import { offline, recordOf, wire, written } from './support.ts';

const UUID = '8d3f9a52-0c7e-4c53-9a41-1f0b8a2a9f10';
const record = (...fields: readonly (readonly [name: string, type: AvroSchema])[]): AvroSchema => ({ type: 'record', name: 'Key', namespace: 'app.public.t', fields: fields.map(([name, type]) => ({ name, type })) });
const uuid = { type: 'string', 'connect.version': 1, 'connect.name': 'io.debezium.data.Uuid' };

describe('keys that Connect wrote', () => {
  const cases: readonly (readonly [name: string, writer: AvroSchema, value: unknown, key: unknown])[] = [
    ['a single column as its value', record(['id', uuid]), { id: UUID }, UUID],
    ['a single int64 column', record(['id', { type: 'long', 'connect.default': 0 }]), { id: 7 }, 7n],
    ['several columns as a list in their order', record(['b', 'int'], ['a', uuid]), { b: 1, a: UUID }, [1, UUID]],
    ['a bare value', 'string', UUID, UUID],
    ['a decimal column', record(['n', { type: 'bytes', scale: 2, 'connect.name': 'org.apache.kafka.connect.data.Decimal' }]), { n: Buffer.from('04d2', 'hex') }, '12.34'],
  ];
  for (const [name, writer, value, key] of cases) {
    it(`read ${name}`, async () => {
      const { serde, schemas } = offline();
      const id = await schemas.register('t-key', writer);
      expect(serde.keyDecoder(json<string>()).decode(wire(id, written(writer, value)))).to.deep.equal(key);
    });
  }

  it('are numbers where the codec asks for them', async () => {
    const { serde, schemas } = offline();
    const writer = record(['id', 'long']);
    const id = await schemas.register('t-key', writer);
    expect(serde.keyDecoder(avro(recordOf('int'), { int64: 'number' })).decode(wire(id, written(writer, { id: 7 })))).to.equal(7);
  });

  it('have decimals and times as the codec has them in the row', async () => {
    const { serde, schemas } = offline();
    const writer = record(['n', { type: 'bytes', scale: 2, 'connect.name': 'org.apache.kafka.connect.data.Decimal' }], ['day', { type: 'int', 'connect.name': 'io.debezium.time.Date' }]);
    const id = await schemas.register('t-key', writer);
    const bytes = wire(id, written(writer, { n: Buffer.from('04d2', 'hex'), day: 1 }));
    expect(serde.keyDecoder(debezium(recordOf('int'))).decode(bytes)).to.deep.equal(['12.34', 1]);
    expect(serde.keyDecoder(debezium(recordOf('int'), { decimal: 'number', time: 'text' })).decode(bytes)).to.deep.equal([12.34, '1970-01-02']);
  });

  it('are the same key from two topics whose schema ids differ', async () => {
    const { serde, schemas } = offline();
    const writers = [record(['id', uuid]), { ...(record(['id', uuid]) as object), namespace: 'app.public.u' }];
    const decoder = serde.keyDecoder(json<string>());
    const keys = await Promise.all(writers.map(async (writer) => decoder.decode(wire(await schemas.register('k', writer), written(writer, { id: UUID })))));
    expect(keys).to.deep.equal([UUID, UUID]);
  });

  for (const [name, bytes, key] of [
    ['text', Buffer.from(UUID), UUID],
    ['text that looks like a number', Buffer.from('42'), '42'],
    ['short text', Buffer.from('a'), 'a'],
    ['empty text', Buffer.alloc(0), ''],
    ['no key', null, null],
  ] as const) {
    it(`read ${name}`, () => {
      expect(offline().serde.keyDecoder(json<string>()).decode(bytes)).to.equal(key);
    });
  }

  it('are dead letters when they are neither Avro nor text', () => {
    expect(() => offline().serde.keyDecoder(json<string>()).decode(Buffer.from([0xff, 1, 2, 3, 4, 5]))).to.throw(DeadLetterError, 'neither Avro with a schema id nor UTF-8');
  });

  it('are dead letters when their schema is unknown or does not fit the bytes', async () => {
    const { serde, schemas } = offline();
    const id = await schemas.register('k', record(['id', uuid]));
    expect(() => serde.keyDecoder(json<string>()).decode(wire(99, Buffer.from([2, 65])))).to.throw(DeadLetterError, 'no schema has the id 99');
    expect(() => serde.keyDecoder(json<string>()).decode(wire(id, Buffer.from([9, 65])))).to.throw(DeadLetterError, 'the key is not what its schema 1 (app.public.t.Key) says');
  });
});
