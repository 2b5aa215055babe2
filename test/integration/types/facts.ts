/**
 * What becomes of each PostgreSQL type, written by hand: the test drives every value through PostgreSQL, Debezium and the library, and the page docs/TYPES.md is held to this table.
 */

/** The value cannot be read: the record is a dead letter that says this behind the column's name. */
export class Refused {
  readonly why: string;
  constructor(why: string) {
    this.why = why;
  }
}

/** What is read is different each time; its JSON looks like this. */
export class Like {
  readonly pattern: RegExp;
  constructor(pattern: RegExp) {
    this.pattern = pattern;
  }
}

export interface ValueFact {
  /** An SQL literal. */
  readonly sql: string;
  /** What is read of it by default. */
  readonly read: unknown;
  /** What is read under `int64: 'number', decimal: 'number', time: 'text'`, where that differs. */
  readonly chosen?: unknown;
  /** What a snapshot makes of it, where that differs from the log. */
  readonly snapshot?: { readonly read: unknown; readonly chosen: unknown };
}

export interface TypeFact {
  /** As the page calls it. */
  readonly name: string;
  /** Type of the test's column. */
  readonly sql: string;
  /** Avro type and the last word of its `connect.name`. */
  readonly avro: string;
  /** Its generated TypeScript type, null aside. */
  readonly type: string;
  readonly values: readonly ValueFact[];
}

export const MOOD = 'MOOD';

const value = (sql: string, read: unknown, ...chosen: readonly unknown[]): ValueFact => (chosen.length === 0 ? { sql, read } : { sql, read, chosen: chosen[0] });
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex');
const tooLarge = new Refused('is beyond 2^53 - 1');
const noNumber = new Refused('does not fit a number exactly');

const NUMBERS: readonly TypeFact[] = [
  { name: 'smallint', sql: 'smallint', avro: 'int', type: 'number', values: [value('-32768', -32768), value('32767', 32767)] },
  { name: 'integer', sql: 'integer', avro: 'int', type: 'number', values: [value('-2147483648', -2147483648), value('2147483647', 2147483647)] },
  { name: 'integer DEFAULT 7', sql: 'integer DEFAULT 7', avro: 'int', type: 'number', values: [value('NULL', 7), value('1', 1)] },
  { name: 'bigint DEFAULT length()', sql: "bigint DEFAULT length('abc')", avro: 'long', type: 'bigint', values: [value('NULL', 0n, 0)] },
  {
    name: 'bigint', sql: 'bigint', avro: 'long', type: 'bigint',
    values: [value('-9223372036854775808', -9223372036854775808n, tooLarge), value('9007199254740993', 9007199254740993n, tooLarge), value('9007199254740991', 9007199254740991n, 9007199254740991), value('-7', -7n, -7)],
  },
  { name: 'oid', sql: 'oid', avro: 'long', type: 'bigint', values: [value('4294967295', 4294967295n, 4294967295)] },
  {
    name: 'numeric', sql: 'numeric', avro: 'record VariableScaleDecimal', type: 'Decimal',
    values: [
      value('1e-30', `0.${'0'.repeat(29)}1`, 1e-30), value('-12345678901234567890.123', '-12345678901234567890.123', noNumber), value('0', '0', 0),
      value('9007199254740993', '9007199254740993', noNumber), value('12.50', '12.5', 12.5), value("'NaN'", null), value("'Infinity'", null),
    ],
  },
  {
    name: 'numeric(p,s)', sql: 'numeric(38,10)', avro: 'bytes Decimal', type: 'Decimal',
    values: [value(`${'9'.repeat(28)}.${'9'.repeat(10)}`, `${'9'.repeat(28)}.${'9'.repeat(10)}`, noNumber), value('-0.0000000001', '-0.0000000001', -1e-10), value('0', '0.0000000000', 0), value("'NaN'", null)],
  },
  { name: 'numeric(p,-s)', sql: 'numeric(3,-2)', avro: 'bytes Decimal', type: 'Decimal', values: [value('12300', '12300', 12300), value('-99900', '-99900', -99900)] },
  { name: 'money', sql: 'money', avro: 'bytes Decimal', type: 'Decimal', values: [value("'-92233720368547758.08'", '-92233720368547758.08', noNumber), value("'12.34'", '12.34', 12.34)] },
  { name: 'real', sql: 'real', avro: 'float', type: 'number', values: [value("'3.4028235e38'", 3.4028234663852886e38), value("'-Infinity'", -Infinity), value("'NaN'", NaN), value("'1.5'", 1.5)] },
  { name: 'double precision', sql: 'double precision', avro: 'double', type: 'number', values: [value("'1.7976931348623157e308'", Number.MAX_VALUE), value("'5e-324'", 5e-324), value("'Infinity'", Infinity), value("'NaN'", NaN)] },
];

const TEXTS: readonly TypeFact[] = [
  { name: 'boolean', sql: 'boolean', avro: 'boolean', type: 'boolean', values: [value('true', true), value('false', false)] },
  { name: 'text', sql: 'text', avro: 'string', type: 'string', values: [value("'zürich 🎉'", 'zürich 🎉'), value("''", '')] },
  { name: 'varchar(n)', sql: 'varchar(10)', avro: 'string', type: 'string', values: [value("'ab '", 'ab ')] },
  { name: 'char(n)', sql: 'char(5)', avro: 'string', type: 'string', values: [value("'ab'", 'ab   '), value("''", '     ')] },
  { name: 'name', sql: 'name', avro: 'string', type: 'string', values: [{ ...value("'abc'", null), snapshot: { read: 'abc', chosen: 'abc' } }] },
  { name: 'citext', sql: 'citext', avro: 'string', type: 'string', values: [value("'AbC'", 'AbC')] },
  { name: 'bytea', sql: 'bytea', avro: 'bytes', type: 'Uint8Array', values: [value("'\\x00ff10'", bytes('00ff10')), value("''", bytes(''))] },
  { name: 'uuid', sql: 'uuid', avro: 'string Uuid', type: 'string', values: [value("'8D3F9A52-0C7E-4C53-9A41-1F0B8A2A9F10'", '8d3f9a52-0c7e-4c53-9a41-1f0b8a2a9f10')] },
  { name: 'json', sql: 'json', avro: 'string Json', type: 'string', values: [value(`'{"b": 1,  "a":12345678901234567890}'`, '{"b": 1,  "a":12345678901234567890}'), value("'null'", 'null')] },
  { name: 'jsonb', sql: 'jsonb', avro: 'string Json', type: 'string', values: [value(`'{"b": 1,  "a":12345678901234567890}'`, '{"a": 12345678901234567890, "b": 1}'), value("'null'", 'null')] },
  { name: 'xml', sql: 'xml', avro: 'string Xml', type: 'string', values: [value("'<a>1</a>'", '<a>1</a>')] },
  { name: 'enum', sql: MOOD, avro: 'string Enum', type: 'string', values: [value("'so so'", 'so so'), value("'happy'", 'happy')] },
  { name: 'hstore', sql: 'hstore', avro: 'string Json', type: 'string', values: [value("'a=>1, b=>NULL'", '{"a":"1","b":null}'), value("''", '{}')] },
  { name: 'inet', sql: 'inet', avro: 'string', type: 'string', values: [value("'192.168.0.1/24'", '192.168.0.1/24'), value("'2001:db8::1'", '2001:db8::1')] },
  { name: 'cidr', sql: 'cidr', avro: 'string', type: 'string', values: [value("'2001:db8::/32'", '2001:db8::/32')] },
  { name: 'macaddr', sql: 'macaddr', avro: 'string', type: 'string', values: [value("'08-00-2B-01-02-03'", '08:00:2b:01:02:03')] },
  { name: 'bit', sql: 'bit', avro: 'boolean', type: 'boolean', values: [value("B'1'", true), value("B'0'", false)] },
  { name: 'bit(n)', sql: 'bit(12)', avro: 'bytes Bits', type: 'Uint8Array', values: [value("B'100000000001'", bytes('0108')), value("B'000000001111'", bytes('0f'))] },
  { name: 'varbit', sql: 'varbit(20)', avro: 'bytes Bits', type: 'Uint8Array', values: [value("B'10000000001'", bytes('0104')), value("B'0001'", bytes('01')), value("B'1'", bytes('01'))] },
  { name: 'tsvector', sql: 'tsvector', avro: 'string Tsvector', type: 'string', values: [value("'a fat cat'", "'a' 'cat' 'fat'")] },
];

const FAR = new Refused('stands for a time stamp after 294247-01-10, which Debezium cannot carry');

const NO_DATE = new Refused('stands for a date before 4714-11-24 BC, which PostgreSQL does not have');

const TIMES: readonly TypeFact[] = [
  {
    name: 'date', sql: 'date', avro: 'int Date', type: 'TimeUnits<number>',
    values: [
      value("'1969-12-31'", -1, '1969-12-31'), value("'2000-02-29'", 11016, '2000-02-29'), value("'5874897-12-31'", 2145042905, '+5874897-12-31'), 
      { ...value("'4714-11-24 BC'", -2440588, '-4713-11-24'), snapshot: { read: 1002552, chosen: '4714-11-24' } }, { ...value("'0044-03-15 BC'", -735160, '-0043-03-15'), snapshot: { read: -703383, chosen: '0044-03-15' } },
      { ...value("'infinity'", 2146033979, 'infinity'), snapshot: { read: NO_DATE, chosen: NO_DATE } }, { ...value("'-infinity'", -2147472691, '-infinity'), snapshot: { read: NO_DATE, chosen: NO_DATE } },
    ],
  },
  { name: 'time(0..3)', sql: 'time(3)', avro: 'int Time', type: 'TimeUnits<number>', values: [value("'23:59:59.999'", 86399999, '23:59:59.999'), value("'00:00:00'", 0, '00:00:00')] },
  { name: 'time', sql: 'time', avro: 'long MicroTime', type: 'TimeUnits<bigint>', values: [value("'03:04:05.123456'", 11045123456n, '03:04:05.123456'), value("'24:00:00'", 86400000000n, '24:00:00')] },
  { name: 'timetz', sql: 'timetz', avro: 'string ZonedTime', type: 'string', values: [value("'03:04:05.123456+02'", '01:04:05.123456Z'), value("'23:59:59.999999-15:59'", '15:58:59.999999Z')] },
  {
    name: 'timestamp(0..3)', sql: 'timestamp(3)', avro: 'long Timestamp', type: 'TimeUnits<bigint>',
    values: [value("'2026-01-02 03:04:05.123'", 1767323045123n, '2026-01-02T03:04:05.123'), value("'1969-12-31 23:59:59.999'", -1n, '1969-12-31T23:59:59.999'), value("'infinity'", 9223372036825200000n, 'infinity'), value("'-infinity'", -9223372036832400000n, '-infinity')],
  },
  {
    name: 'timestamp', sql: 'timestamp', avro: 'long MicroTimestamp', type: 'TimeUnits<bigint>',
    values: [
      value("'2026-01-02 03:04:05.123456'", 1767323045123456n, '2026-01-02T03:04:05.123456'), value("'1969-12-31 23:59:59.999999'", -1n, '1969-12-31T23:59:59.999999'),
      value("'4714-11-24 00:00:00 BC'", -210866803200000000n, '-4713-11-24T00:00:00'), value("'infinity'", 9223372036854775807n, 'infinity'), value("'-infinity'", -9223372036854775808n, '-infinity'),
      value("'294247-01-10 04:00:54.5'", 9223372036854500000n, '+294247-01-10T04:00:54.5'), value("'294276-12-31 23:59:59.999999'", FAR, FAR),
    ],
  },
  {
    name: 'timestamptz', sql: 'timestamptz', avro: 'string ZonedTimestamp', type: 'string',
    values: [
      value("'2026-01-02 03:04:05.123456+02'", '2026-01-02T01:04:05.123456Z'), value("'294276-12-31 23:59:59.999999+00'", '+294276-12-31T23:59:59.999999Z'), value("'4714-11-24 00:00:00+00 BC'", '-4713-11-24T00:00:00.000000Z'),
      value("'infinity'", 'infinity'), value("'-infinity'", '-infinity'),
    ],
  },
  {
    name: 'interval', sql: 'interval', avro: 'long MicroDuration', type: 'bigint',
    values: [
      value("'3 days 04:05:06.789'", 273906789000n, 273906789000), value("'1 month'", 2629800000000n, 2629800000000), value("'-0.000001 seconds'", -1n, -1),
      value("'-178000000 years'", new Refused('stands for an interval of more than 292,271 years'), tooLarge),
    ],
  },
];

const RANGES: readonly TypeFact[] = [
  { name: 'int4range, int8range', sql: 'int4range', avro: 'string', type: 'string', values: [value("'[1,10]'", '[1,11)'), value("'empty'", 'empty'), value("'(,5]'", '(,6)')] },
  { name: 'numrange', sql: 'numrange', avro: 'string', type: 'string', values: [value("'[1.5,2.5]'", '[1.5,2.5]')] },
  { name: 'tsrange', sql: 'tsrange', avro: 'string', type: 'string', values: [value("'[2026-01-01,2026-01-02 00:00:00.123456)'", '["2026-01-01 00:00:00","2026-01-02 00:00:00.123456")')] },
  { name: 'tstzrange', sql: 'tstzrange', avro: 'string', type: 'string', values: [value("'[2026-01-01 00:00:00+00,2026-01-02 00:00:00.123456+00)'", new Like(/^"\[\\"2026-01-01 00:00:00\+00\\",\\"2026-01-02 00:00:00\.123456\+00\\"\)"$/))] },
  { name: 'daterange', sql: 'daterange', avro: 'string', type: 'string', values: [value("'[2026-01-01,2026-01-02]'", '[2026-01-01,2026-01-03)')] },
];

const ARRAYS: readonly TypeFact[] = [
  { name: 'integer[]', sql: 'int[]', avro: 'array of int', type: 'readonly (number | null)[]', values: [value("'{1,NULL,-3}'", [1, null, -3]), value("'{}'", []), value("'{{1,2},{3,4}}'", [null, null])] },
  { name: 'bigint[]', sql: 'bigint[]', avro: 'array of long', type: 'readonly (bigint | null)[]', values: [value("'{9007199254740993,NULL}'", [9007199254740993n, null], tooLarge), value("'{5}'", [5n], [5])] },
  { name: 'text[]', sql: 'text[]', avro: 'array of string', type: 'readonly (string | null)[]', values: [value(`'{a,NULL,"b c"}'`, ['a', null, 'b c']), value("'{{a},{b}}'", new Like(/^\["\[Ljava\.lang\.String;@/))] },
  { name: 'numeric(p,s)[]', sql: 'numeric(10,2)[]', avro: 'array of bytes Decimal', type: 'readonly (Decimal | null)[]', values: [value("'{1.5,NULL}'", ['1.50', null], [1.5, null]), value("'{1.5,NaN}'", null)] },
  { name: 'numeric[]', sql: 'numeric[]', avro: 'array of record VariableScaleDecimal', type: 'readonly (Decimal | null)[]', values: [value("'{1.50,NULL}'", ['1.5', null], [1.5, null]), value("'{1.5,NaN}'", null)] },
  { name: 'uuid[]', sql: 'uuid[]', avro: 'array of string Uuid', type: 'readonly (string | null)[]', values: [value("'{8d3f9a52-0c7e-4c53-9a41-1f0b8a2a9f10}'", ['8d3f9a52-0c7e-4c53-9a41-1f0b8a2a9f10'])] },
  { name: 'date[]', sql: 'date[]', avro: 'array of int Date', type: 'readonly (TimeUnits<number> | null)[]', values: [value("'{2026-01-02,NULL}'", [20455, null], ['2026-01-02', null]), value("'{0044-03-15 BC}'", [-703383], ['0044-03-15']), value("'{infinity}'", NO_DATE, NO_DATE)] },
  { name: 'timestamp[]', sql: 'timestamp[]', avro: 'array of long MicroTimestamp', type: 'readonly (TimeUnits<bigint> | null)[]', values: [value("'{2026-01-02 03:04:05.123456}'", [1767323045123456n], ['2026-01-02T03:04:05.123456'])] },
  { name: 'timestamptz[]', sql: 'timestamptz[]', avro: 'array of string ZonedTimestamp', type: 'readonly (string | null)[]', values: [value("'{2026-01-02 03:04:05.123456+00}'", ['2026-01-02T03:04:05.123456Z'])] },
  { name: 'time[]', sql: 'time[]', avro: 'array of long MicroTime', type: 'readonly (TimeUnits<bigint> | null)[]', values: [value("'{03:04:05.123456,NULL}'", [11045123000n, null], ['03:04:05.123', null])] },
  { name: 'timetz[]', sql: 'timetz[]', avro: 'array of string ZonedTime', type: 'readonly (string | null)[]', values: [value("'{03:04:05.123456+02,NULL}'", ['01:04:05.123456Z', null])] },
  { name: 'tstzrange[]', sql: 'tstzrange[]', avro: 'array of string', type: 'readonly (string | null)[]', values: [value(`'{"empty",NULL}'`, ['empty', null])] },
  { name: 'inet[]', sql: 'inet[]', avro: 'array of string', type: 'readonly (string | null)[]', values: [value("'{10.0.0.1,NULL}'", ['10.0.0.1', null])] },
  { name: 'bit[]', sql: 'bit[]', avro: 'boolean', type: 'boolean', values: [value("'{1}'", null)] },
  { name: 'tsvector[]', sql: 'tsvector[]', avro: 'array of string Tsvector', type: 'readonly string[]', values: [value(`'{"a fat cat"}'`, ["'a' 'cat' 'fat'"]), value(`'{"a",NULL}'`, null)] },
  { name: 'boolean[]', sql: 'boolean[]', avro: 'array of boolean', type: 'readonly (boolean | null)[]', values: [value("'{t,f,NULL}'", [true, false, null])] },
  { name: 'jsonb[]', sql: 'jsonb[]', avro: 'array of string Json', type: 'readonly (string | null)[]', values: [value(`'{"{\\"a\\":1}"}'`, ['{"a": 1}'])] },
  { name: 'bytea[]', sql: 'bytea[]', avro: 'array of bytes', type: 'readonly (Uint8Array | null)[]', values: [value(`'{"\\\\x00ff"}'`, [bytes('00ff')])] },
  { name: 'enum[]', sql: `${MOOD}[]`, avro: 'array of string Enum', type: 'readonly string[]', values: [value(`'{sad,"so so"}'`, ['sad', 'so so']), value("'{sad,NULL}'", null)] },
];

/** Types of which Debezium sends no column. */
export const LEFT_OUT: readonly { readonly sql: string; readonly value: string }[] = [
  { sql: 'interval[]', value: "'{1 day}'" },
  { sql: 'money[]', value: "'{12.34}'" },
  { sql: 'name[]', value: "'{abc}'" },
  { sql: 'point[]', value: `'{"(1,2)"}'` },
  { sql: 'varbit[]', value: "'{10}'" },
  { sql: 'xml[]', value: "'{<a/>}'" },
  { sql: 'int4multirange', value: "'{[1,5)}'" },
  { sql: 'tsquery', value: "'a & b'" },
];

export const FACTS: readonly TypeFact[] = [...NUMBERS, ...TEXTS, ...TIMES, ...RANGES, ...ARRAYS];

/** Under `decimal.handling.mode=string`, `interval.handling.mode=string` and `hstore.handling.mode=map`. */
export const TEXT_MODE_FACTS: readonly TypeFact[] = [
  {
    name: 'numeric', sql: 'numeric', avro: 'string', type: 'string',
    values: [value("'NaN'", 'NAN'), value("'Infinity'", 'POSITIVE_INFINITY'), value("'-Infinity'", 'NEGATIVE_INFINITY'), value('1e-30', `0.${'0'.repeat(29)}1`)],
  },
  { name: 'numeric(p,s)', sql: 'numeric(10,2)', avro: 'string', type: 'string', values: [value("'NaN'", 'NAN'), value('1.5', '1.50')] },
  { name: 'numeric[]', sql: 'numeric[]', avro: 'array of string', type: 'readonly (string | null)[]', values: [value("'{1.50,NULL}'", ['1.50', null]), value("'{1.5,NaN}'", null)] },
  { name: 'interval', sql: 'interval', avro: 'string Interval', type: 'string', values: [value("'1 year 2 mons 3 days 04:05:06.789'", 'P1Y2M3DT4H5M6.789S'), value("'-178000000 years'", 'P-178000000Y0M0DT0H0M0S')] },
  { name: 'hstore', sql: 'hstore', avro: 'map of string', type: 'Readonly<Record<string, string | null>>', values: [value("'a=>1, b=>NULL'", { a: '1', b: null })] },
];
