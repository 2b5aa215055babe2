import { expect } from 'chai';
import fc from 'fast-check';
import { describe, it } from 'mocha';
import { fromDiskKey, isCut, toDiskKey, toDiskKeyFromUtf8 } from '../../lib/state/disk-key.ts';

const key = fc.string({ unit: fc.oneof(fc.constantFrom('a', '\0', '\x7f', '\x80', 'é', '\u07ff', '\u0800', '\ud7ff', '\ue000', '\ufffd', '\uffff', '😀', '𐀀', '\u{10ffff}'), fc.string({ unit: 'binary', minLength: 1, maxLength: 1 })), maxLength: 12 });

describe('a key on disk', () => {
  it('has the bytes that were fixed', () => {
    const table: readonly (readonly [key: string, hex: string])[] = [
      ['', '00'], ['\0', '0000'], ['\0a', '000061'], ['a', '61'], ['é', 'c3a9'], ['\uffff', 'efbfbf'], ['😀', 'eda0bdedb880'],
    ];
    for (const [text, hex] of table) expect(toDiskKey(text).toString('hex')).to.equal(hex);
  });

  it('is in the order of the keys’ code units', () => {
    fc.assert(fc.property(key, key, (a, b) => {
      expect(Math.sign(Buffer.compare(toDiskKey(a), toDiskKey(b)))).to.equal(a === b ? 0 : a < b ? -1 : 1);
    }), { numRuns: 2_000 });
  });

  it('gives the key back, and is the same from UTF-8', () => {
    fc.assert(fc.property(key, (text) => {
      expect(fromDiskKey(toDiskKey(text))).to.equal(text);
      expect(toDiskKeyFromUtf8(Buffer.from(text, 'utf8')).equals(toDiskKey(text))).to.equal(true);
    }), { numRuns: 2_000 });
  });

  it('is cut beyond 1,024 bytes, and differs where keys differ behind that', () => {
    expect([isCut(toDiskKey('x'.repeat(1_024))), isCut(toDiskKey('x'.repeat(1_025)))]).to.deep.equal([false, true]);
    expect(toDiskKey(`${'x'.repeat(2_000)}a`)).to.have.lengthOf(1_056);
    expect(toDiskKey(`${'x'.repeat(2_000)}a`).equals(toDiskKey(`${'x'.repeat(2_000)}b`))).to.equal(false);
  });
});
