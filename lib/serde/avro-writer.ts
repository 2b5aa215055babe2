/**
 * Compiles a writer of a schema of ours: values as `lib/serde` reads them. A value that does not fit is refused before anything is handed out, with the
 * name of its field.
 */
import type { Type, types } from 'avsc';
import type { Int64 } from '../../topology/choices.ts';
import { attributesOf, branchesOf, connectNameOf, decimalScaleOf, fieldsOf, isVariableScaleDecimal, kindOf } from './avro-schema.ts';
import { fitsPrecision, parseDecimal, smallUnscaledAt, smallUnscaledBytes, unscaledAt, unscaledBytes } from './decimal.ts';
import type { Output } from './output.ts';

export type Write = (output: Output, value: unknown) => void;

/** The kind of a value, not the value: errors are logged, and data is not. */
const describe = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Uint8Array) return 'bytes';
  return typeof value === 'object' ? 'an object' : value === undefined ? 'undefined' : `a ${typeof value}`;
};

/** A value does not fit the schema. */
export class Misfit extends Error {
  constructor(path: string, value: unknown, wanted: string) {
    super(`${path === '' ? 'value' : path}: ${describe(value)} is no ${wanted}`);
  }
}

interface Context {
  readonly int64: Int64;
  /** Records in the making: schemas may be recursive. */
  readonly records: Map<string, { write: Write | null }>;
}

export const compileWriter = (type: Type, int64: Int64): Write => compile({ int64, records: new Map() }, type, '');

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

const compile = (context: Context, type: Type, path: string): Write => {
  const attributes = attributesOf(type);
  if (decimalScaleOf(attributes) !== undefined) return decimal(type, path);
  if (isVariableScaleDecimal(attributes)) return variableScaleDecimal(type, path);
  switch (kindOf(type)) {
    case 'record':
      return record(context, type, path);
    case 'union':
      return union(context, type, path);
    case 'array':
      return array(compile(context, (type as types.ArrayType).itemsType, `${path}[]`), path);
    case 'map':
      return map(compile(context, (type as types.MapType).valuesType as Type, `${path}{}`), path);
    case 'enum':
      return enumeration(type as types.EnumType, path);
    case 'fixed':
      return fixed(type as types.FixedType, path);
    case 'long':
      return long(context.int64, path);
    default:
      return primitives[kindOf(type)]!(path);
  }
};

const primitives: Readonly<Record<string, (path: string) => Write>> = {
  null: (path) => (_, value) => {
    if (value !== null) throw new Misfit(path, value, 'null');
  },
  boolean: (path) => (output, value) => {
    if (typeof value !== 'boolean') throw new Misfit(path, value, 'boolean');
    output.byte(value ? 1 : 0);
  },
  int: (path) => (output, value) => {
    if (typeof value !== 'number' || value !== (value | 0)) throw new Misfit(path, value, 'int');
    output.long(value);
  },
  float: (path) => (output, value) => {
    if (typeof value !== 'number') throw new Misfit(path, value, 'float');
    output.float(value);
  },
  double: (path) => (output, value) => {
    if (typeof value !== 'number') throw new Misfit(path, value, 'double');
    output.double(value);
  },
  string: (path) => (output, value) => {
    if (typeof value !== 'string') throw new Misfit(path, value, 'string');
    output.string(value);
  },
  bytes: (path) => (output, value) => {
    if (!(value instanceof Uint8Array)) throw new Misfit(path, value, 'bytes');
    output.long(value.length);
    output.raw(value);
  },
};

const long = (int64: Int64, path: string): Write =>
  int64 === 'bigint'
    ? (output, value) => {
        if (typeof value !== 'bigint' || value < MIN || value > MAX) throw new Misfit(path, value, 'long (a bigint of 64 bits)');
        output.bigint(value);
      }
    : (output, value) => {
        if (!Number.isSafeInteger(value)) throw new Misfit(path, value, 'long (a safe integer)');
        output.long(value as number);
      };

const fixed = (type: types.FixedType, path: string): Write => (output, value) => {
  if (!(value instanceof Uint8Array) || value.length !== type.size) throw new Misfit(path, value, `fixed of ${type.size} bytes`);
  output.raw(value);
};

const enumeration = (type: types.EnumType, path: string): Write => {
  const indexes = new Map(type.symbols.map((symbol, i) => [symbol, i]));
  return (output, value) => {
    const index = indexes.get(value as string);
    if (index === undefined) throw new Misfit(path, value, `symbol of ${type.name}`);
    output.long(index);
  };
};

const decimal = (type: Type, path: string): Write => {
  const attributes = attributesOf(type);
  const scale = decimalScaleOf(attributes)!;
  const precision = attributes['precision'] === undefined ? null : Number(attributes['precision']);
  const size = kindOf(type) === 'fixed' ? (type as types.FixedType).size : null;
  const wanted = `decimal text of at most ${precision === null ? '' : `${precision} digits, `}${scale} behind the point`;
  const smallBound = precision === null || precision >= 15 ? Infinity : 10 ** precision;
  const scratch = Buffer.alloc(8);
  return (output, value) => {
    if (typeof value !== 'string') throw new Misfit(path, value, wanted);
    const small = smallUnscaledAt(value, scale);
    let bytes: Uint8Array;
    if (small !== undefined) {
      if (small >= smallBound || small <= -smallBound) throw new Misfit(path, value, wanted);
      bytes = scratch.subarray(0, smallUnscaledBytes(small, scratch));
    } else {
      const unscaled = unscaledAt(value, scale);
      if (unscaled === undefined || (precision !== null && !fitsPrecision(unscaled, precision))) throw new Misfit(path, value, wanted);
      bytes = unscaledBytes(unscaled);
    }
    if (size === null) {
      output.long(bytes.length);
    } else {
      if (bytes.length > size) throw new Misfit(path, value, wanted);
      for (let i = bytes.length; i < size; i += 1) output.byte(bytes[0]! >= 0x80 ? 0xff : 0);
    }
    output.raw(bytes);
  };
};

const variableScaleDecimal = (type: Type, path: string): Write => {
  const scaleFirst = fieldsOf(type)[0]?.name === 'scale';
  return (output, value) => {
    const parsed = typeof value === 'string' ? parseDecimal(value) : undefined;
    if (parsed === undefined) throw new Misfit(path, value, 'decimal text');
    const bytes = unscaledBytes(parsed.unscaled);
    if (scaleFirst) output.long(parsed.scale);
    output.long(bytes.length);
    output.raw(bytes);
    if (!scaleFirst) output.long(parsed.scale);
  };
};

const array = (write: Write, path: string): Write => (output, value) => {
  if (!Array.isArray(value)) throw new Misfit(path, value, 'array');
  if (value.length > 0) {
    output.long(value.length);
    for (let i = 0; i < value.length; i += 1) write(output, value[i]);
  }
  output.byte(0);
};

const map = (write: Write, path: string): Write => (output, value) => {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) throw new Misfit(path, value, 'map');
  const entries = Object.entries(value);
  if (entries.length > 0) {
    output.long(entries.length);
    for (const [key, item] of entries) {
      output.string(key);
      write(output, item);
    }
  }
  output.byte(0);
};

const record = (context: Context, type: Type, path: string): Write => {
  const key = type.name ?? '';
  const known = context.records.get(key);
  if (known !== undefined) return known.write ?? ((output, value) => known.write!(output, value));
  const entry: { write: Write | null } = { write: null };
  context.records.set(key, entry);
  const fields = fieldsOf(type).map((field) => {
    const fallback: unknown = field.defaultValue();
    return {
      name: field.name,
      write: compile(context, field.type, path === '' ? field.name : `${path}.${field.name}`),
      fallback: fallback === undefined ? null : field.type.toBuffer(fallback),
    };
  });
  entry.write = (output, value) => {
    if (value === null || typeof value !== 'object') throw new Misfit(path, value, `record ${type.name ?? ''}`);
    for (const { name, write, fallback } of fields) {
      const item = (value as Readonly<Record<string, unknown>>)[name];
      if (item === undefined && fallback !== null) output.raw(fallback);
      else write(output, item);
    }
  };
  return entry.write;
};

type Shape = 'null' | 'boolean' | 'number' | 'bigint' | 'string' | 'bytes' | 'array' | 'object';

const SHAPES: Readonly<Record<string, Shape>> = { null: 'null', boolean: 'boolean', int: 'number', float: 'number', double: 'number', string: 'string', enum: 'string', bytes: 'bytes', fixed: 'bytes', array: 'array', map: 'object', record: 'object' };

/** What a value of a branch is in JavaScript; two branches of one union must differ in it to be written. */
const shapeOf = (type: Type, int64: Int64): Shape => {
  const attributes = attributesOf(type);
  if (decimalScaleOf(attributes) !== undefined || isVariableScaleDecimal(attributes)) return 'string';
  return kindOf(type) === 'long' ? int64 : SHAPES[kindOf(type)]!;
};

const shapeOfValue = (value: unknown): Shape | undefined => {
  if (value === null) return 'null';
  if (typeof value !== 'object') return typeof value as Shape;
  return Array.isArray(value) ? 'array' : value instanceof Uint8Array ? 'bytes' : 'object';
};

const union = (context: Context, type: Type, path: string): Write => {
  const branches = branchesOf(type);
  const writes = branches.map((branch) => compile(context, branch, path));
  const nullAt = branches.findIndex((branch) => kindOf(branch) === 'null');
  if (branches.length === 2 && nullAt >= 0) {
    const write = writes[1 - nullAt]!;
    return (output, value) => {
      output.byte((value === null ? nullAt : 1 - nullAt) * 2);
      if (value !== null) write(output, value);
    };
  }
  const indexes = new Map(branches.map((branch, i) => [shapeOf(branch, context.int64), i]));
  const wanted = `union of ${branches.map((branch) => connectNameOf(branch) ?? branch.name ?? kindOf(branch)).join(', ')}`;
  return (output, value) => {
    const index = indexes.get(shapeOfValue(value) as Shape);
    if (index === undefined) throw new Misfit(path, value, wanted);
    output.long(index);
    writes[index]!(output, value);
  };
};

/** Unions of a schema that cannot be written, since a value would not say which branch it is: `field: why`. */
export const ambiguities = (type: Type, int64: Int64): readonly string[] => collect(type, int64, '', new Set());

const collect = (type: Type, int64: Int64, path: string, seen: Set<Type>): string[] => {
  if (seen.has(type)) return [];
  seen.add(type);
  switch (kindOf(type)) {
    case 'union': {
      const shapes = branchesOf(type).map((branch) => shapeOf(branch, int64));
      const twice = shapes.find((shape, i) => shapes.indexOf(shape) !== i);
      const inner = branchesOf(type).flatMap((branch) => collect(branch, int64, path, seen));
      return twice === undefined ? inner : [`${path}: the union has two branches that are ${twice} in TypeScript, so a value does not say which one it is`, ...inner];
    }
    case 'array':
      return collect((type as types.ArrayType).itemsType, int64, `${path}[]`, seen);
    case 'map':
      return collect((type as types.MapType).valuesType as Type, int64, `${path}{}`, seen);
    case 'record':
      return fieldsOf(type).flatMap((field) => collect(field.type, int64, path === '' ? field.name : `${path}.${field.name}`, seen));
    default:
      return [];
  }
};
