import { expect } from 'chai';
import { describe, it } from 'mocha';
import { lookupKey } from '../../lib/serde/lookup.ts';

const find = (stored: unknown, asked: unknown): boolean => new Map([[lookupKey(stored), 'row']]).get(lookupKey(asked)) === 'row';

describe('keys of tables', () => {
  const same: readonly (readonly [what: string, stored: unknown, asked: unknown])[] = [
    ['text', 'a', 'a'],
    ['an int64', 9007199254740993n, 9007199254740993n],
    ['an int64 and text together', [9007199254740993n, 'EUR'], [9007199254740993n, 'EUR']],
    ['bytes', Buffer.from([0, 255]), new Uint8Array([0, 255])],
    ['a null among several columns', ['a', null], ['a', null]],
  ];
  for (const [what, stored, asked] of same) it(`find a row by ${what}`, () => expect(find(stored, asked)).to.equal(true));

  const different: readonly (readonly [what: string, stored: unknown, asked: unknown])[] = [
    ['int64 of which a number would be the same', [9007199254740993n, 'EUR'], [9007199254740992n, 'EUR']],
    ['the order of columns', ['a', 'b'], ['b', 'a']],
    ['text and a number', ['1'], [1]],
    ['an int64 and a number', [1n], [1]],
    ['where one column ends', ['a,b', 'c'], ['a', 'b,c']],
  ];
  for (const [what, stored, asked] of different) it(`keep apart ${what}`, () => expect(find(stored, asked)).to.equal(false));
});
