/** Numbers and decimals that are read exactly or not at all. */
import type { Type, types } from 'avsc';
import { attributesOf, connectNameOf, decimalScaleOf, fieldsOf, isVariableScaleDecimal, kindOf } from './avro-schema.ts';
import type { Cursor } from './cursor.ts';
import { decimalOf, LARGEST_SCALE, numberOf, wholeText } from './decimal.ts';
import { overflowOf } from './time-text.ts';

/** Two schemas, or a value and a schema, do not fit; `path` is the field. */
export class Mismatch extends Error {
  readonly path: string;
  /** What does not fit, without the field. */
  readonly reason: string;
  constructor(path: string, reason: string) {
    super(`${path === '' ? 'value' : path}: ${reason}`);
    this.path = path;
    this.reason = reason;
  }
}

/** The writer's record is a version of ours, and nothing that is written with it can be read. */
export class Incompatible extends Mismatch {}

const variableScaleDecimal = (writer: Type): ((cursor: Cursor) => string) => {
  const scaleFirst = fieldsOf(writer)[0]?.name === 'scale';
  return (cursor) => {
    if (scaleFirst) {
      const scale = cursor.int();
      return decimalOf(cursor.view(), scale);
    }
    const bytes = cursor.view();
    return decimalOf(bytes, cursor.int());
  };
};

export const isDecimal = (type: Type): boolean => decimalScaleOf(attributesOf(type)) !== undefined || isVariableScaleDecimal(attributesOf(type));

/** A `numeric` may get another declared scale, or lose it: the text is as exact either way. */
export const decimal = (writer: Type): ((cursor: Cursor) => string) | undefined => {
  if (isVariableScaleDecimal(attributesOf(writer))) return variableScaleDecimal(writer);
  const scale = decimalScaleOf(attributesOf(writer));
  if (scale === undefined) return undefined;
  if (scale > LARGEST_SCALE) return (cursor) => wholeText(cursor.view(), scale);
  if (kindOf(writer) !== 'fixed') return (cursor) => decimalOf(cursor.view(), scale);
  const { size } = writer as types.FixedType;
  return (cursor) => decimalOf(cursor.fixed(size), scale);
};

export const checkedNumber = (read: (cursor: Cursor) => string, path: string): ((cursor: Cursor) => number) => (cursor) => {
  const text = read(cursor);
  const n = numberOf(text);
  if (n === undefined) throw new Mismatch(path, `${text.length > 60 ? `${text.slice(0, 60)}...` : text} does not fit a number exactly: leave out decimal: 'number' to read it as text`);
  return n;
};

export const isInteger = (type: Type): boolean => kindOf(type) === 'int' || kindOf(type) === 'long';

export const exactLong = (reader: Type, path: string): ((cursor: Cursor) => bigint) => {
  const overflow = overflowOf(connectNameOf(reader));
  if (overflow === undefined) return (cursor) => cursor.bigint();
  return (cursor) => {
    const n = cursor.bigint();
    const problem = overflow(n);
    if (problem !== undefined) throw new Mismatch(path, `${n} stands for ${problem}`);
    return n;
  };
};

export const exactInt = (reader: Type, path: string): ((cursor: Cursor) => number) => {
  if (overflowOf(connectNameOf(reader)) === undefined) return (cursor) => cursor.int();
  const read = exactLong(reader, path);
  return (cursor) => Number(read(cursor));
};

export const checkedLong = (path: string, hint: string): ((cursor: Cursor) => number) => (cursor) => {
  const n = cursor.long();
  if (!Number.isSafeInteger(n)) throw new Mismatch(path, `${n} is beyond 2^53 - 1: ${hint}`);
  return n;
};
