/** What becomes of a stream when its table is altered while rows are written: written by hand, held to what is seen by evolution.test.ts, told by docs/EVOLUTION.md. */

/** A field of the topology's schema beside `id`. */
export interface Field {
  readonly name: string;
  readonly type: unknown;
  readonly default?: unknown;
  readonly aliases?: readonly string[];
}

export interface EvolutionFact {
  /** What is done to the table, as the page says it. */
  readonly change: string;
  /** The table's second column, beside `id int PRIMARY KEY`; null: none. */
  readonly column: string | null;
  /** Behind ALTER TABLE name. */
  readonly alter: string;
  /** Behind INSERT INTO name: columns and values beside `id`, before and after the change. */
  readonly insert: readonly [before: Readonly<Record<string, string>>, after: Readonly<Record<string, string>>];
  /** What the topology's schema says, as the page puts it, and the field itself; null: the topology does not read the column. */
  readonly schema: string;
  readonly field: Field | null;
  /** What rows from before and after the change read as; a bigint is text with an n. Of a stage that is paused: the former by the first topology, the latter by the mended one. */
  readonly seen: readonly [before: unknown, after: unknown];
  /** Part of the error, where the stage is paused; and the field of a topology that reads both. */
  readonly paused?: { readonly error: string; readonly mended: Field; readonly how: string };
  /** The values are in the database, and the topology reads others without a word. */
  readonly lost?: true;
  /** The registry, at BACKWARD, refuses the new schema: the connector's task fails. */
  readonly refused?: true;
}

const text = (name: string): Field => ({ name, type: 'string' });
const BEYOND = '9007199254740993';

export const EVOLUTION: readonly EvolutionFact[] = [
  {
    change: 'ADD COLUMN, nullable', column: null, alter: 'ADD COLUMN note text', insert: [{}, { note: "'new'" }],
    schema: 'does not have it', field: null, seen: [undefined, undefined],
  },
  {
    change: 'ADD COLUMN, nullable', column: null, alter: 'ADD COLUMN note text', insert: [{}, { note: "'new'" }],
    schema: 'has it already, nullable, default null', field: { name: 'note', type: ['null', 'string'], default: null }, seen: [null, 'new'],
  },
  {
    change: 'ADD COLUMN NOT NULL DEFAULT', column: null, alter: "ADD COLUMN note text NOT NULL DEFAULT 'database'", insert: [{}, {}],
    schema: 'has it already, with a default of its own', field: { ...text('note'), default: 'topology' }, seen: ['topology', 'database'],
  },
  {
    change: 'DROP COLUMN', column: 'note text NOT NULL', alter: 'DROP COLUMN note', insert: [{ note: "'old'" }, {}],
    schema: 'has a default', field: { ...text('note'), default: 'gone' }, seen: ['old', 'gone'],
  },
  {
    change: 'DROP COLUMN', column: 'note text NOT NULL', alter: 'DROP COLUMN note', insert: [{ note: "'old'" }, {}],
    schema: 'has no default', field: text('note'), seen: ['old', 'gone'],
    paused: { error: 'note: the writer has no such field, and our schema gives no default', mended: { ...text('note'), default: 'gone' }, how: 'a default' },
  },
  {
    change: 'ALTER COLUMN TYPE, int to bigint', column: 'note int NOT NULL', alter: 'ALTER COLUMN note TYPE bigint', insert: [{ note: '7' }, { note: BEYOND }],
    schema: 'says long', field: { name: 'note', type: 'long' }, seen: ['7n', `${BEYOND}n`],
  },
  {
    change: 'ALTER COLUMN TYPE, int to bigint', column: 'note int NOT NULL', alter: 'ALTER COLUMN note TYPE bigint', insert: [{ note: '7' }, { note: BEYOND }],
    schema: 'says int', field: { name: 'note', type: 'int' }, seen: [7, `${BEYOND}n`],
    paused: { error: 'note: long cannot be read as int', mended: { name: 'note', type: 'long' }, how: 'long' },
  },
  {
    change: 'RENAME COLUMN, nullable', column: 'note text', alter: 'RENAME COLUMN note TO remark', insert: [{ note: "'old'" }, { remark: "'new'" }],
    schema: 'has the new name, the old one as an alias', field: { name: 'remark', type: ['null', 'string'], aliases: ['note'] }, seen: ['old', 'new'],
  },
  {
    change: 'RENAME COLUMN, nullable', column: 'note text', alter: 'RENAME COLUMN note TO remark', insert: [{ note: "'old'" }, { remark: "'new'" }],
    schema: 'has the old name, without a default', field: { name: 'note', type: ['null', 'string'] }, seen: ['old', 'new'],
    paused: { error: 'note: the writer has no such field, and our schema gives no default', mended: { name: 'note', type: ['null', 'string'], aliases: ['remark'] }, how: 'the other name as an alias' },
  },
  {
    change: 'RENAME COLUMN, nullable', column: 'note text', alter: 'RENAME COLUMN note TO remark', insert: [{ note: "'old'" }, { remark: "'new'" }],
    schema: 'has the old name, with default null', field: { name: 'note', type: ['null', 'string'], default: null }, seen: ['old', null], lost: true,
  },
  {
    change: 'RENAME COLUMN, NOT NULL', column: 'note text NOT NULL', alter: 'RENAME COLUMN note TO remark', insert: [{ note: "'old'" }, { remark: "'new'" }],
    schema: 'has the new name, the old one as an alias', field: { name: 'remark', type: 'string', aliases: ['note'] }, seen: ['old', 'new'], refused: true,
  },
];

const shown = (value: unknown): string => (value === undefined ? 'not read' : value === null ? 'null' : `\`${String(value)}\``);

const outcomeOf = ({ paused, refused, lost }: EvolutionFact): string => {
  if (lost === true) return 'goes on, and **reads the default for what stands in the renamed column**, without a word';
  if (refused === true) return "the registry at BACKWARD refuses the schema and **the connector's task fails**; when the subject takes it and the task is restarted, all rows come";
  return paused === undefined ? 'goes on' : `**the stage is paused**: \`${paused.error}\`; deployed with ${paused.how}, it goes on where it stood`;
};

/** The table of docs/EVOLUTION.md. */
export const evolutionTable = (): readonly string[] => [
  '| `ALTER TABLE` | the topology\'s schema | rows before | rows after | what happens |',
  '| --- | --- | --- | --- | --- |',
  ...EVOLUTION.map((fact) => `| ${fact.change} | ${fact.schema} | ${shown(fact.seen[0])} | ${shown(fact.seen[1])} | ${outcomeOf(fact)} |`),
];
