/** A row as `insertAll` takes it, serialised once: BigQuery's client would copy it several times, and replace `{{projectId}}` in its texts. */
import { createHash } from 'node:crypto';
import { DeadLetterError } from '../../core/errors.ts';
import type { BigQueryRow, BigQueryType } from '../../../topology/sinks.ts';

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;
const MAX_INSERT_ID_LENGTH = 128;

type Value = BigQueryRow[string] | undefined;

const refuse = (column: string, expected: string, value: Value): never => {
  throw new DeadLetterError(`Column ${column} takes ${expected}, not ${value === null ? 'null' : typeof value}`);
};

const int64 = (column: string, value: Value): string => {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? String(value) : refuse(column, 'a whole number within 2^53 (beyond that a bigint)', value);
  if (typeof value !== 'bigint') return refuse(column, 'a whole number', value);
  return value >= INT64_MIN && value <= INT64_MAX ? String(value) : refuse(column, 'a whole number within 64 bits', value);
};

const float64 = (column: string, value: Value): number | string => {
  if (typeof value !== 'number') return refuse(column, 'a number', value);
  return Number.isFinite(value) ? value : String(value);
};

const numeric = (column: string, value: Value): string => {
  if (typeof value === 'string' || typeof value === 'bigint') return String(value);
  return typeof value === 'number' && Number.isFinite(value) ? String(value) : refuse(column, 'a finite number or its text', value);
};

const timestamp = (column: string, value: Value): string => {
  if (typeof value === 'string') return value;
  const date = new Date(typeof value === 'number' ? value : Number.NaN);
  return Number.isNaN(date.getTime()) ? refuse(column, 'text or ms since the epoch', value) : date.toISOString();
};

const encode = (column: string, type: BigQueryType, value: Value): string | number | boolean | null => {
  if (value === null) return null;
  switch (type) {
    case 'INT64': return int64(column, value);
    case 'FLOAT64': return float64(column, value);
    case 'NUMERIC': case 'BIGNUMERIC': return numeric(column, value);
    case 'TIMESTAMP': return timestamp(column, value);
    case 'BOOL': return typeof value === 'boolean' ? value : refuse(column, 'true or false', value);
    default: return typeof value === 'string' ? value : refuse(column, 'text', value);
  }
};

/** BigQuery's bound on the length is kept by hashing what is longer. */
export const insertIdOf = (id: string | number | bigint): string => {
  const text = String(id);
  if (text === '' || id === null || id === undefined) throw new DeadLetterError('The row has no id');
  return text.length <= MAX_INSERT_ID_LENGTH ? text : createHash('sha256').update(text).digest('hex');
};

/** One element of the request's `rows`. Throws `DeadLetterError` for a value that its column cannot take. */
export const encodeRow = (columns: Readonly<Record<string, BigQueryType>>, row: BigQueryRow, id: string): string => {
  const json: Record<string, string | number | boolean | null> = {};
  for (const [column, type] of Object.entries(columns)) json[column] = encode(column, type, row[column]);
  for (const name of Object.keys(row)) if (!Object.hasOwn(columns, name)) throw new DeadLetterError(`The row has ${name}, which is no column`);
  return JSON.stringify({ insertId: id, json });
};
