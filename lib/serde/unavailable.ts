/**
 * Under REPLICA IDENTITY DEFAULT PostgreSQL does not send a large value (TOAST) that an update did not touch, and Debezium puts a
 * placeholder there. Written to a sink it would destroy the value. So a stream refuses such an update, and a table takes the
 * value from the row it has. After a change of the primary key there is no row under the new key to take it from (Debezium sends a
 * delete and a create, and the create carries the placeholder): only REPLICA IDENTITY FULL keeps the value then.
 * What stands there is the connector's `unavailable.value.placeholder`.
 */
import { createHash } from 'node:crypto';
import type { Type } from 'avsc';
import type { SourceCodec } from '../../topology/node.ts';
import { ownType } from './avro.ts';
import { branchesOf, fieldsOf, kindOf } from './avro-schema.ts';
import { dateText } from './time-text.ts';

export const PLACEHOLDER = '__debezium_unavailable_value';

const HEX = 'hex:';
const UUID_VERSION = 0x30;
const UUID_VARIANT = 0x80;

/** The name-based UUID (version 3, without a namespace, as Java makes it) that stands in a uuid[]. */
const uuidOf = (bytes: Buffer): string => {
  const hash = createHash('md5').update(bytes).digest();
  hash[6] = (hash[6]! & 0x0f) | UUID_VERSION;
  hash[8] = (hash[8]! & 0x3f) | UUID_VARIANT;
  return hash.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};

export type IsUnavailable = (value: unknown) => boolean;

/**
 * Whether a column's value is the connector's placeholder (given as in its setting: text, or `hex:` and octets), in any of the forms it takes: text (text, json, xml), bytes (bytea), a
 * list of one of those, the placeholder's byte codes as numbers (int4[], int8[], date[]), or a map of itself, or the JSON text of that (hstore).
 */
export const unavailability = (placeholder: string): IsUnavailable => {
  const bytes = placeholder.startsWith(HEX) ? Buffer.from(placeholder.slice(HEX.length), 'hex') : Buffer.from(placeholder, 'utf8');
  const text = bytes.toString('utf8');
  const hstore = JSON.stringify({ [text]: text });
  const uuid = uuidOf(bytes);
  const dates: readonly string[] = [...bytes].map(dateText);
  const is = (value: unknown): boolean => {
    if (typeof value === 'string') return value === text || value === hstore;
    if (value === null || typeof value !== 'object') return false;
    if (value instanceof Uint8Array) return value.length === bytes.length && bytes.equals(value);
    if (Array.isArray(value)) {
      if (value.length === 1 && bytes.length !== 1) return value[0] === uuid || (!Array.isArray(value[0]) && is(value[0]));
      return value.length === bytes.length && value.every((item, i) => (typeof item === 'number' || typeof item === 'bigint' ? Number(item) === bytes[i] : item === dates[i]));
    }
    return (value as Readonly<Record<string, unknown>>)[text] === text;
  };
  return is;
};

export const isUnavailable = unavailability(PLACEHOLDER);

/**
 * A table's new row with each placeholder replaced by the previous row's value. Where there is none (what was not sent is never null, so a null there is one that was lost before) it is
 * replaced by null, and `lost` is told the column. The row itself when it has no placeholder; neither row is changed.
 */
export const mergeUnavailable = <Row extends object>(row: Row, previousRow: Row | undefined, is: IsUnavailable = isUnavailable, lost?: (column: keyof Row & string) => void): Row => {
  let merged: Row | undefined;
  for (const name of Object.keys(row) as (keyof Row & string)[]) {
    if (!is(row[name])) continue;
    merged ??= { ...row };
    const value = previousRow?.[name] ?? null;
    if (value === null) lost?.(name);
    merged[name] = value as Row[keyof Row & string];
  }
  return merged ?? row;
};

const takesNull = (type: Type): boolean => kindOf(type) === 'null' || (kindOf(type) === 'union' && branchesOf(type).some(takesNull));

/** Columns that are never null by the topology's schema; none are known of JSON. Throws `ConfigurationError`. */
export const requiredColumns = (codec: SourceCodec): ReadonlySet<string> =>
  new Set(codec.kind === 'json' ? [] : fieldsOf(ownType(codec)).filter((field) => !takesNull(field.type)).map((field) => field.name));
