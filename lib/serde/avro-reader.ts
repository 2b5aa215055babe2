/**
 * Compiles a reader for one pair of schemas, the writer's and ours, by Avro's rules of schema resolution. avsc parses and
 * checks the schemas; its own resolver is not used: it cannot say which column does not fit, refuses a nullable column as a whole
 * where only a null is unreadable, reads longs into numbers, and trusts the lengths in the data.
 */
import type { Type, types } from 'avsc';
import type { DecimalAs, Int64, TimeAs } from '../../topology/choices.ts';
import { checkedLong, checkedNumber, decimal, exactInt, exactLong, Incompatible, isDecimal, isInteger, Mismatch } from './avro-exact.ts';
import { attributesOf, branchesOf, connectNameOf, decimalScaleOf, fieldsOf, kindOf } from './avro-schema.ts';
import { compileSkip, leastBytes } from './avro-skip.ts';
import { Cursor, Malformed, type LastText } from './cursor.ts';
import { recordReader, type FieldPlan } from './record-reader.ts';
import { timeText } from './time-text.ts';

export { Incompatible, Mismatch } from './avro-exact.ts';

export type Read = (cursor: Cursor) => unknown;

/**
 * `nulls: 'keep'` reads a null where our schema has none (the old row of a delete is filled up with nulls); 'refuse' makes it an error.
 * `texts: 'repeating'` is for strings that are mostly the same from record to record, such as a table's name.
 */
export interface ReaderOptions {
  readonly int64: Int64;
  /** Default 'string'. */
  readonly decimal?: DecimalAs;
  /** Default 'units'. */
  readonly time?: TimeAs;
  readonly nulls: 'keep' | 'refuse';
  readonly texts?: 'repeating';
}

interface Context extends ReaderOptions {
  /** Records in the making: schemas may be recursive. */
  readonly records: Map<string, { read: Read | null }>;
  /** Fields that cannot be read are put here, and the others still looked at. Null: the first one is thrown. */
  readonly misfits: Mismatch[] | null;
}

/** Throws `Mismatch` when no value of the writer's could be read. */
export const compileReader = (reader: Type, writer: Type, options: ReaderOptions, path = ''): Read =>
  compile({ ...options, records: new Map(), misfits: null }, reader, writer, path);

/** Everything that keeps `compileReader` from reading: each field, also of records within. Of a union of several types, the first thing only. */
export const misfitsOf = (reader: Type, writer: Type, options: ReaderOptions): readonly Mismatch[] => {
  const misfits: Mismatch[] = [];
  try {
    compile({ ...options, records: new Map(), misfits }, reader, writer, '');
  } catch (thrown) {
    if (!(thrown instanceof Mismatch)) throw thrown;
    misfits.push(thrown);
  }
  return misfits;
};

/**
 * Reads a whole row or value: `Incompatible` instead of `Mismatch` where the writer's record is ours by its name. Names are compared from behind, as many parts as both have and three at
 * most: Debezium's `topic.prefix` in front of schema and table differs from one environment to the next.
 */
export const compileVersion = (reader: Type, writer: Type, options: ReaderOptions): Read => {
  try {
    return compileReader(reader, writer, options);
  } catch (thrown) {
    if (thrown instanceof Mismatch && sameRecord(reader, writer)) throw new Incompatible(thrown.path, thrown.reason);
    throw thrown;
  }
};

const COMPARED_PARTS = 3;

const sameRecord = (reader: Type, writer: Type): boolean => {
  if (reader.name === undefined || writer.name === undefined) return false;
  const [ours, theirs] = [reader.name.split('.'), writer.name.split('.')];
  const parts = Math.min(COMPARED_PARTS, ours.length, theirs.length);
  return ours.slice(-parts).join('.') === theirs.slice(-parts).join('.');
};

const nameOf = (type: Type): string => connectNameOf(type) ?? type.name ?? kindOf(type);

const mismatch = (reader: Type, writer: Type, path: string): Mismatch => new Mismatch(path, `${nameOf(writer)} cannot be read as ${nameOf(reader)}`);

const compile = (context: Context, reader: Type, writer: Type, path: string): Read => {
  if (kindOf(writer) === 'union') return unionWritten(context, reader, branchesOf(writer), path);
  if (kindOf(reader) === 'union') {
    const branch = chooseBranch(branchesOf(reader), writer);
    if (branch === undefined) throw mismatch(reader, writer, path);
    return compile(context, branch, writer, path);
  }
  if (isDecimal(reader)) {
    const read = decimal(writer);
    if (read === undefined) throw mismatch(reader, writer, path);
    return context.decimal === 'number' ? checkedNumber(read, path) : read;
  }
  if (decimalScaleOf(attributesOf(writer)) !== undefined && kindOf(reader) === 'string') throw mismatch(reader, writer, path);
  if (!sameUnit(reader, writer)) throw mismatch(reader, writer, path);
  const text = context.time === 'text' && isInteger(writer) ? timeText(connectNameOf(reader)) : undefined;
  if (text !== undefined) {
    const units = exactLong(reader, path);
    return (cursor) => text(units(cursor));
  }
  const read = kindOf(reader) === 'record' || kindOf(reader) === 'array' || kindOf(reader) === 'map' ? composite(context, reader, writer, path) : primitive(context, reader, writer, path);
  if (read === undefined) throw mismatch(reader, writer, path);
  return read;
};

/** Days, milliseconds, microseconds: a column whose unit changed would read as other times, silently. */
const sameUnit = (reader: Type, writer: Type): boolean => {
  const ours = connectNameOf(reader);
  const theirs = connectNameOf(writer);
  if (ours === undefined || theirs === undefined || ours === theirs) return true;
  const numeric = kindOf(reader) === 'int' || kindOf(reader) === 'long';
  return !numeric;
};

const failing = (problem: Mismatch): Read => () => {
  throw problem;
};

const unionWritten = (context: Context, reader: Type, branches: readonly Type[], path: string): Read => {
  // One of several types may never come: what does not fit in it is told when it does.
  const within = branches.filter((branch) => kindOf(branch) !== 'null').length > 1 ? { ...context, misfits: null } : context;
  const reads = branches.map((branch): Read | Mismatch => {
    try {
      if (kindOf(branch) === 'null' && context.nulls === 'keep') return () => null;
      return compile(within, reader, branch, path);
    } catch (thrown) {
      if (thrown instanceof Mismatch) return thrown;
      throw thrown;
    }
  });
  const values = reads.filter((_, i) => kindOf(branches[i]!) !== 'null');
  if (values.length > 0 && values.every((read) => read instanceof Mismatch)) throw values[0];
  const table = reads.map((read): Read => (read instanceof Mismatch ? failing(read) : read));
  const nullAt = branches.findIndex((branch) => kindOf(branch) === 'null');
  if (table.length === 2 && nullAt >= 0 && !(reads[nullAt] instanceof Mismatch)) return nullable(nullAt, table[1 - nullAt]!);
  return (cursor) => {
    const index = cursor.long();
    const read = table[index];
    if (read === undefined) throw new Malformed(`${index} is no branch of a union of ${table.length}`);
    return read(cursor);
  };
};

const nullable = (nullAt: number, read: Read): Read => (cursor) => {
  const index = cursor.long();
  if (index === nullAt) return null;
  if (index === 1 - nullAt) return read(cursor);
  throw new Malformed(`${index} is no branch of a union of 2`);
};

const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
};

/** Avro's rule: the branch of the same type (and name), else the first that the writer's type promotes to. */
const chooseBranch = (branches: readonly Type[], writer: Type): Type | undefined => {
  const kind = kindOf(writer);
  const same = branches.filter((branch) => kindOf(branch) === kind);
  const unqualified = (name: string | undefined): string | undefined => name?.slice(name.lastIndexOf('.') + 1);
  return (
    same.find((branch) => branch.name === writer.name) ??
    same.find((branch) => unqualified(branch.name) === unqualified(writer.name)) ??
    (same.length === 1 ? same[0] : undefined) ??
    branches.find((branch) => PROMOTIONS[kind]?.includes(kindOf(branch)))
  );
};

const composite = (context: Context, reader: Type, writer: Type, path: string): Read | undefined => {
  if (kindOf(reader) !== kindOf(writer)) return undefined;
  if (kindOf(reader) === 'record') return record(context, reader, writer, path);
  if (kindOf(reader) === 'array') {
    const written = (writer as types.ArrayType).itemsType;
    const read = compile(context, (reader as types.ArrayType).itemsType, written, `${path}[]`);
    const least = leastBytes(written);
    return (cursor) => {
      const items: unknown[] = [];
      for (let count = cursor.block(least); count > 0; count = cursor.block(least)) {
        for (let i = 0; i < count; i += 1) items.push(read(cursor));
      }
      return items;
    };
  }
  const written = (writer as types.MapType).valuesType as Type;
  const read = compile(context, (reader as types.MapType).valuesType as Type, written, `${path}{}`);
  const least = 1 + leastBytes(written);
  return (cursor) => {
    const entries: [string, unknown][] = [];
    for (let count = cursor.block(least); count > 0; count = cursor.block(least)) {
      for (let i = 0; i < count; i += 1) entries.push([cursor.string(), read(cursor)]);
    }
    return Object.fromEntries(entries);
  };
};

const record = (context: Context, reader: Type, writer: Type, path: string): Read => {
  const key = `${reader.name ?? ''}:${writer.name ?? ''}`;
  const known = context.records.get(key);
  if (known !== undefined) return known.read ?? ((cursor) => known.read!(cursor));
  const entry: { read: Read | null } = { read: null };
  context.records.set(key, entry);
  try {
    entry.read = recordReader(fieldsOf(writer).map((field) => compileSkip(field.type)), fieldsOf(reader).map((field) => fieldPlan(context, field, writer, path)));
  } catch (thrown) {
    context.records.delete(key);
    throw thrown;
  }
  return entry.read;
};

const fieldPlan = (context: Context, field: types.Field, writer: Type, path: string): FieldPlan => {
  try {
    return planField(context, field, writer, path);
  } catch (thrown) {
    if (!(thrown instanceof Mismatch) || context.misfits === null) throw thrown;
    context.misfits.push(thrown);
    return { name: field.name, index: null, read: failing(thrown) };
  }
};

const planField = (context: Context, field: types.Field, writer: Type, path: string): FieldPlan => {
  const at = path === '' ? field.name : `${path}.${field.name}`;
  const names = [field.name, ...field.aliases];
  const index = fieldsOf(writer).findIndex((written) => names.includes(written.name));
  if (index >= 0) return { name: field.name, index, read: compile(context, field.type, fieldsOf(writer)[index]!.type, at) };
  const fallback: unknown = field.defaultValue();
  if (fallback === undefined) throw new Mismatch(at, 'the writer has no such field, and our schema gives no default');
  const bytes = field.type.toBuffer(fallback);
  const read = compile({ ...context, records: new Map() }, field.type, field.type, at);
  const cursor = new Cursor();
  return {
    name: field.name,
    index: null,
    read: () => {
      cursor.start(bytes, 0);
      return read(cursor);
    },
  };
};

const repeatingText = (): Read => {
  const last: LastText = { bytes: Buffer.alloc(0), text: '' };
  return (cursor) => cursor.repeatingString(last);
};

const primitive = (context: Context, reader: Type, writer: Type, path: string): Read | undefined => {
  const from = kindOf(writer);
  switch (kindOf(reader)) {
    case 'null':
      return from === 'null' ? () => null : undefined;
    case 'boolean':
      return from === 'boolean' ? (cursor) => cursor.boolean() : undefined;
    case 'int':
      return from === 'int' ? exactInt(reader, path) : undefined;
    case 'long':
      if (from !== 'long' && from !== 'int') return undefined;
      return context.int64 === 'bigint' ? exactLong(reader, path) : checkedLong(path, "leave out int64: 'number' to read it as bigint");
    case 'float':
    case 'double':
      if (from === 'double') return kindOf(reader) === 'double' ? (cursor) => cursor.double() : undefined;
      if (from === 'float') return (cursor) => cursor.float();
      if (from === 'int') return (cursor) => cursor.int();
      return from === 'long' ? checkedLong(path, 'our schema has a double here, which cannot hold it') : undefined;
    case 'string':
      if (from !== 'string' && from !== 'bytes') return undefined;
      return context.texts === 'repeating' ? repeatingText() : (cursor) => cursor.string();
    case 'bytes':
      return from === 'bytes' || from === 'string' ? (cursor) => cursor.bytes() : undefined;
    case 'fixed': {
      const { size } = reader as types.FixedType;
      return from === 'fixed' && (writer as types.FixedType).size === size ? (cursor) => cursor.fixed(size) : undefined;
    }
    case 'enum':
      return from === 'enum' ? enumeration(reader as types.EnumType, writer as types.EnumType, path) : undefined;
    default:
      return undefined;
  }
};

const enumeration = (reader: types.EnumType, writer: types.EnumType, path: string): Read => {
  const ours = new Set(reader.symbols);
  const fallback = attributesOf(reader)['default'];
  const symbols = writer.symbols.map((symbol) => (ours.has(symbol) ? symbol : typeof fallback === 'string' ? fallback : undefined));
  return (cursor) => {
    const index = cursor.long();
    const symbol = symbols[index];
    if (symbol !== undefined) return symbol;
    const written = writer.symbols[index];
    if (written === undefined) throw new Malformed(`${index} is no symbol of an enum of ${symbols.length}`);
    throw new Mismatch(path, `our enum has no symbol ${written}`);
  };
};
