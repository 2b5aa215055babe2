import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Column, TableFacts } from '../../lib/connect/database.ts';
import { isUnknown, LOSSES, wideColumns } from '../../lib/connect/losses.ts';

const column = (type: string, more: Partial<Column> = {}): Column => ({ name: 'c', type, kind: 'b', notNull: false, generated: false, defaultSql: null, dimensions: type.endsWith('[]') ? 1 : 0, storage: 'p', modifier: -1, ...more });
const table = (...columns: readonly Column[]): TableFacts => ({
  ...{ schema: 'public', name: 't', kind: 'r', replicaIdentity: 'd', primaryKey: ['id'], deferrable: false, unidentified: [], uniqueIndex: true, selectable: true, insertable: true, owned: true },
  columns,
});

/** What is lost of a column, and what is not of others: written by hand, from what test/integration/types.test.ts sees. */
const CASES: readonly (readonly [loss: string, lost: readonly Column[], kept: readonly Column[], config?: Readonly<Record<string, string>>])[] = [
  ['NaN and infinities in `numeric`', [column('numeric')], [column('int4'), column('money'), column('numeric[]')]],
  ['NaN and infinities in `numeric`', [], [column('numeric')], { 'decimal.handling.mode': 'string' }],
  ['Arrays with NaN in them', [column('numeric[]')], [column('numeric'), column('float8[]')]],
  ['Arrays with NULL in them', [column('mood[]', { kind: 'e' }), column('tsvector[]')], [column('mood', { kind: 'e' }), column('tsvector'), column('text[]')]],
  ['Arrays of more than one dimension', [column('int4[]', { dimensions: 2 })], [column('int4[]')]],
  ['Arrays that arrive as null', [column('bit[]')], [column('bit'), column('tsvector[]'), column('text[]')]],
  ['Arrays that are left out', ['interval', 'money', 'name', 'point', 'varbit', 'xml'].map((type) => column(`${type}[]`)), [column('interval'), column('timetz[]'), column('tsquery[]')]],
  [
    'NULL in a nullable column with a default', [column('int4', { defaultSql: '7' }), column('timestamptz', { defaultSql: 'now()' })],
    [column('int4'), column('int4', { defaultSql: '7', notNull: true }), column('int4[]', { defaultSql: "'{}'::integer[]" }), column('bytea', { defaultSql: "'\\x01'::bytea" }), column('inet', { defaultSql: "'10.0.0.1'::inet" })],
  ],
  ['Months in `interval`', [column('interval')], [column('interval[]')]],
  ['Months in `interval`', [], [column('interval')], { 'interval.handling.mode': 'string' }],
  ['Dates BC and infinite dates', [column('date'), column('date[]')], [column('daterange'), column('timestamp')]],
  ['Microseconds in `time[]`', [column('time[]'), column('time[]', { modifier: 6 })], [column('time'), column('time[]', { modifier: 3 })]],
  ['Timestamps after 294247', [column('timestamp'), column('timestamp[]', { modifier: 4 })], [column('timestamp', { modifier: 3 }), column('timestamptz')]],
  ['The offset of `timetz`', [column('timetz'), column('timetz[]')], [column('timestamptz')]],
  ['The length of `varbit`', [column('varbit')], [column('bit')]],
  [
    'Types that Debezium does not know', [column('int4multirange', { kind: 'm' }), column('pair', { kind: 'c' }), column('tsquery[]'), column('name')],
    [column('mood', { kind: 'e' }), column('int4range', { kind: 'r' }), column('xml[]'), column('tsquery', { generated: true })],
  ],
  ['Types that Debezium does not know', [], [column('tsquery')], { 'include.unknown.datatypes': 'true' }],
  ['Generated columns', [column('int4', { generated: true })], [column('int4')]],
];

describe('what is lost of a column', () => {
  for (const [name, lost, kept, config = {}] of CASES) {
    it(`${name}${Object.entries(config).map(([key, value]) => `, with ${key}=${value}`).join('')}`, () => {
      const applies = (each: Column): boolean => LOSSES.find((loss) => loss.name === name)!.applies(each, config);
      expect(lost.map(applies)).to.deep.equal(lost.map(() => true));
      expect(kept.map(applies)).to.deep.equal(kept.map(() => false));
    });
  }

  it('is listed here whole', () => expect([...new Set(CASES.map(([name]) => name))]).to.have.members(LOSSES.map(({ name }) => name)));
  it('is told of the table', () => expect(LOSSES.map(({ text }) => text('shop.orders')).filter((text) => !text.includes('shop.orders'))).to.deep.equal([]));
  it('is nothing of a type that Debezium knows', () => expect(['text', 'int4', 'jsonb[]', 'ltree'].map((type) => isUnknown(column(type)))).to.deep.equal([false, false, false, false]));
});

describe('columns whose large values are not sent again', () => {
  const wide: readonly (readonly [column: Column, which: 'told' | 'silent' | 'none'])[] = [
    [column('text', { storage: 'x' }), 'told'],
    [column('jsonb', { storage: 'e' }), 'told'],
    [column('uuid[]', { storage: 'x' }), 'told'],
    [column('numeric', { storage: 'm' }), 'silent'],
    [column('numeric', { storage: 'm', modifier: 655_366 }), 'none'],
    [column('numeric[]', { storage: 'x', modifier: 655_366 }), 'silent'],
    [column('varbit', { storage: 'x' }), 'silent'],
    [column('varbit', { storage: 'x', modifier: 20 }), 'none'],
    [column('bit', { storage: 'x', modifier: 32_768 }), 'silent'],
    [column('int2[]', { storage: 'x' }), 'silent'],
    [column('timestamptz[]', { storage: 'x' }), 'silent'],
    [column('inet[]', { storage: 'x' }), 'silent'],
    [column('xml[]', { storage: 'x' }), 'none'],
    [column('inet', { storage: 'm' }), 'none'],
    [column('daterange', { storage: 'x' }), 'none'],
    [column('varchar', { storage: 'x', modifier: 259 }), 'none'],
    [column('varchar', { storage: 'x', modifier: 260 }), 'told'],
    [column('text', { storage: 'p' }), 'none'],
    [column('text', { storage: 'x', name: 'id' }), 'none'],
  ];
  for (const [own, which] of wide) {
    it(`${own.type} of storage ${own.storage}${own.modifier < 0 ? '' : ` and modifier ${own.modifier}`}${own.name === 'id' ? ', as the key' : ''}: ${which}`, () => {
      const expected = { told: which === 'told' ? [own.name] : [], silent: which === 'silent' ? [own.name] : [] };
      expect(wideColumns(table(own))).to.deep.equal(expected);
    });
  }
});
