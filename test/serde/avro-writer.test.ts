import { expect } from 'chai';
import { describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { ConfigurationError, DeadLetterError, StopError } from '../../lib/core/errors.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { createSerde, LocalSchemas, type Schemas } from '../../lib/serde/index.ts';
import { avro, type AvroSchema } from '../../topology/codecs.ts';
import { DECIMAL, ENUM, offline, recordOf, refusal, through } from './support.ts';

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
    const local = new LocalSchemas();
    // A registry, unlike the table in this process, cannot be asked in the call.
    const registry: Schemas = { peek: (id) => local.peek(id), isCurrent: () => true, fetch: () => local.fetch(), register: (subject, schema) => local.register(subject, schema) };
    const serde = createSerde({ registryUrl: null, clock: systemClock, log: silentLogger }, registry);
    expect(() => serde.valueEncoder(avro(recordOf('int')), 'topic').encode({ v: 1 })).to.throw(StopError, 'topic-value before its schema was registered');
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
