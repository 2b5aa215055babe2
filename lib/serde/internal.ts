/**
 * Values on internal topics and in stores for which the user gave no codec: JSON, with a tag where JSON has no form. This is
 * a persistent format: `test/serde/internal.test.ts` pins its bytes.
 *
 *   bigint      {"$bigint":"123"}
 *   Date        {"$date":1700000000000}       milliseconds since the epoch, null for an invalid date
 *   bytes       {"$bytes":"AQID"}             base64; reads as Buffer
 *   NaN, ±Infinity, -0                        {"$number":"NaN"}
 *   an object whose only key begins with $    {"$object":{...}}, so that no value of the user's reads as a tag
 *
 * `undefined` is left out of objects and null in arrays, as in JSON.
 */
import { isUtf8 } from 'node:buffer';
import { DeadLetterError, messageOf } from '../core/errors.ts';
import { NO_VALUE, type NoValue, type ValueDecoder, type ValueEncoder } from './serde.ts';

type Tree = Record<string, unknown>;

const MAX_DEPTH = 200;

const refuse = (path: string, what: string): never => {
  throw new DeadLetterError(`value${path} is ${what}, which cannot be written`, { hint: 'Map it to plain data first' });
};

const isPlainObject = (value: object): boolean => {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
};

const isTagLike = (keys: readonly string[]): boolean => keys.length === 1 && keys[0]!.startsWith('$');

/** Whether JSON.stringify alone writes the value faithfully: the common case, which then costs no copy. */
const isPlain = (value: unknown, depth: number): boolean => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return true;
    case 'number':
      return Number.isFinite(value) && !Object.is(value, -0);
    case 'object':
      break;
    default:
      return false;
  }
  if (value === null) return true;
  if (depth === MAX_DEPTH) return false;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) if (!isPlain(value[i], depth + 1)) return false;
    return true;
  }
  if (!isPlainObject(value)) return false;
  let count = 0;
  let tagged = false;
  for (const key in value) {
    const field = (value as Tree)[key];
    if (field === undefined) continue;
    count += 1;
    if (key.charCodeAt(0) === 0x24) tagged = true;
    if (!isPlain(field, depth + 1)) return false;
  }
  return !(tagged && count === 1);
};

/** A copy of the value in which tags stand for what JSON cannot say. */
const tag = (value: unknown, path: string, depth: number): unknown => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
    case 'undefined':
      return value;
    case 'number':
      if (Object.is(value, -0)) return { $number: '-0' };
      return Number.isFinite(value) ? value : { $number: String(value) };
    case 'bigint':
      return { $bigint: value.toString() };
    case 'object':
      break;
    default:
      return refuse(path, `a ${typeof value}`);
  }
  if (value === null) return null;
  if (depth > MAX_DEPTH) return refuse(path.slice(0, 80), `nested deeper than ${MAX_DEPTH} levels or circular`);
  if (Array.isArray(value)) return Array.from(value, (item, i) => tag(item, `${path}[${i}]`, depth + 1));
  if (value instanceof Date) return { $date: Number.isNaN(value.getTime()) ? null : value.getTime() };
  if (value instanceof Uint8Array) return { $bytes: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  if (!isPlainObject(value)) return refuse(path, `a ${value.constructor?.name ?? 'class instance'}`);
  const entries: [string, unknown][] = [];
  for (const key of Object.keys(value)) {
    const field = (value as Tree)[key];
    if (field !== undefined) entries.push([key, tag(field, `${path}.${key}`, depth + 1)]);
  }
  const copy = Object.fromEntries(entries);
  return isTagLike(Object.keys(copy)) ? { $object: copy } : copy;
};

const NUMBERS: Readonly<Record<string, number>> = { NaN: NaN, Infinity: Infinity, '-Infinity': -Infinity, '-0': -0 };

const untagFields = (tree: Tree): Tree => {
  for (const key of Object.keys(tree)) tree[key] = untag(tree[key]);
  return tree;
};

const untagOne = (name: string, body: unknown): unknown => {
  if (name === '$bigint' && typeof body === 'string' && /^-?\d+$/.test(body)) return BigInt(body);
  if (name === '$date' && (body === null || typeof body === 'number')) return new Date(body ?? NaN);
  if (name === '$bytes' && typeof body === 'string') return Buffer.from(body, 'base64');
  if (name === '$number' && typeof body === 'string' && Object.hasOwn(NUMBERS, body)) return NUMBERS[body];
  if (name === '$object' && body !== null && typeof body === 'object' && !Array.isArray(body)) return untagFields(body as Tree);
  throw new DeadLetterError(`unknown tag ${name} in an internal value`);
};

/** Puts the tagged values back, in place: the tree is fresh from JSON.parse. */
const untag = (value: unknown): unknown => {
  if (value === null || typeof value !== 'object') return value;
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i += 1) value[i] = untag(value[i]);
    return value;
  }
  const keys = Object.keys(value);
  return isTagLike(keys) ? untagOne(keys[0]!, (value as Tree)[keys[0]!]) : untagFields(value as Tree);
};

/** The text of a value. Throws `DeadLetterError` on what is no data: functions, class instances, undefined. */
export const encodeInternal = (value: unknown): string => {
  if (value === undefined) return refuse('', 'undefined');
  return JSON.stringify(isPlain(value, 0) ? value : tag(value, '', 0));
};

/** The value that `encodeInternal` wrote; `NO_VALUE` for null bytes. Throws `DeadLetterError` on other bytes. */
export const decodeInternal = (bytes: Buffer | null): unknown | NoValue => {
  if (bytes === null) return NO_VALUE;
  if (!isUtf8(bytes)) throw new DeadLetterError('the internal value is not UTF-8');
  const text = bytes.toString('utf8');
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (cause) {
    throw new DeadLetterError(`the internal value is not JSON: ${messageOf(cause)}`, { cause });
  }
  return text.includes('{"$') ? untag(tree) : tree;
};

const nothingToPrepare = Promise.resolve();

export const internalEncoder: ValueEncoder<unknown> = { prepare: () => nothingToPrepare, encode: encodeInternal };
export const internalDecoder: ValueDecoder<unknown> = { prepare: () => undefined, decode: decodeInternal };
/** The internal encoding as one pair of functions, for stores. */
export const internalCodec = { encode: encodeInternal, decode: decodeInternal };
