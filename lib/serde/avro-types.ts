/** avsc types with which our own values are written: int64 exactly, decimals from exact text, any bytes. */
import avsc from 'avsc';
import type { Type, types } from 'avsc';
import type { AvroSchema, Int64 } from '../../topology/codecs.ts';
import { ConfigurationError, messageOf } from '../core/errors.ts';
import { branchesOf, decimalScaleOf, fieldsOf, isVariableScaleDecimal, kindOf, parseOptions, type Attributes } from './avro-schema.ts';
import { fitsPrecision, parseDecimal, unscaledAt, unscaledBytes } from './decimal.ts';

const MIN = -(2n ** 63n);
const MAX = 2n ** 63n - 1n;

/** Avro's varint of an int64. */
const varint = (value: bigint): Buffer => {
  let rest = BigInt.asUintN(64, (value << 1n) ^ (value >> 63n));
  const bytes: number[] = [];
  while (rest >= 0x80n) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return Buffer.from(bytes);
};

const longWith = (isValid: (value: unknown) => boolean, fromJson: (value: unknown) => unknown): types.LongType =>
  avsc.types.LongType.__with(
    {
      isValid,
      toBuffer: (value: bigint | number) => varint(BigInt(value)),
      fromJSON: fromJson,
      toJSON: Number,
      fromBuffer: () => {
        throw new Error('this type only writes');
      },
      compare: (a: bigint, b: bigint) => (a < b ? -1 : a > b ? 1 : 0),
    },
    true,
  );

const longs: Readonly<Record<Int64, types.LongType>> = {
  bigint: longWith((value) => typeof value === 'bigint' && value >= MIN && value <= MAX, (value) => BigInt(value as number)),
  number: longWith((value) => Number.isSafeInteger(value), Number),
};

class AnyBytes extends avsc.types.LogicalType {
  override _toValue(value: unknown): Buffer | undefined {
    if (!(value instanceof Uint8Array)) return undefined;
    return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  }

  override _fromValue(value: unknown): unknown {
    return value;
  }
}

class DecimalType extends avsc.types.LogicalType {
  readonly scale: number;
  readonly precision: number;
  readonly size: number | undefined;

  constructor(schema: Attributes, options: unknown) {
    super(schema as never, options);
    this.scale = decimalScaleOf(schema)!;
    this.precision = Number(schema['precision'] ?? Infinity);
    this.size = schema['type'] === 'fixed' ? Number(schema['size']) : undefined;
  }

  override _toValue(value: unknown): Buffer | undefined {
    if (Buffer.isBuffer(value)) return value;
    if (typeof value !== 'string') return undefined;
    const unscaled = unscaledAt(value, this.scale);
    if (unscaled === undefined || (this.precision !== Infinity && !fitsPrecision(unscaled, this.precision))) return undefined;
    const bytes = unscaledBytes(unscaled);
    if (this.size === undefined) return bytes;
    return bytes.length > this.size ? undefined : Buffer.concat([Buffer.alloc(this.size - bytes.length, unscaled < 0n ? 0xff : 0), bytes]);
  }

  override _fromValue(value: unknown): unknown {
    return value;
  }
}

class VariableScaleDecimalType extends avsc.types.LogicalType {
  override _toValue(value: unknown): { scale: number; value: Buffer } | undefined {
    const parsed = typeof value === 'string' ? parseDecimal(value) : undefined;
    return parsed === undefined ? undefined : { scale: parsed.scale, value: unscaledBytes(parsed.unscaled) };
  }

  override _fromValue(value: unknown): unknown {
    return value;
  }
}

/** What a value of a branch is in JavaScript; two branches of one union must differ in it to be written. */
const shapeOf = (type: Type, int64: Int64): string => {
  if (type instanceof DecimalType || type instanceof VariableScaleDecimalType) return 'string';
  if (type instanceof AnyBytes) return 'bytes';
  switch (kindOf(type)) {
    case 'abstract:long':
      return int64;
    case 'int':
    case 'float':
    case 'double':
      return 'number';
    case 'enum':
      return 'string';
    case 'fixed':
      return 'bytes';
    case 'map':
    case 'record':
      return 'object';
    default:
      return kindOf(type);
  }
};

const ambiguities = (type: Type, int64: Int64, path: string, seen: Set<Type>): string[] => {
  if (seen.has(type)) return [];
  seen.add(type);
  switch (kindOf(type)) {
    case 'union': {
      const shapes = branchesOf(type).map((branch) => shapeOf(branch, int64));
      const twice = shapes.find((shape, i) => shapes.indexOf(shape) !== i);
      const inner = branchesOf(type).flatMap((branch) => ambiguities(branch, int64, path, seen));
      return twice === undefined ? inner : [`${path}: the union has two branches that are ${twice} in TypeScript, so a value does not say which one it is`, ...inner];
    }
    case 'array':
      return ambiguities((type as types.ArrayType).itemsType, int64, `${path}[]`, seen);
    case 'map':
      return ambiguities((type as types.MapType).valuesType as Type, int64, `${path}{}`, seen);
    case 'record':
      return fieldsOf(type).flatMap((field) => ambiguities(field.type, int64, path === '' ? field.name : `${path}.${field.name}`, seen));
    default:
      return [];
  }
};

const parse = (schema: AvroSchema, int64: Int64, wrapUnions: 'always' | 'never'): Type =>
  avsc.Type.forSchema(
    schema as never,
    parseOptions((node, build) => {
      if (node['type'] === 'long') return longs[int64];
      if (decimalScaleOf(node) !== undefined) return build(node, (form, options) => new DecimalType(form, options));
      if (isVariableScaleDecimal(node)) return build(node, (form, options) => new VariableScaleDecimalType(form as never, options));
      return node['type'] === 'bytes' ? build(node, (form, options) => new AnyBytes(form as never, options)) : build(node);
    }, wrapUnions),
  );

/** The type that writes our values. Throws `ConfigurationError` for a schema that is not valid or has unions whose branches values cannot tell apart. */
export const parseForWriting = (schema: AvroSchema, name: string, int64: Int64): Type => {
  try {
    const problems = ambiguities(parse(schema, int64, 'always'), int64, '', new Set());
    if (problems.length > 0) throw new ConfigurationError(problems.map((problem) => `schema ${name}, ${problem}`));
    return parse(schema, int64, 'never');
  } catch (thrown) {
    throw thrown instanceof ConfigurationError ? thrown : new ConfigurationError([`schema ${name}: ${messageOf(thrown)}`], { cause: thrown });
  }
};
