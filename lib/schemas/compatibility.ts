/** Avro's rules of schema resolution over two whole schemas: everything that does not fit, not the first thing only. */
import type { Type, types } from 'avsc';
import { attributesOf, branchesOf, fieldsOf, kindOf } from '../serde/avro-schema.ts';

/** A field of the reader's schema that cannot be read; `path` is empty for the schema as a whole. */
export interface Incompatibility {
  readonly path: string;
  readonly reason: string;
}

const PROMOTIONS: Readonly<Record<string, readonly string[]>> = {
  int: ['long', 'float', 'double'],
  long: ['float', 'double'],
  float: ['double'],
  string: ['bytes'],
  bytes: ['string'],
};

const shortName = (type: Type): string => (type.name ?? '').split('.').at(-1)!;

const named = (type: Type): string => (type.name === undefined ? kindOf(type) : `${kindOf(type)} ${type.name}`);

const textOf = (type: Type): string => (kindOf(type) === 'union' ? branchesOf(type).map(textOf).join(' | ') : named(type));

/** What of `writer`'s data cannot be read with `reader`. */
export const incompatibilities = (reader: Type, writer: Type): readonly Incompatibility[] => {
  const problems: Incompatibility[] = [];
  compare(reader, writer, '', problems, new Set());
  return problems;
};

const readable = (reader: Type, writer: Type, seen: Set<string>): boolean => {
  const problems: Incompatibility[] = [];
  compare(reader, writer, '', problems, new Set(seen));
  return problems.length === 0;
};

const compare = (reader: Type, writer: Type, path: string, problems: Incompatibility[], seen: Set<string>): void => {
  const misfit = (): void => void problems.push({ path, reason: `${textOf(writer)} cannot be read as ${textOf(reader)}` });
  if (kindOf(writer) === 'union') {
    const unread = branchesOf(writer).filter((branch) => !readable(reader, branch, seen));
    if (unread.length === 0) return;
    if (unread.length === 1 && kindOf(reader) !== 'union') return compare(reader, unread[0]!, path, problems, seen);
    problems.push({ path, reason: `${unread.map(textOf).join(' | ')} of ${textOf(writer)} cannot be read as ${textOf(reader)}` });
    return;
  }
  if (kindOf(reader) === 'union') {
    if (branchesOf(reader).some((branch) => readable(branch, writer, seen))) return;
    const same = branchesOf(reader).find((branch) => kindOf(branch) === kindOf(writer) && kindOf(branch) === 'record');
    return same === undefined ? misfit() : compare(same, writer, path, problems, seen);
  }
  const kind = kindOf(reader);
  if (kind !== kindOf(writer)) {
    if (PROMOTIONS[kindOf(writer)]?.includes(kind) !== true) misfit();
    return;
  }
  if (kind === 'record') record(reader, writer, path, problems, seen);
  else if (kind === 'array') compare((reader as types.ArrayType).itemsType, (writer as types.ArrayType).itemsType, `${path}[]`, problems, seen);
  else if (kind === 'map') compare((reader as types.MapType).valuesType as Type, (writer as types.MapType).valuesType as Type, `${path}{}`, problems, seen);
  else if (kind === 'enum') enumeration(reader as types.EnumType, writer as types.EnumType, path, problems);
  else if (kind === 'fixed' && ((reader as types.FixedType).size !== (writer as types.FixedType).size || shortName(reader) !== shortName(writer))) misfit();
};

const record = (reader: Type, writer: Type, path: string, problems: Incompatibility[], seen: Set<string>): void => {
  const pair = `${reader.name}:${writer.name}`;
  if (seen.has(pair)) return;
  seen.add(pair);
  if (shortName(reader) !== shortName(writer) && (reader as types.RecordType).aliases?.includes(writer.name!) !== true) {
    problems.push({ path, reason: `${named(writer)} has another name than ${named(reader)}` });
    return;
  }
  for (const field of fieldsOf(reader)) {
    const at = path === '' ? field.name : `${path}.${field.name}`;
    const written = fieldsOf(writer).find(({ name }) => name === field.name || field.aliases.includes(name));
    if (written !== undefined) compare(field.type, written.type, at, problems, seen);
    else if (field.defaultValue() === undefined) problems.push({ path: at, reason: 'it is not written, and has no default' });
  }
};

const enumeration = (reader: types.EnumType, writer: types.EnumType, path: string, problems: Incompatibility[]): void => {
  const lacking = writer.symbols.filter((symbol) => !reader.symbols.includes(symbol));
  if (lacking.length > 0 && attributesOf(reader)['default'] === undefined) problems.push({ path, reason: `the enum lacks ${lacking.join(', ')}` });
};
