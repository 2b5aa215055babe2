/** docs/CHANGES.md has each kind of change that the steps are driven with, and says of each what the tests see. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { changes, debezium, dedupe, inserts, json, map, schema, stream, to, topology, upserts, type Change, type Operator } from 'millrace/topology';
import { kafka } from 'millrace/sinks';
import { drive, type ChangeInput } from 'millrace/testing';
import { read } from './support.ts';

interface Row { readonly id: number }
const rows = stream('app.public.rows', debezium(schema<Row>({ type: 'record', name: 'Row', fields: [{ name: 'id', type: 'int' }] })));
const row = { id: 1 };
const at = (lsn: bigint) => ({ key: 1, source: { lsn } });

const KINDS: Readonly<Record<string, (input: ChangeInput<Row>) => void>> = {
  insert: (input) => input.insert(row, at(1n)),
  update: (input) => input.update(row, null, at(1n)),
  delete: (input) => input.delete(row, at(1n)),
  truncate: (input) => input.truncate(),
  "snapshot's row": (input) => input.snapshot(row),
};

const all = (operator: Operator<Change<Row>, unknown, { readonly type?: string; readonly id?: number }, unknown>) => operator;
const STEPS = [
  ['inserts', all(inserts({ snapshot: 'include' }))],
  ['changes', all(changes({ snapshot: 'include' }))],
  ['upserts', all(upserts({ key: 'id' }))],
  ['dedupe', all((changed) => changed.pipe(dedupe('seen'), map(() => ({ type: 'passes' }))))],
] as const;

/** What the page would say: the row, a type in backquotes, `passes`, `dropped: reason` or `dead letter`. */
const said = (operator: (typeof STEPS)[number][1], send: (input: ChangeInput<Row>) => void): string => {
  const driver = drive(topology('t', rows.pipe(operator, map((value) => value.type ?? 'the row'), to('out', kafka('out', json<string>())))));
  send(driver.input(rows));
  const [reason] = Object.keys(driver.dropped());
  if (reason !== undefined) return `dropped: ${reason}`;
  if (driver.deadLetters().length > 0) return 'dead letter';
  const value = String(driver.topic('out')[0]!.value);
  return value === 'the row' || value === 'passes' ? value : `\`${value}\``;
};

describe('docs/CHANGES.md', () => {
  const lines = read('docs/CHANGES.md').split('\n').filter((line) => line.startsWith('| ')).map((line) => line.split('|').slice(1, -1).map((cell) => cell.trim()));
  const [head] = lines;

  it('has a column for each step', () => expect(head).to.deep.equal(['change', ...STEPS.map(([name]) => `\`${name}\``), '`table`']));

  for (const [kind, send] of Object.entries(KINDS)) {
    for (const [i, [name, operator]] of STEPS.entries()) {
      it(`says what ${name} does with: ${kind}`, () => {
        const line = lines.find(([first]) => first === kind);
        expect(line?.[i + 1]?.startsWith(said(operator, send)), `${line?.[i + 1]} / ${said(operator, send)}`).to.equal(true);
      });
    }
  }
});
