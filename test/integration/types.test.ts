/** Every PostgreSQL type and its extremes, from SQL through Debezium (both as its snapshot reads them and as they stream) to the library's value. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { DeadLetterError } from '../../lib/core/errors.ts';
import { generateTypes } from '../../lib/schemas/index.ts';
import { debezium, schema, type Change, type DebeziumOptions } from '../../topology/index.ts';
import { Capture, type Captured } from './support/capture.ts';
import { stack } from './support/stack.ts';
import { FACTS, LEFT_OUT, Like, MOOD, Refused, TEXT_MODE_FACTS, type TypeFact } from './types/facts.ts';

type Row = Record<string, unknown>;
type Field = { readonly name: string; readonly type: unknown };
type Options = DebeziumOptions<Row, 'bigint' | 'number', 'string' | 'number', 'units' | 'text'>;

const CHOICES: Options = { int64: 'number', decimal: 'number', time: 'text' };
const column = (i: number): string => `c${i}`;
const left = (i: number): string => `x${i}`;

const lastWord = (name: unknown): string => (typeof name === 'string' ? ` ${name.slice(name.lastIndexOf('.') + 1)}` : '');

/** `["null", {"type":"long","connect.name":"io.debezium.time.MicroTime"}]` as `long MicroTime`. */
const formOf = (type: unknown): string => {
  if (Array.isArray(type)) return formOf(type.find((branch) => branch !== 'null'));
  if (typeof type === 'string') return type.endsWith('.VariableScaleDecimal') ? 'record VariableScaleDecimal' : type;
  const { type: kind, items, values, 'connect.name': name } = type as Readonly<Record<string, unknown>>;
  if (kind === 'array' || kind === 'map') return `${kind} of ${formOf(items ?? values)}`;
  return `${String(kind)}${lastWord(name)}`;
};

/** One table, whose rows have the n-th value of every type. */
class TypesTable {
  readonly capture: Capture;
  readonly table: string;
  readonly facts: readonly TypeFact[];
  readonly rows: number;
  fields: readonly Field[] = [];
  records: readonly Captured[] = [];

  constructor(capture: Capture, suffix: string, facts: readonly TypeFact[]) {
    this.capture = capture;
    this.table = `${capture.name}${suffix}`;
    this.facts = facts;
    this.rows = Math.max(...facts.map(({ values }) => values.length));
  }

  async create(): Promise<void> {
    const types = this.facts.map(({ sql }, i) => `${column(i)} ${sql.replace(MOOD, `${this.capture.name}_mood`)}`);
    const leftOut = LEFT_OUT.map(({ sql }, i) => `${left(i)} ${sql}`);
    await this.capture.sql(`CREATE TABLE ${this.table} (id int PRIMARY KEY, ${[...types, ...leftOut].join(', ')})`);
  }

  async insert(firstId: number): Promise<void> {
    for (let row = 0; row < this.rows; row += 1) {
      const values = this.facts.map(({ values: of }) => of[row]?.sql ?? 'NULL');
      await this.capture.sql(`INSERT INTO ${this.table} VALUES (${[firstId + row, ...values, ...LEFT_OUT.map(({ value }) => value)].join(', ')})`);
    }
  }

  /** Rows before the connector begins come from its snapshot, those afterwards from the log. */
  async run(more: Readonly<Record<string, string>>): Promise<void> {
    await this.create();
    await this.insert(0);
    const prefix = await this.capture.connector(this.table.slice(this.capture.name.length), [this.table], more);
    const topic = `${prefix}.public.${this.table}`;
    await this.capture.records(topic, this.rows);
    await this.insert(this.rows);
    this.records = await this.capture.records(topic, 2 * this.rows);
    const envelope = await this.capture.schemaOf(this.records[0]!.value!);
    const before = (envelope['fields'] as Field[]).find(({ name }) => name === 'before')!.type as readonly unknown[];
    this.fields = (before[1] as { readonly fields: readonly Field[] }).fields;
  }

  field(i: number): Field {
    const field = this.fields.find(({ name }) => name === column(i));
    if (field === undefined) throw new Error(`Debezium sends no column for ${this.facts[i]!.sql}`);
    return field;
  }

  /** The schema of the table with this column only, as it was registered. */
  schemaOf(i: number): { readonly type: 'record'; readonly name: string; readonly fields: readonly Field[] } {
    const name = formOf(this.field(i).type).endsWith('record VariableScaleDecimal') ? { type: ['null', this.#defined(this.field(i).type)] } : {};
    return { type: 'record', name: 'Value', fields: [{ ...this.field(i), ...name }] };
  }

  /** A named type stands in full where it is used first. */
  #defined(type: unknown): unknown {
    const first = this.fields.map((field) => (Array.isArray(field.type) ? (field.type as unknown[])[1] : null)).find((of) => (of as Row | null)?.['connect.name'] === 'io.debezium.data.VariableScaleDecimal');
    const branch = (type as readonly unknown[])[1] as Row | string;
    return typeof branch === 'object' && branch['type'] === 'array' ? { type: 'array', items: ['null', first] } : first;
  }

  async read(i: number, record: number, options: Options): Promise<unknown> {
    const { value } = this.records[record]!;
    const decoder = this.capture.serde().valueDecoder(debezium(schema<Row>(this.schemaOf(i)), options));
    await decoder.prepare({ count: 1, key: () => null, value: () => value });
    return (decoder.decode(value) as Change<Row>).after![column(i)];
  }
}

const outcome = async (table: TypesTable, i: number, record: number, options: Options): Promise<unknown> =>
  table.read(i, record, options).catch((error: unknown) => {
    if (error instanceof DeadLetterError) return error;
    throw error;
  });

const expectOutcome = (got: unknown, expected: unknown, name: string): void => {
  if (expected instanceof Like) {
    expect(JSON.stringify(got)).to.match(expected.pattern);
    return;
  }
  if (!(expected instanceof Refused)) {
    expect(got).to.deep.equal(expected);
    return;
  }
  expect(got, `${name} is refused`).to.be.instanceOf(DeadLetterError);
  expect(String(got)).to.match(new RegExp(`, ${name}(\\[\\])?: `)).and.include(expected.why);
};

describe('the values of PostgreSQL', function () {
  this.timeout(90_000);
  const capture = new Capture('typestest');
  const exact = new TypesTable(capture, 'a', FACTS);
  const text = new TypesTable(capture, 'b', TEXT_MODE_FACTS);

  before(async () => {
    await capture.client.connect();
    for (const extension of ['hstore', 'citext']) await capture.sql(`CREATE EXTENSION IF NOT EXISTS ${extension}`);
    await capture.sql(`CREATE TYPE ${capture.name}_mood AS ENUM ('sad', 'so so', 'happy')`);
    await Promise.all([exact.run({}), text.run({ 'decimal.handling.mode': 'string', 'interval.handling.mode': 'string', 'hstore.handling.mode': 'map' })]);
  });

  after(() => capture.close());

  for (const [i, { sql }] of LEFT_OUT.entries()) {
    it(`${sql} is left out`, () => expect([exact, text].map(({ fields }) => fields.map(({ name }) => name).includes(left(i)))).to.deep.equal([false, false]));
  }

  it('come from a table with a default of {}, whose schema Apicurio does not tell by its id', async () => {
    const table = `${capture.name}c`;
    await capture.sql(`CREATE TABLE ${table} (id int PRIMARY KEY, settings jsonb NOT NULL DEFAULT '{}')`);
    await capture.sql(`INSERT INTO ${table} (id) VALUES (1)`);
    await capture.sql(`INSERT INTO ${table} VALUES (2, '{"dark": true}')`);
    const prefix = await capture.connector('c', [table], {});
    const records = await capture.records(`${prefix}.public.${table}`, 2);
    const answer = await fetch(`${stack.endpoints.registryUrl}/schemas/ids/${records[0]!.value!.readUInt32BE(1)}`);
    expect([answer.status, await answer.text()]).to.deep.equal([400, '{"message":"Failed to discover artifact type from content.","error_code":0}']);
    const decoder = capture.serde().valueDecoder(debezium(schema<Row>({ type: 'record', name: 'Value', fields: [{ name: 'id', type: 'int' }, { name: 'settings', type: 'string' }] })));
    await decoder.prepare({ count: 2, key: () => null, value: (i) => records[i]!.value });
    expect(records.map(({ value }) => (decoder.decode(value) as Change<Row>).after)).to.deep.equal([{ id: 1, settings: '{}' }, { id: 2, settings: '{"dark": true}' }]);
  });

  for (const [mode, table] of [['as they are', exact], ["in the connector's text modes", text]] as const) {
    for (const [i, fact] of table.facts.entries()) {
      describe(`${fact.name}, ${mode}`, () => {
        it(`come as Avro's ${fact.avro} and are TypeScript's ${fact.type}`, () => {
          expect(formOf(table.field(i).type)).to.equal(fact.avro);
          const line = generateTypes(JSON.stringify(table.schemaOf(i)), 'value.avsc').split('\n').find((each) => each.startsWith(`  readonly ${column(i)}:`))!;
          const nullable = fact.type.startsWith('readonly ') ? `(${fact.type})` : fact.type;
          expect(line.trim()).to.equal(`readonly ${column(i)}: ${nullable} | null;`);
        });

        for (const [source, from] of [['snapshot', 0], ['log', table.rows]] as const) {
          for (const [row, known] of fact.values.entries()) {
            const expected = source === 'snapshot' && known.snapshot !== undefined ? known.snapshot : known;
            it(`${known.sql} (${source})`, async () => {
              expectOutcome(await outcome(table, i, from + row, {}), expected.read, column(i));
              expectOutcome(await outcome(table, i, from + row, CHOICES), 'chosen' in expected ? expected.chosen : expected.read, column(i));
            });
          }
          if (fact.values.length === table.rows || fact.values.some(({ sql }) => sql === 'NULL')) continue;
          it(`NULL is null (${source})`, async () => {
            expect(await table.read(i, from + table.rows - 1, CHOICES)).to.equal(null);
          });
        }
      });
    }
  }
});
