import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { decodeKey, encodeKey } from '../../lib/serde/key.ts';

/** The format on disk: a change here is a change of every internal topic there is. */
const VECTORS: readonly (readonly [key: unknown, text: string])[] = [
  ['', ''],
  ['8d3f9a52-0c7e-4c53-9a41-1f0b8a2a9f10', '8d3f9a52-0c7e-4c53-9a41-1f0b8a2a9f10'],
  ['12345678-0c7e-4c53-9a41-1f0b8a2a9f10', '12345678-0c7e-4c53-9a41-1f0b8a2a9f10'],
  ['1e345678', '"1e345678"'],
  ['1e', '1e'],
  ['-', '-'],
  ['--1', '--1'],
  ['-7', '"-7"'],
  ['007', '007'],
  ['1.', '1.'],
  ['+1', '+1'],
  ['12', '"12"'],
  ['1.5', '"1.5"'],
  ['123456789012345678901234567890', '"123456789012345678901234567890"'],
  [' 12', ' 12'],
  ['true', '"true"'],
  ['false', '"false"'],
  ['null', '"null"'],
  ['nullable', 'nullable'],
  ['True', 'True'],
  ['NaN', 'NaN'],
  ['"quoted"', '"\\"quoted\\""'],
  ['[a]', '"[a]"'],
  ['{a}', '"{a}"'],
  ['zürich', 'zürich'],
  ['\ufeffbom', '\ufeffbom'],
  ['a\nb', 'a\nb'],
  ['😀', '😀'],
  ['\ud83d', '"\\ud83d"'],
  [0, '0'],
  [-0, '0'],
  [12, '12'],
  [-1.5, '-1.5'],
  [1e21, '1e+21'],
  [5e-324, '5e-324'],
  [true, 'true'],
  [false, 'false'],
  [null, 'null'],
  [[], '[]'],
  [['a', 1, null, '12'], '["a",1,null,"12"]'],
  [{}, '{}'],
  [{ b: 1, a: { d: 'x', c: [] } }, '{"a":{"c":[],"d":"x"},"b":1}'],
  [{ b: undefined, a: 1 }, '{"a":1}'],
  [{ 10: 'x', 9: 'y' }, '{"10":"x","9":"y"}'],
];

describe('keys on internal topics', () => {
  for (const [key, text] of VECTORS) {
    it(`writes ${JSON.stringify(key)} as ${text === '' ? 'no bytes' : JSON.stringify(text)}`, () => {
      expect(encodeKey(key).toString('hex')).to.equal(Buffer.from(text, 'utf8').toString('hex'));
    });
  }

  it('reads every key back as it was', () => {
    const arbitrary = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom('0', '1', '9', '-', '+', '.', 'e', 'E', '"', '[', '{', '}', ' ', 't', 'n', '\ud83d', '\ude00') }),
      fc.constantFrom('true', 'false', 'null'),
      fc.uuid(),
      fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(arbitrary, (key) => {
        expect(decodeKey(encodeKey(key))).to.deep.equal(JSON.parse(JSON.stringify(key)));
      }),
      { numRuns: 300 },
    );
  }).timeout(30_000);

  it('gives equal keys the same bytes, whatever the order of their fields', () => {
    expect(encodeKey({ a: 1, b: [{ y: 1, x: 2 }] }).equals(encodeKey({ b: [{ x: 2, y: 1 }], a: 1 }))).to.equal(true);
  });

  it('never writes a string as another kind of key', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.jsonValue().filter((value) => typeof value !== 'string'), (text, other) => {
        expect(encodeKey(text).equals(encodeKey(other))).to.equal(false);
        expect(encodeKey(JSON.stringify(other)).equals(encodeKey(other))).to.equal(false);
      }),
    );
  }).timeout(30_000);

  it('reads no bytes at all as null', () => {
    expect(decodeKey(null)).to.equal(null);
  });

  it('tells what to do with a bigint', () => {
    expect(() => encodeKey(1n)).to.throw(DeadLetterError, 'a bigint cannot be a key. Make it text: String(id)');
    expect(() => encodeKey(['a', 1n])).to.throw(DeadLetterError, 'String(id)');
  });

  for (const [name, key] of [['NaN', NaN], ['Infinity', Infinity], ['undefined', undefined], ['an undefined in a list', [undefined]], ['a Date', new Date(0)], ['bytes', Buffer.from('a')], ['a Map', new Map()], ['a symbol', Symbol('a')]] as const) {
    it(`refuses ${name}`, () => {
      expect(() => encodeKey(key)).to.throw(DeadLetterError, 'cannot be a key');
    });
  }

  for (const [name, bytes] of [['cut JSON', '7b2261223a'], ['a quote that does not end', '2261'], ['bytes that are not UTF-8', 'ff00']] as const) {
    it(`refuses to read ${name}`, () => {
      expect(() => decodeKey(Buffer.from(bytes, 'hex'))).to.throw(DeadLetterError);
    });
  }
});
