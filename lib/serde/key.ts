/**
 * Keys on internal topics. This is a persistent format: `test/serde/key.test.ts` pins its bytes.
 *
 * A string stands as bare UTF-8, everything else as canonical JSON (no spaces, object keys sorted by UTF-16 code units).
 * A string that would itself read as JSON (a number, `true`, `false`, `null`, or beginning with `"`, `[` or `{`), or
 * that is not well-formed UTF-16, stands as a JSON string. So every key has exactly one encoding, and it reads back unambiguously.
 */
import { isUtf8 } from 'node:buffer';
import type { Key } from '../../topology/meta.ts';
import { DeadLetterError, messageOf } from '../core/errors.ts';

const JSON_NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

const QUOTE = 0x22;
const MINUS = 0x2d;
const ZERO = 0x30;
const NINE = 0x39;
const OPEN_BRACKET = 0x5b;
const OPEN_BRACE = 0x7b;

type Reading = 'text' | 'number' | 'literal' | 'tree';

/** How bare text reads: the first character decides for nearly every key. */
const readingOf = (text: string): Reading => {
  if (text.length === 0) return 'text';
  const first = text.charCodeAt(0);
  if (first === QUOTE || first === OPEN_BRACKET || first === OPEN_BRACE) return 'tree';
  if (first === MINUS || (first >= ZERO && first <= NINE)) return JSON_NUMBER.test(text) ? 'number' : 'text';
  return text === 'true' || text === 'false' || text === 'null' ? 'literal' : 'text';
};

const refuse = (what: string, hint?: string): never => {
  throw new DeadLetterError(`${what} cannot be a key`, hint === undefined ? {} : { hint });
};

const canonical = (value: unknown): string => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return JSON.stringify(value);
    case 'number':
      return Number.isFinite(value) ? JSON.stringify(value) : refuse(String(value));
    case 'bigint':
      return refuse('a bigint', 'Make it text: String(id)');
    case 'object':
      break;
    default:
      return refuse(value === undefined ? 'undefined' : `a ${typeof value}`);
  }
  if (value === null) return 'null';
  if (Array.isArray(value)) return `[${Array.from(value, canonical).join(',')}]`;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) return refuse(`a ${value.constructor?.name ?? 'class instance'}`, 'Make it text or a number');
  const tree = value as Readonly<Record<string, unknown>>;
  const names = Object.keys(tree).filter((name) => tree[name] !== undefined).sort();
  return `{${names.map((name) => `${JSON.stringify(name)}:${canonical(tree[name])}`).join(',')}}`;
};

/** The text whose UTF-8 form is the encoded key. Throws `DeadLetterError` on what cannot be a key (a bigint, NaN, undefined, a class instance). */
export const keyText = (key: unknown): string => {
  if (typeof key !== 'string') return canonical(key);
  return readingOf(key) === 'text' && key.isWellFormed() ? key : JSON.stringify(key);
};

/** The bytes of a key on an internal topic. Throws as `keyText` does. */
export const encodeKey = (key: unknown): Buffer => Buffer.from(keyText(key), 'utf8');

/** The key that `encodeKey` wrote; null for null. Throws `DeadLetterError` on bytes that it cannot have written. */
export const decodeKey = (bytes: Buffer | null): Key => {
  if (bytes === null) return null;
  if (!isUtf8(bytes)) throw new DeadLetterError('the key is not UTF-8');
  const text = bytes.toString('utf8');
  if (readingOf(text) === 'text') return text;
  try {
    return JSON.parse(text) as Key;
  } catch (cause) {
    throw new DeadLetterError(`the key is neither text nor JSON: ${messageOf(cause)}`, { cause });
  }
};
