import { expect } from 'chai';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { jsonDecoder, jsonEncoder } from '../../lib/serde/json.ts';
import { NO_VALUE } from '../../lib/serde/serde.ts';

describe('the json codec', () => {
  for (const [value, text] of [[{ a: [1, 'ü', null] }, '{"a":[1,"ü",null]}'], ['x', '"x"'], [null, 'null'], [1.5, '1.5'], [false, 'false']] as const) {
    it(`writes and reads ${text}`, () => {
      expect(jsonEncoder.encode(value)).to.equal(text);
      expect(jsonDecoder.decode(Buffer.from(text))).to.deep.equal(value);
    });
  }

  it('takes null bytes for no value', () => {
    expect(jsonDecoder.decode(null)).to.equal(NO_VALUE);
  });

  it('has nothing to fetch', () => {
    expect(jsonDecoder.prepare({ count: 1, key: () => null, value: () => Buffer.from('{') })).to.equal(undefined);
  });

  for (const [name, hex] of [['cut JSON', '7b'], ['nothing', ''], ['text', '61'], ['Avro', '0000000001'], ['two values', '312032'], ['bytes that are not UTF-8', '22ff22']] as const) {
    it(`makes a dead letter of ${name}`, () => {
      expect(() => jsonDecoder.decode(Buffer.from(hex, 'hex'))).to.throw(DeadLetterError, /^the value is not (JSON|UTF-8)/);
    });
  }

  const circle: { self?: unknown } = {};
  circle.self = circle;
  for (const [name, value] of [['undefined', undefined], ['a function', () => 1], ['a bigint', { a: 1n }], ['a circle', circle]] as const) {
    it(`refuses to write ${name}`, () => {
      expect(() => jsonEncoder.encode(value)).to.throw(DeadLetterError, 'the value cannot be written as JSON');
    });
  }
});
