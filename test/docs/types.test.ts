/** docs/TYPES.md says of each type what the integration test sees of it. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { LOSSES, wideColumns } from '../../lib/connect/losses.ts';
import { FACTS, LEFT_OUT, Refused, TEXT_MODE_FACTS, type TypeFact } from '../integration/types/facts.ts';
import { inline, read } from './support.ts';

const page = read('docs/TYPES.md');
const section = (title: string): string => page.split(/^## /m).find((part) => part.startsWith(title))!;

interface Line {
  readonly name: string;
  readonly avro: string;
  readonly type: string;
  readonly choices: readonly string[];
}

const linesOf = (text: string): readonly Line[] => text.split('\n').filter((line) => line.startsWith('| `')).map((line) => {
  const [, name, avro, type, choices] = line.replaceAll('\\|', '\u0000').split('|').map((cell) => cell.replaceAll('\u0000', '|').trim());
  return { name: inline(name!)[0]!, avro: avro!, type: inline(type!)[0]!, choices: inline(choices!) };
});

/** Which choices there are for a type follows from what they make of its values. */
const choicesOf = ({ type, values }: TypeFact): readonly string[] => {
  const changes = values.some(({ read: before, chosen }) => chosen !== undefined && !(before instanceof Refused && chosen === before));
  if (!changes) return [];
  const int64 = type.includes('bigint') ? ['int64'] : [];
  if (type.includes('Decimal')) return ['decimal'];
  return type.includes('TimeUnits') ? [...int64, 'time'] : int64;
};

describe('docs/TYPES.md', () => {
  for (const [title, facts] of [['As the connector sends them by default', FACTS], ["In the connector's text modes", TEXT_MODE_FACTS]] as const) {
    it(`says what is so: ${title}`, () => {
      expect(linesOf(section(title))).to.deep.equal(facts.map((fact) => ({ name: fact.name, avro: fact.avro, type: fact.type, choices: choicesOf(fact) })));
    });
  }

  it('lists each loss that scaffold and validate name, and no other', () => {
    const listed = section('What Debezium does not carry').split('\n').filter((line) => line.startsWith('- ')).flatMap((line) => [...line.matchAll(/(?:^- |and )\*\*(.+?)\*\*/g)].map(([, name]) => name));
    expect(listed).to.deep.equal(LOSSES.map(({ name }) => name));
  });

  it('names the arrays that are left out', () => {
    const line = page.split('\n').find((each) => each.startsWith('- **Arrays that are left out**'))!;
    const arrays = LEFT_OUT.filter(({ sql }) => sql.endsWith('[]')).map(({ sql }) => sql.slice(0, -2));
    expect(inline(line)).to.deep.equal(arrays);
  });

  it('has the checks name the columns that docs/CHANGES.md says Debezium takes for null', () => {
    const names: Readonly<Record<string, string>> = { integer: 'int4', bigint: 'int8' };
    const [, scalars, arrays] = read('docs/CHANGES.md').match(/\*\*takes for null\*\*.*?, (a `.+?), and every array but those of (.+?):/)!;
    const told = arrays!.split(/, | and /).map((type) => names[type] ?? type);
    const columns = [...inline(scalars!), ...told.map((type) => `${type}[]`), 'int2[]', 'timestamp[]', 'bool[]', 'inet[]', 'text'];
    const table = { primaryKey: [], columns: columns.map((type) => ({ name: type, type, kind: 'b', notNull: true, generated: false, defaultSql: null, dimensions: 0, storage: 'x', modifier: -1 })) };
    expect(wideColumns(table)).to.deep.equal({ silent: [...inline(scalars!), 'int2[]', 'timestamp[]', 'bool[]', 'inet[]'], told: [...told.map((type) => `${type}[]`), 'text'] });
  });
});
