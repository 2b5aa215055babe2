/** What a captured table loses on its way through Debezium without a word, seen from its columns. docs/TYPES.md lists the same; a test holds the two together. */
import type { Column, TableFacts } from './database.ts';

type Config = Readonly<Record<string, string>>;

export interface Loss {
  /** As docs/TYPES.md names it. */
  readonly name: string;
  readonly applies: (column: Column, config: Config) => boolean;
  /** What is told of the columns it applies to; they follow behind a colon. */
  readonly text: (table: string) => string;
}

/** What Debezium has a type for. Others are left out of the rows unless it is told to take them. */
const KNOWN_TYPES: ReadonlySet<string> = new Set([
  'bool', 'int2', 'int4', 'int8', 'oid', 'float4', 'float8', 'numeric', 'money', 'char', 'bpchar', 'varchar', 'text', 'bytea', 'bit', 'varbit', 'date', 'time', 'timetz', 'timestamp',
  'timestamptz', 'interval', 'uuid', 'json', 'jsonb', 'xml', 'hstore', 'inet', 'cidr', 'macaddr', 'macaddr8', 'int4range', 'int8range', 'numrange', 'tsrange', 'tstzrange', 'daterange', 'point', 'box',
  'circle', 'citext', 'ltree', 'geometry', 'geography', 'tsvector', 'vector', 'halfvec', 'sparsevec',
]);
/** Types whose arrays it has no type for though it has one for them, and does not take as unknown either. */
const NO_ARRAYS: ReadonlySet<string> = new Set(['interval', 'money', 'name', 'point', 'varbit', 'xml']);
/** Types whose arrays always are null. */
const NULL_ARRAYS: ReadonlySet<string> = new Set(['bit']);
/** Types whose defaults do not reach the schema. */
const NO_DEFAULTS: ReadonlySet<string> = new Set(['bytea', 'inet']);

const isArray = ({ type }: Column): boolean => type.endsWith('[]');
const elementOf = ({ type }: Column): string => type.replace('[]', '');

/** Debezium would leave the column out, and takes it with include.unknown.datatypes. */
export const isUnknown = (column: Column): boolean =>
  column.kind !== 'e' && !KNOWN_TYPES.has(elementOf(column)) && !(isArray(column) && NO_ARRAYS.has(elementOf(column)));

/** Digits of a second's fraction; PostgreSQL has six when none are said. */
const fractionDigits = ({ modifier }: Column): number => (modifier < 0 ? 6 : modifier);

export const LOSSES: readonly Loss[] = [
  {
    name: 'NaN and infinities in `numeric`',
    applies: ({ type }, config) => type === 'numeric' && (config['decimal.handling.mode'] ?? 'precise') === 'precise',
    text: (table) => `NaN and infinities in a numeric of ${table} arrive as null, and stop the connector where null may not be; decimal.handling.mode string carries them`,
  },
  { name: 'Arrays with NaN in them', applies: ({ type }) => type === 'numeric[]', text: (table) => `an array of ${table} with a NaN in it arrives as null` },
  { name: 'Arrays with NULL in them', applies: (column) => isArray(column) && (column.kind === 'e' || elementOf(column) === 'tsvector'), text: (table) => `an array of an enum or tsvector of ${table} with a NULL in it arrives as null` },
  {
    name: 'Arrays of more than one dimension',
    applies: (column) => isArray(column) && column.dimensions > 1,
    text: (table) => `arrays of more than one dimension of ${table} arrive as lists of nulls, or of texts that say nothing`,
  },
  { name: 'Arrays that arrive as null', applies: (column) => isArray(column) && NULL_ARRAYS.has(elementOf(column)), text: (table) => `arrays of bit of ${table} always arrive as null` },
  {
    name: 'Arrays that are left out',
    applies: (column) => isArray(column) && NO_ARRAYS.has(elementOf(column)),
    text: (table) => `arrays of interval, money, name, point, varbit and xml of ${table} are left out of its rows, whatever the settings`,
  },
  {
    name: 'NULL in a nullable column with a default',
    applies: (column) => !column.notNull && column.defaultSql !== null && !isArray(column) && !NO_DEFAULTS.has(column.type),
    text: (table) => `NULL in a nullable column with a default of ${table} arrives as that default (of now() as 1970, of another function as zero or empty); drop the default, or make the column NOT NULL`,
  },
  {
    name: 'Months in `interval`',
    applies: ({ type }, config) => type === 'interval' && config['interval.handling.mode'] !== 'string',
    text: (table) => `months in an interval of ${table} arrive as 30.4375 days; interval.handling.mode string carries them`,
  },
  { name: 'Dates BC and infinite dates', applies: (column) => elementOf(column) === 'date', text: (table) => `infinity and years BC in a date of ${table} arrive as other dates, or are dead letters` },
  {
    name: 'Microseconds in `time[]`',
    applies: (column) => column.type === 'time[]' && fractionDigits(column) > 3,
    text: (table) => `arrays of time of ${table} arrive in milliseconds, their microseconds as zeros`,
  },
  {
    name: 'Timestamps after 294247',
    applies: (column) => elementOf(column) === 'timestamp' && fractionDigits(column) > 3,
    text: (table) => `a timestamp after 294247-01-10 of ${table} is a dead letter, or infinity on a whole second`,
  },
  { name: 'The offset of `timetz`', applies: (column) => elementOf(column) === 'timetz', text: (table) => `the offset of a timetz of ${table} is not sent; it arrives in UTC` },
  { name: 'The length of `varbit`', applies: ({ type }) => type === 'varbit', text: (table) => `the length of a varbit of ${table} is not sent: 0001 and 1 arrive alike` },
  {
    name: 'Types that Debezium does not know',
    applies: (column, config) => !column.generated && isUnknown(column) && config['include.unknown.datatypes'] !== 'true',
    text: (table) => `columns of ${table} have types that Debezium does not know, and are left out of its rows, or null in them; include.unknown.datatypes true takes them, most as bytes`,
  },
  { name: 'Generated columns', applies: ({ generated }) => generated, text: (table) => `generated columns of ${table} are not sent` },
];

/** Stored in no more than a few bytes, whatever PostgreSQL's way to store them allows. */
const SHORT_TYPES: ReadonlySet<string> = new Set(['inet', 'cidr', 'int4range', 'int8range', 'tsrange', 'tstzrange', 'daterange']);
const SHORT_TEXTS: ReadonlySet<string> = new Set(['varchar', 'bpchar']);
const BITS: ReadonlySet<string> = new Set(['bit', 'varbit']);
/** A row of more than about so many bytes has its largest values stored out of line. */
const LARGE_BYTES = 2_000;
/** A longer text of so many letters is at most as long, in bytes. The modifier is four more. */
const SHORT_TEXT_MODIFIER = 259;

/** Whether a value may be stored out of line, and is then not sent again when it did not change. */
const isWide = (column: Column): boolean => {
  const { type, storage, modifier } = column;
  if (storage === 'p' || column.generated || SHORT_TYPES.has(type)) return false;
  if (isArray(column) && (NO_ARRAYS.has(elementOf(column)) || NULL_ARRAYS.has(elementOf(column)))) return false;
  if (modifier < 0) return true;
  if (SHORT_TEXTS.has(type)) return modifier > SHORT_TEXT_MODIFIER;
  if (BITS.has(type)) return modifier > LARGE_BYTES * 8;
  // A precision is at most 1,000 digits.
  return type !== 'numeric';
};

/** Arrays for which Debezium says that it has no value; for others it says null. */
const TOLD_ARRAYS: ReadonlySet<string> = new Set(['text', 'varchar', 'json', 'jsonb', 'bytea', 'int4', 'int8', 'date', 'uuid']);
const NULL_WHEN_UNCHANGED: ReadonlySet<string> = new Set(['numeric', ...BITS]);

/** Columns whose large values an update sends only when it changes them. */
export interface WideColumns {
  /** A reader sees that the value is not there. */
  readonly told: readonly string[];
  /** Debezium sends null. */
  readonly silent: readonly string[];
}

export const wideColumns = (table: Pick<TableFacts, 'columns' | 'primaryKey'>): WideColumns => {
  const wide = table.columns.filter((column) => isWide(column) && !table.primaryKey.includes(column.name));
  const isSilent = (column: Column): boolean => (isArray(column) ? !TOLD_ARRAYS.has(elementOf(column)) : NULL_WHEN_UNCHANGED.has(column.type));
  const names = (silent: boolean): string[] => wide.filter((column) => isSilent(column) === silent).map(({ name }) => name);
  return { told: names(false), silent: names(true) };
};
