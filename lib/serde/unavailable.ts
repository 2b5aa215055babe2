/**
 * Under REPLICA IDENTITY DEFAULT PostgreSQL does not send a large value (TOAST) that an update did not touch, and Debezium puts a
 * placeholder there. Written to a sink it would destroy the value. So a stream refuses such an update, and a table takes the
 * value from the row it has. After a change of the primary key there is no row under the new key to take it from (Debezium sends a
 * delete and a create, and the create carries the placeholder): only REPLICA IDENTITY FULL keeps the value then.
 */
import { dateText } from './time-text.ts';

export const PLACEHOLDER = '__debezium_unavailable_value';

const bytes = Buffer.from(PLACEHOLDER, 'utf8');
/** What stands in a uuid[]: the name-based UUID of the placeholder. */
const UUID = 'b68a35a7-17ad-35b3-af2a-ae46edb4545a';
/** What stands in an hstore that is sent as JSON text. */
const HSTORE = JSON.stringify({ [PLACEHOLDER]: PLACEHOLDER });

/** The placeholder's byte codes as the dates of a date[] that is read as text. */
const DATES: readonly string[] = [...bytes].map(dateText);

/**
 * Whether a column's value is Debezium's placeholder, in any of the forms it takes: text (text, json, xml), bytes (bytea), a list of one of
 * those, the placeholder's byte codes as numbers (int4[], int8[], date[]), or a map of itself, or
 * the JSON text of that (hstore).
 */
export const isUnavailable = (value: unknown): boolean => {
  if (typeof value === 'string') return value === PLACEHOLDER || value === HSTORE;
  if (value === null || typeof value !== 'object') return false;
  if (value instanceof Uint8Array) return value.length === bytes.length && bytes.equals(value);
  if (Array.isArray(value)) {
    if (value.length === 1) return value[0] === UUID || (!Array.isArray(value[0]) && isUnavailable(value[0]));
    return value.length === bytes.length && value.every((item, i) => (typeof item === 'number' || typeof item === 'bigint' ? Number(item) === bytes[i] : item === DATES[i]));
  }
  return (value as Readonly<Record<string, unknown>>)[PLACEHOLDER] === PLACEHOLDER;
};

/**
 * A table's new row with each placeholder replaced by the previous row's value, or by null when there is no previous row. The row itself when it has
 * none. Pure.
 */
export const mergeUnavailable = <Row extends object>(row: Row, previousRow: Row | undefined): Row => {
  let merged: Row | undefined;
  for (const name of Object.keys(row) as (keyof Row)[]) {
    if (!isUnavailable(row[name])) continue;
    merged ??= { ...row };
    merged[name] = (previousRow?.[name] ?? null) as Row[keyof Row];
  }
  return merged ?? row;
};
