import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { decodeInternal, encodeInternal } from '../../lib/serde/internal.ts';
import { NO_VALUE } from '../../lib/serde/serde.ts';

/** The format on disk: a change here is a change of every repartition topic and store there is. */
const VECTORS: readonly (readonly [name: string, value: unknown, text: string])[] = [
  ['plain data', { a: 1, b: 'x', c: [true, null, 1.5], d: {} }, '{"a":1,"b":"x","c":[true,null,1.5],"d":{}}'],
  ['null', null, 'null'],
  ['text', 'x', '"x"'],
  ['a bigint', 9007199254740993n, '{"$bigint":"9007199254740993"}'],
  ['a negative bigint in a field', { id: -1n }, '{"id":{"$bigint":"-1"}}'],
  ['a date', new Date(1700000000123), '{"$date":1700000000123}'],
  ['an invalid date', new Date(NaN), '{"$date":null}'],
  ['a Buffer', Buffer.from([1, 2, 3]), '{"$bytes":"AQID"}'],
  ['bytes', new Uint8Array([255]), '{"$bytes":"/w=="}'],
  ['no bytes', Buffer.alloc(0), '{"$bytes":""}'],
  ['NaN', [NaN], '[{"$number":"NaN"}]'],
  ['Infinity', Infinity, '{"$number":"Infinity"}'],
  ['-Infinity', -Infinity, '{"$number":"-Infinity"}'],
  ['-0', -0, '{"$number":"-0"}'],
  ['an object that looks like a tag', { $bigint: '1' }, '{"$object":{"$bigint":"1"}}'],
  ['an object that looks like an unknown tag', { $x: { $y: 1 } }, '{"$object":{"$x":{"$object":{"$y":1}}}}'],
  ['an object with one of several keys like a tag', { $bigint: '1', a: 1 }, '{"$bigint":"1","a":1}'],
];

const WRITTEN_ONLY: typeof VECTORS = [
  ['undefined in an object', { a: undefined, b: 1 }, '{"b":1}'],
  ['undefined beside a bigint', { a: undefined, b: 1n }, '{"b":{"$bigint":"1"}}'],
  ['undefined beside what looks like a tag', { $date: 1, a: undefined }, '{"$object":{"$date":1}}'],
  ['undefined in a list', [undefined, 1n], '[null,{"$bigint":"1"}]'],
];

const plain = (value: unknown): unknown => (value instanceof Uint8Array ? Buffer.from(value) : value);

describe('values on internal topics', () => {
  for (const [name, value, text] of [...VECTORS, ...WRITTEN_ONLY]) {
    it(`writes ${name}`, () => {
      expect(encodeInternal(value)).to.equal(text);
    });
  }

  for (const [name, value, text] of VECTORS) {
    it(`reads ${name}`, () => {
      expect(decodeInternal(Buffer.from(text))).to.deep.equal(plain(value));
    });
  }

  it('reads bytes as Buffer', () => {
    expect(Buffer.isBuffer(decodeInternal(Buffer.from('{"$bytes":"AQ=="}')))).to.equal(true);
  });

  it('reads back whatever it wrote', () => {
    const leaf = fc.oneof(
      fc.string({ unit: 'binary' }).map((text) => text.toWellFormed()),
      fc.double(),
      fc.bigInt(),
      fc.boolean(),
      fc.constant(null),
      fc.date({ noInvalidDate: false }),
      fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
    );
    const key = fc.oneof(fc.string(), fc.constantFrom('$bigint', '$date', '$bytes', '$number', '$object', '$', '__proto__', 'constructor', 'toJSON'));
    const tree = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 5 }), fc.dictionary(key, tie('value'), { maxKeys: 4, noNullPrototype: true })),
    })).value;
    fc.assert(
      fc.property(tree, (value) => {
        expect(decodeInternal(Buffer.from(encodeInternal(value)))).to.deep.equal(value);
      }),
      { numRuns: 300 },
    );
  }).timeout(30_000);

  it('takes null bytes for no value', () => {
    expect(decodeInternal(null)).to.equal(NO_VALUE);
  });

  class Money {
    readonly amount = 1;
  }
  const circular: { self?: unknown } = {};
  circular.self = circular;
  for (const [name, value, path] of [
    ['undefined', undefined, 'value is undefined'],
    ['a function', { a: { b: () => 1 } }, 'value.a.b is a function'],
    ['a Map', [new Map()], 'value[0] is a Map'],
    ['a Set', { s: new Set() }, 'value.s is a Set'],
    ['a class instance', { m: new Money() }, 'value.m is a Money'],
    ['a symbol', { s: Symbol('x') }, 'value.s is a symbol'],
    ['a circle', circular, 'circular'],
  ] as const) {
    it(`refuses ${name} and says where it is`, () => {
      expect(() => encodeInternal(value)).to.throw(DeadLetterError, path);
    });
  }

  for (const text of ['{', '', '{"$bigint":1}', '{"$bigint":"x"}', '{"$unknown":1}', '{"$number":"7"}', '{"$object":[]}']) {
    it(`refuses to read ${JSON.stringify(text)}`, () => {
      expect(() => decodeInternal(Buffer.from(text))).to.throw(DeadLetterError);
    });
  }

  it('refuses bytes that are not UTF-8', () => {
    expect(() => decodeInternal(Buffer.from([0x22, 0xff, 0x22]))).to.throw(DeadLetterError, 'UTF-8');
  });
});
