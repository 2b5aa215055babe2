/**
 * Avro schemas as avsc types that remember the attributes avsc itself forgets: `connect.name` is what says how a Debezium
 * value is meant (Avro's `logicalType` is missing or too coarse for it).
 */
import avsc from 'avsc';
import type { ForSchemaOptions, Type } from 'avsc';
import type { AvroSchema } from '../../topology/codecs.ts';

export type Attributes = Readonly<Record<string, unknown>>;

const attributesByType = new WeakMap<Type, Attributes>();
const none: Attributes = {};

/** The JSON attributes that a type was defined with. */
export const attributesOf = (type: Type): Attributes => attributesByType.get(type) ?? none;

export const connectNameOf = (type: Type): string | undefined => {
  const name = attributesOf(type)['connect.name'];
  return typeof name === 'string' ? name : undefined;
};

export type DefinedSchema = { readonly [attribute: string]: unknown };

/** Called for each schema node that defines a type, to change it first. */
type Change = (schema: DefinedSchema) => DefinedSchema;

/** avsc options under which every type keeps its attributes. Unions are modelled as wrapped ones, which any mix of branches can be. */
const parseOptions = (change: Change): Partial<ForSchemaOptions> => {
  let inside: unknown = null;
  const typeHook = (schema: unknown, options: ForSchemaOptions): Type | undefined => {
    if (schema === inside) {
      inside = null;
      return undefined;
    }
    if (schema === null || typeof schema !== 'object' || Array.isArray(schema) || avsc.Type.isType(schema)) return undefined;
    inside = change(schema as DefinedSchema);
    const type = avsc.Type.forSchema(inside as never, options);
    attributesByType.set(type, schema as Attributes);
    return type;
  };
  return { wrapUnions: 'always', typeHook: typeHook as ForSchemaOptions['typeHook'] };
};

const withoutDefault = ({ default: _, ...field }: DefinedSchema): DefinedSchema => field;

/** For a writer's schema. Its defaults are dropped: a reader has no use for them, and Debezium registers some that are not valid Avro. */
export const writerOptions = (): Partial<ForSchemaOptions> =>
  parseOptions((schema) => (Array.isArray(schema['fields']) ? { ...schema, fields: (schema['fields'] as DefinedSchema[]).map(withoutDefault) } : schema));

export const parseWriter = (schema: AvroSchema): Type => avsc.Type.forSchema(schema as never, writerOptions());

/** The topology's own schema. */
export const parseOwn = (schema: AvroSchema): Type => avsc.Type.forSchema(schema as never, parseOptions((node) => node));

export const DECIMAL = 'org.apache.kafka.connect.data.Decimal';
export const VARIABLE_SCALE_DECIMAL = 'io.debezium.data.VariableScaleDecimal';

/** Scale of a decimal of fixed scale (Connect's by `connect.name`, or Avro's own logical type); undefined for anything else. */
export const decimalScaleOf = (schema: Attributes): number | undefined => {
  if (schema['type'] !== 'bytes' && schema['type'] !== 'fixed') return undefined;
  if (schema['connect.name'] !== DECIMAL && schema['logicalType'] !== 'decimal') return undefined;
  const parameters = schema['connect.parameters'] as Readonly<Record<string, unknown>> | undefined;
  return Number(schema['scale'] ?? parameters?.['scale'] ?? 0);
};

/** Whether a schema node is Debezium's record for `numeric` without a declared scale. */
export const isVariableScaleDecimal = (schema: Attributes): boolean => schema['type'] === 'record' && schema['connect.name'] === VARIABLE_SCALE_DECIMAL;

/** What kind of Avro type it is: avsc tells apart more than we need. */
export const kindOf = (type: Type): string => (type.typeName.startsWith('union:') ? 'union' : type.typeName === 'error' ? 'record' : type.typeName);

export const branchesOf = (type: Type): readonly Type[] => (type as avsc.types.WrappedUnionType).types;
export const fieldsOf = (type: Type): readonly avsc.types.Field[] => (type as avsc.types.RecordType).fields;
