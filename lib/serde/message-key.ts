import { encodeInternal } from './internal.ts';

const textOf = (part: unknown): string => (part !== null && typeof part === 'object' ? encodeInternal(part) : String(part));

/** Keys that a converter or transform wrote as text of a tree: what they hold cannot be told. */
const TREE = /^(?:\{|\[|Struct\{)/;
/** A date or time that the row has as text; a converter writes it as a number. */
const TIME = /^(?:[+-]?\d{4,}-\d\d-\d\d|\d\d:\d\d)/;

/**
 * Whether a record's key can be the key that these columns of its row make: the same values, in whatever order, or their text. False says that the columns are not those of the record's
 * key; true where that cannot be told (no key, text of a tree, a time).
 */
export const isKeyOf = (messageKey: unknown, rowKey: unknown): boolean => {
  if (messageKey === rowKey || messageKey === null || messageKey === undefined) return true;
  if (Array.isArray(messageKey)) {
    if (!Array.isArray(rowKey) || messageKey.length !== rowKey.length) return false;
    return messageKey.every((part, i) => part === rowKey[i]) || messageKey.map(textOf).sort().join('\0') === rowKey.map(textOf).sort().join('\0');
  }
  if (typeof messageKey === 'object') return rowKey !== null && typeof rowKey === 'object' && !Array.isArray(rowKey) && encodeInternal(messageKey) === encodeInternal(rowKey);
  if (typeof messageKey !== 'string') return !Array.isArray(rowKey) && String(messageKey) === textOf(rowKey);
  if (TREE.test(messageKey)) return true;
  const held = (part: string): boolean => messageKey.includes(part) || TIME.test(part);
  if (Array.isArray(rowKey)) return rowKey.map(textOf).every(held);
  const text = textOf(rowKey);
  return messageKey === text || TIME.test(text);
};

export const KEY_HINT = "Name the columns of the key on the topic, in its order: the primary key's, or those of the connector's message.key.columns";

export const foreignKey = (columns: string | readonly string[]): string => `the record's key is not made of ${typeof columns === 'string' ? `column ${columns}` : `columns ${columns.join(', ')}`}`;
