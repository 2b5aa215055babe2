import type { Type, types } from 'avsc';
import { branchesOf, fieldsOf, kindOf } from './avro-schema.ts';
import { Malformed, type Cursor } from './cursor.ts';

export type Skip = (cursor: Cursor) => void;

const primitives: Readonly<Record<string, Skip>> = {
  null: () => {},
  boolean: (cursor) => cursor.skip(1),
  int: (cursor) => cursor.skipLong(),
  long: (cursor) => cursor.skipLong(),
  enum: (cursor) => cursor.skipLong(),
  float: (cursor) => cursor.skip(4),
  double: (cursor) => cursor.skip(8),
  string: (cursor) => cursor.skipBytes(),
  bytes: (cursor) => cursor.skipBytes(),
};

/** Passes over a value of a type without making anything of it. */
export const compileSkip = (type: Type): Skip => compile(type, new Map());

const compile = (type: Type, records: Map<string, { skip: Skip | null }>): Skip => {
  switch (kindOf(type)) {
    case 'fixed': {
      const { size } = type as types.FixedType;
      return (cursor) => cursor.skip(size);
    }
    case 'array':
      return blocks(compile((type as types.ArrayType).itemsType, records), leastBytes((type as types.ArrayType).itemsType));
    case 'map': {
      const values = (type as types.MapType).valuesType as Type;
      const skip = compile(values, records);
      return blocks((cursor) => {
        cursor.skipBytes();
        skip(cursor);
      }, 1 + leastBytes(values));
    }
    case 'union': {
      const skips = branchesOf(type).map((branch) => compile(branch, records));
      return (cursor) => {
        const index = cursor.long();
        const skip = skips[index];
        if (skip === undefined) throw new Malformed(`${index} is no branch of a union of ${skips.length}`);
        skip(cursor);
      };
    }
    case 'record':
      return record(type, records);
    default:
      return primitives[kindOf(type)]!;
  }
};

const record = (type: Type, records: Map<string, { skip: Skip | null }>): Skip => {
  const key = type.name ?? '';
  const known = records.get(key);
  if (known !== undefined) return known.skip ?? ((cursor) => known.skip!(cursor));
  const entry: { skip: Skip | null } = { skip: null };
  records.set(key, entry);
  const skips = fieldsOf(type).map((field) => compile(field.type, records));
  entry.skip = (cursor) => {
    for (const skip of skips) skip(cursor);
  };
  return entry.skip;
};

const blocks = (skip: Skip, least: number): Skip => (cursor) => {
  for (let count = cursor.block(least); count > 0; count = cursor.block(least)) {
    for (let i = 0; i < count; i += 1) skip(cursor);
  }
};

/** The fewest bytes a value of a type can take, 0 or 1 being all that matters for telling nonsense lengths. */
export const leastBytes = (type: Type): number => {
  switch (kindOf(type)) {
    case 'null':
      return 0;
    case 'fixed':
      return (type as types.FixedType).size;
    case 'record':
      return fieldsOf(type).length === 0 || fieldsOf(type).every((field) => kindOf(field.type) === 'null') ? 0 : 1;
    default:
      return 1;
  }
};
