import { expect } from 'chai';
import { describe, it } from 'mocha';
import { isKeyOf } from '../../lib/serde/message-key.ts';

describe("columns of a row that are the record's key", () => {
  for (const [what, messageKey, rowKey] of [
    ['the same number', 7, 7],
    ['a bigint for a number', 7, 7n],
    ['text of a number', '7', 7],
    ['the same text', 'de', 'de'],
    ['no key', null, 7],
    ['two columns', ['de', 1], ['de', 1]],
    ['two columns in another order', [1n, 'de'], ['de', 1]],
    ['text that holds both columns', '1|de', ['de', 1]],
    ['a tree as text, of which nothing is known', '{"id":7}', 8],
    ["Connect's text of a struct, likewise", 'Struct{id=7}', 8],
    ['a day as text of a number, likewise', '18000', '2019-04-14'],
    ['bytes', Buffer.from([1]), Buffer.from([1])],
  ] as const) {
    it(`are: ${what}`, () => expect(isKeyOf(messageKey, rowKey)).to.equal(true));
  }

  for (const [what, messageKey, rowKey] of [
    ['another number', 7, 8],
    ['zero, as a before without its old row has', 7n, 0n],
    ['null', 7, null],
    ['text for a number', 7, 'seven'],
    ['text for text of a number', '7', 'seven'],
    ['empty text', 'de', ''],
    ['one of two columns', ['de', 1], 'de'],
    ['one column too many', 1, ['de', 1]],
    ['one column too many, of text', '1', ['de', 1]],
    ['two other columns', ['de', 1], ['de', 2]],
    ['other bytes', Buffer.from([1]), Buffer.from([2])],
  ] as const) {
    it(`are not: ${what}`, () => expect(isKeyOf(messageKey, rowKey)).to.equal(false));
  }
});
