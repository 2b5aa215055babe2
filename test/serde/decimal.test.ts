import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { decimalOf, decimalText, fitsPrecision, parseDecimal, smallUnscaledAt, smallUnscaledBytes, unscaledAt, unscaledBytes, unscaledOf } from '../../lib/serde/decimal.ts';

/** Big-endian two's complement, as Java's BigInteger.toByteArray gives it. */
const BYTES: readonly (readonly [hex: string, unscaled: bigint])[] = [
  ['00', 0n],
  ['01', 1n],
  ['7f', 127n],
  ['0080', 128n],
  ['00ff', 255n],
  ['0100', 256n],
  ['ff', -1n],
  ['80', -128n],
  ['ff7f', -129n],
  ['04d2', 1234n],
  ['fb2e', -1234n],
  ['7fffffffffffffff', 9223372036854775807n],
  ['8000000000000000', -9223372036854775808n],
  ['008000000000000000', 9223372036854775808n],
  ['0b4ee2d5f1d5a0c1e3', 208598525725147972067n],
  ['f4b11d2a0e2a5f3e1d', -208598525725147972067n],
];

const TEXTS: readonly (readonly [hex: string, scale: number, text: string])[] = [
  ['04d2', 2, '12.34'],
  ['fb2e', 2, '-12.34'],
  ['0c', -2, '1200'],
  ['00', 2, '0.00'],
  ['00', -2, '0'],
  ['', 2, '0.00'],
  ['05', 2, '0.05'],
  ['fb', 2, '-0.05'],
  ['05', 0, '5'],
  ['01', 20, '0.00000000000000000001'],
  ['000001', 0, '1'],
  ['ffffff', 1, '-0.1'],
];

describe('decimals', () => {
  for (const [hex, unscaled] of BYTES) {
    it(`reads ${hex} as ${unscaled} and writes it so`, () => {
      expect(unscaledOf(Buffer.from(hex, 'hex'))).to.equal(unscaled);
      expect(unscaledBytes(unscaled).toString('hex')).to.equal(hex);
    });
  }

  for (const [hex, scale, text] of TEXTS) {
    it(`reads ${hex === '' ? 'no bytes' : hex} at scale ${scale} as ${text}`, () => {
      expect(decimalOf(Buffer.from(hex, 'hex'), scale)).to.equal(text);
      expect(decimalText(unscaledOf(Buffer.from(hex, 'hex')), scale)).to.equal(text);
    });
  }

  it('refuses a scale that would fill the memory with zeros', () => {
    expect(() => decimalText(1n, -2_000_000_000)).to.throw('out of range');
    expect(() => decimalText(1n, 2_000_000_000)).to.throw('out of range');
  });

  for (const [text, scale, unscaled] of [
    ['12.34', 2, 1234n],
    ['12.3', 2, 1230n],
    ['12', 2, 1200n],
    ['-0.5', 1, -5n],
    ['+7', 0, 7n],
    ['1200', -2, 12n],
    ['12.3400', 2, 1234n],
    ['007.10', 1, 71n],
  ] as const) {
    it(`takes ${text} at scale ${scale}`, () => {
      expect(unscaledAt(text, scale)).to.equal(unscaled);
    });
  }

  for (const [text, scale] of [['12.345', 2], ['0.001', 2], ['1250', -2], ['', 2], ['.5', 2], ['5.', 2], ['1e3', 2], ['0x10', 2], ['1,5', 2], ['NaN', 2], [' 1', 2], ['--1', 2]] as const) {
    it(`refuses ${JSON.stringify(text)} at scale ${scale}`, () => {
      expect(unscaledAt(text, scale)).to.equal(undefined);
    });
  }

  it('counts digits for the precision', () => {
    expect([fitsPrecision(999n, 3), fitsPrecision(1000n, 3), fitsPrecision(-999n, 3), fitsPrecision(-1000n, 3)]).to.deep.equal([true, false, true, false]);
  });

  it('takes the quick way for short text to the same end', () => {
    const text = fc.tuple(fc.constantFrom('', '-', '+', '--'), fc.string({ unit: fc.constantFrom(...'0123456789.'), maxLength: 18 })).map(([sign, digits]) => sign + digits);
    const short = fc.tuple(fc.maxSafeInteger(), fc.integer({ min: 0, max: 6 })).map(([n, scale]) => decimalText(BigInt(n % 10 ** 12), scale));
    const scratch = Buffer.alloc(8);
    fc.assert(
      fc.property(fc.oneof(text, short), fc.integer({ min: -1, max: 6 }), (value, scale) => {
        const small = smallUnscaledAt(value, scale);
        if (small === undefined) return;
        const unscaled = unscaledAt(value, scale)!;
        expect(BigInt(small)).to.equal(unscaled);
        expect(scratch.subarray(0, smallUnscaledBytes(small, scratch))).to.deep.equal(unscaledBytes(unscaled));
        expect(decimalOf(unscaledBytes(unscaled), scale)).to.equal(decimalText(unscaled, scale));
      }),
      { numRuns: 2000 },
    );
  }).timeout(30_000);

  for (const [text, scale, small] of [['12.34', 2, 1234], ['-0.5', 3, -500], ['7', 0, 7], ['999999999999.99', 2, 99999999999999]] as const) {
    it(`takes the quick way for ${text}`, () => {
      expect(smallUnscaledAt(text, scale)).to.equal(small);
    });
  }

  it('loses nothing on the way through bytes and text', () => {
    fc.assert(
      fc.property(fc.bigInt(), fc.integer({ min: 0, max: 60 }), (unscaled, scale) => {
        expect(unscaledOf(unscaledBytes(unscaled))).to.equal(unscaled);
        expect(parseDecimal(decimalText(unscaled, scale))).to.deep.equal({ unscaled, scale });
      }),
    );
  }).timeout(30_000);
});
