import type { Type } from 'avsc';
import { messageOf, StopError } from '../core/errors.ts';
import { branchesOf, fieldsOf, kindOf, parseOwn, parseWriter } from '../serde/avro-schema.ts';
import type { Definition } from './files.ts';
import type { RegisteredSchema } from './registry-client.ts';

const ENVELOPE = ['before', 'after', 'source', 'op'];

const fieldsIn = (schema: Definition): readonly Definition[] => (Array.isArray(schema['fields']) ? (schema['fields'] as readonly Definition[]) : []);

/** The record within a nullable field, where it is written out. */
const recordIn = (type: unknown): Definition | undefined =>
  (Array.isArray(type) ? (type as readonly unknown[]) : [type]).find((branch): branch is Definition => typeof branch === 'object' && branch !== null && (branch as Definition)['type'] === 'record');

/** The JSON of a registered schema. Throws `StopError` when it is no Avro record. */
export const definitionOf = ({ subject, version, schema }: RegisteredSchema): Definition => {
  let parsed: unknown;
  try {
    parsed = JSON.parse(schema);
  } catch (cause) {
    throw new StopError(`${subject}, version ${version}, is not Avro: ${messageOf(cause)}`);
  }
  if (typeof parsed !== 'object' || parsed === null || (parsed as Definition)['type'] !== 'record') throw new StopError(`${subject}, version ${version}, is no Avro record schema`);
  return parsed as Definition;
};

/** The row within one of Debezium's envelopes; any other record as it is. */
export const rowOf = (definition: Definition): Definition => {
  const fields = fieldsIn(definition);
  if (!ENVELOPE.every((name) => fields.some((field) => field['name'] === name))) return definition;
  const row = fields.filter(({ name }) => name === 'before' || name === 'after').map(({ type }) => recordIn(type)).find((record) => record !== undefined);
  if (row === undefined) return definition;
  const name = String(row['name']);
  if (name.includes('.') || row['namespace'] !== undefined || definition['namespace'] === undefined) return row;
  const { type, ...rest } = row;
  return { type, name, namespace: definition['namespace'], ...rest };
};

/** As a writer's, whose defaults do not matter; Debezium registers some that are not valid. Throws `StopError`. */
export const writerOf = (version: RegisteredSchema): Type => {
  try {
    return parseWriter(definitionOf(version));
  } catch (cause) {
    if (cause instanceof StopError) throw cause;
    throw new StopError(`${version.subject}, version ${version.version}, is not valid Avro: ${messageOf(cause)}`, { cause });
  }
};

/** As a reader's, with its defaults, if those are valid. */
export const readerOf = (version: RegisteredSchema): Type => {
  try {
    return parseOwn(definitionOf(version));
  } catch {
    return writerOf(version);
  }
};

/** The row within the envelope, as a type. */
export const rowTypeOf = (type: Type): Type => {
  if (kindOf(type) !== 'record' || !ENVELOPE.every((name) => fieldsOf(type).some((field) => field.name === name))) return type;
  const after = fieldsOf(type).find(({ name }) => name === 'after')!.type;
  return kindOf(after) === 'union' ? (branchesOf(after).find((branch) => kindOf(branch) === 'record') ?? type) : after;
};
