/** Values as Cassandra's driver sends them, checked here: a server that decodes a batch refuses all of it, and names no row. */
import cassandra from 'cassandra-driver';
import { DeadLetterError, messageOf } from '../../core/errors.ts';
import type { CassandraRow, CassandraType } from '../../../topology/sinks.ts';

const { types } = cassandra;

type Value = CassandraRow[string] | undefined;

export interface EncodedValue {
  readonly value: unknown;
  /** About so many bytes on the wire. */
  readonly bytes: number;
}

const FIXED_BYTES = 16;
const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DECIMAL = /^-?\d+(?:\.\d+)?$/;
const DATE = /^(\d{4})-(\d{2})-(\d{2})$/;
const TIME = /^(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?$/;

const refuse = (column: string, expected: string, value: Value): never => {
  const given = typeof value === 'number' ? String(value) : value === null ? 'null' : typeof value;
  throw new DeadLetterError(`Column ${column} takes ${expected}, not ${given}`);
};

const fixed = (value: unknown): EncodedValue => ({ value, bytes: FIXED_BYTES });

const text = (column: string, value: Value): EncodedValue =>
  typeof value === 'string' ? { value, bytes: Buffer.byteLength(value) } : refuse(column, 'text', value);

const ascii = (column: string, value: Value): EncodedValue =>
  typeof value === 'string' && !/[^\x00-\x7f]/.test(value) ? { value, bytes: value.length } : refuse(column, 'text of ASCII characters', value);

const whole = (column: string, value: Value, bits: number): EncodedValue => {
  const limit = 2 ** (bits - 1);
  return typeof value === 'number' && Number.isInteger(value) && value >= -limit && value < limit ? fixed(value) : refuse(column, `a whole number within ${bits} bits`, value);
};

const big = (column: string, value: Value): bigint => {
  if (typeof value === 'bigint') return value;
  return typeof value === 'number' && Number.isSafeInteger(value) ? BigInt(value) : refuse(column, 'a whole number (beyond 2^53 a bigint)', value);
};

/** A 64-bit integer as the driver has it. Throws `DeadLetterError`. */
export const int64 = (column: string, value: Value): unknown => {
  const found = big(column, value);
  return found >= INT64_MIN && found <= INT64_MAX ? types.Long.fromString(String(found)) : refuse(column, 'a whole number within 64 bits', value);
};

const varint = (column: string, value: Value): EncodedValue => {
  const digits = String(big(column, value));
  return { value: types.Integer.fromString(digits), bytes: digits.length };
};

const decimal = (column: string, value: Value): EncodedValue => {
  const digits = typeof value === 'string' || typeof value === 'number' || typeof value === 'bigint' ? String(value) : '';
  if (!DECIMAL.test(digits)) return refuse(column, "a decimal number's digits, without exponent", value);
  return { value: types.BigDecimal.fromString(digits), bytes: digits.length };
};

const timestamp = (column: string, value: Value): EncodedValue =>
  typeof value === 'number' && Number.isSafeInteger(value) ? fixed(types.Long.fromNumber(value)) : refuse(column, 'whole ms since the epoch', value);

const date = (column: string, value: Value): EncodedValue => {
  const [, year, month, day] = (typeof value === 'string' ? DATE.exec(value) : null) ?? refuse(column, 'a date as 2024-01-31', value);
  const found = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day)));
  if (found.getUTCMonth() !== Number(month) - 1) return refuse(column, 'a date that there is', value);
  return fixed(new types.LocalDate(Number(year), Number(month), Number(day)));
};

const time = (column: string, value: Value): EncodedValue =>
  typeof value === 'string' && TIME.test(value) ? fixed(types.LocalTime.fromString(value)) : refuse(column, 'a time as 03:04:05.123', value);

const uuid = (column: string, value: Value): EncodedValue =>
  typeof value === 'string' && UUID.test(value) ? fixed(types.Uuid.fromString(value)) : refuse(column, 'a UUID', value);

const inet = (column: string, value: Value): EncodedValue => {
  if (typeof value !== 'string' || value === '') return refuse(column, 'an IP address', value);
  try {
    return fixed(types.InetAddress.fromString(value));
  } catch (cause) {
    throw new DeadLetterError(`Column ${column} takes an IP address: ${messageOf(cause)}`, { cause });
  }
};

const blob = (column: string, value: Value): EncodedValue =>
  value instanceof Uint8Array ? { value: Buffer.from(value.buffer, value.byteOffset, value.byteLength), bytes: value.byteLength } : refuse(column, 'bytes', value);

const floating = (column: string, value: Value): EncodedValue => (typeof value === 'number' ? fixed(value) : refuse(column, 'a number', value));
const boolean = (column: string, value: Value): EncodedValue => (typeof value === 'boolean' ? fixed(value) : refuse(column, 'true or false', value));

/** A value that is not null for a column of this type. Throws `DeadLetterError` when the column cannot take it. */
export const encodeValue = (column: string, type: CassandraType, value: Value): EncodedValue => {
  switch (type) {
    case 'ascii': return ascii(column, value);
    case 'text': return text(column, value);
    case 'tinyint': return whole(column, value, 8);
    case 'smallint': return whole(column, value, 16);
    case 'int': return whole(column, value, 32);
    case 'bigint': return fixed(int64(column, value));
    case 'varint': return varint(column, value);
    case 'decimal': return decimal(column, value);
    case 'float': case 'double': return floating(column, value);
    case 'boolean': return boolean(column, value);
    case 'timestamp': return timestamp(column, value);
    case 'date': return date(column, value);
    case 'time': return time(column, value);
    case 'uuid': case 'timeuuid': return uuid(column, value);
    case 'inet': return inet(column, value);
    case 'blob': return blob(column, value);
  }
};
