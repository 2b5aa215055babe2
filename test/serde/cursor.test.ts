import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { avro, schema } from '../../topology/codecs.ts';
import { offline, recordOf, wire, written } from './support.ts';

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
