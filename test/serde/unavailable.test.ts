import { expect } from 'chai';
import { describe, it } from 'mocha';
import { debezium, json, schema } from '../../topology/index.ts';
import { isUnavailable, mergeUnavailable, requiredColumns, unavailability } from '../../lib/serde/unavailable.ts';

const TEXT = '__debezium_unavailable_value';
const CODES = [95, 95, 100, 101, 98, 101, 122, 105, 117, 109, 95, 117, 110, 97, 118, 97, 105, 108, 97, 98, 108, 101, 95, 118, 97, 108, 117, 101];

describe("Debezium's placeholder for what it did not send", () => {
  for (const [name, value] of [
    ['text', TEXT],
    ['bytes', Buffer.from(TEXT)],
    ['a list of text', [TEXT]],
    ['a list of bytes', [Buffer.from(TEXT)]],
    ['a list of numbers', CODES],
    ['a list of bigints', CODES.map(BigInt)],
    ['a list of uuids', ['b68a35a7-17ad-35b3-af2a-ae46edb4545a']],
    ['a list of dates as text', CODES.map((code) => new Date(code * 86_400_000).toISOString().slice(0, 10))],
    ['a map', { [TEXT]: TEXT }],
    ['the JSON text of a map', JSON.stringify({ [TEXT]: TEXT })],
  ] as const) {
    it(`is known as ${name}`, () => {
      expect(isUnavailable(value)).to.equal(true);
    });
  }

  for (const [name, value] of [
    ['null', null],
    ['longer text', `${TEXT} `],
    ['text of the same length', TEXT.replace('v', 'w')],
    ['bytes of the same length', Buffer.alloc(28)],
    ['a list of two', [TEXT, TEXT]],
    ['an empty list', []],
    ['28 other numbers', CODES.map((code) => code + 1)],
    ['27 of the numbers', CODES.slice(1)],
    ['a list of nulls', [null]],
    ['a map', { a: TEXT }],
    ['a uuid', 'b68a35a7-17ad-35b3-af2a-ae46edb4545a'],
    ['a number', 28],
    ['undefined', undefined],
  ] as const) {
    it(`is not seen in ${name}`, () => {
      expect(isUnavailable(value)).to.equal(false);
    });
  }

  it('is replaced by what the previous row had', () => {
    expect(mergeUnavailable({ id: 1, a: TEXT, b: Buffer.from(TEXT), c: 'new' }, { id: 1, a: 'old a', b: Buffer.from('old b'), c: 'old c' })).to.deep.equal({ id: 1, a: 'old a', b: Buffer.from('old b'), c: 'new' });
  });

  it('is replaced by null where the previous row had null, or there is none', () => {
    expect(mergeUnavailable({ id: 1, a: TEXT as string | null }, { id: 1, a: null })).to.deep.equal({ id: 1, a: null });
    expect(mergeUnavailable({ id: 1, a: TEXT }, undefined)).to.deep.equal({ id: 1, a: null });
  });

  it('says which columns nobody has: what was not sent is never null', () => {
    const lost: string[] = [];
    const row = { a: TEXT, b: TEXT, c: 'new', d: null };
    expect(mergeUnavailable(row, { a: 'old', b: null, c: null, d: null } as unknown as typeof row, isUnavailable, (column) => lost.push(column))).to.deep.equal({ a: 'old', b: null, c: 'new', d: null });
    expect(lost).to.deep.equal(['b']);
    mergeUnavailable(row, undefined, isUnavailable, (column) => lost.push(column));
    expect(lost).to.deep.equal(['b', 'a', 'b']);
  });

  describe('as the connector was told to write it', () => {
    // Java: UUID.nameUUIDFromBytes("(n/a)".getBytes())
    const UUID = '98bce0cf-672e-3322-91f6-f4327749ed18';
    for (const [setting, forms, others] of [
      ['(n/a)', ['(n/a)', Buffer.from('(n/a)'), ['(n/a)'], [40, 110, 47, 97, 41], { '(n/a)': '(n/a)' }, '{"(n/a)":"(n/a)"}', [UUID]], [TEXT, Buffer.from(TEXT), CODES]],
      ['hex:286e2f6129', ['(n/a)', Buffer.from('(n/a)'), [40, 110, 47, 97, 41]], ['hex:286e2f6129', TEXT]],
    ] as const) {
      it(`${setting} is known in its forms, and nothing else is`, () => {
        const is = unavailability(setting);
        expect([forms.filter((form) => !is(form)), others.filter(is)]).to.deep.equal([[], []]);
      });
    }
  });

  it('has its place in columns of which the schema says whether they may be null', () => {
    const fields = [{ name: 'id', type: 'int' }, { name: 'a', type: ['null', 'string'], default: null }, { name: 'b', type: ['int', 'string'] }, { name: 'c', type: ['string', 'null'] }];
    expect([...requiredColumns(debezium(schema<object>({ type: 'record', name: 'R', fields })))]).to.deep.equal(['id', 'b']);
    expect([...requiredColumns(json<string>())]).to.deep.equal([]);
  });

  it('changes neither row, and gives a row without placeholders itself', () => {
    const row: Readonly<Record<string, unknown>> = Object.freeze({ id: 1, a: TEXT });
    const previous: Readonly<Record<string, unknown>> = Object.freeze({ id: 1, a: 'old' });
    expect(mergeUnavailable(row, previous)).to.not.equal(row);
    const whole: Readonly<Record<string, unknown>> = { id: 1, a: 'x' };
    expect(mergeUnavailable(whole, previous)).to.equal(whole);
  });
});
