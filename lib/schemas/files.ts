import { readdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { ConfigurationError, messageOf } from '../core/errors.ts';
import { parseOwn } from '../serde/avro-schema.ts';
import { EXPORT_ATTRIBUTE, SUBJECT_ATTRIBUTE } from './generate.ts';

export type Definition = { readonly [attribute: string]: unknown };

/** A schema file and the subject that it is about. */
export interface SchemaFile {
  readonly path: string;
  /** The schema without our own attributes. */
  readonly avro: Definition;
  /** What the attributes of ours say. */
  readonly own: Definition;
  /** Null: nothing says which. */
  readonly subject: string | null;
  /** `row`: a table's row as Debezium writes it within its envelope, reduced to the columns that are used. `value`: the values of a topic. */
  readonly kind: 'row' | 'value';
}

/** Debezium calls the row of `app.public.content` so, on the topic of that name. */
const ROW = 'Value';
const VALUE_SUFFIX = '-value';

/** Full name of a record. */
export const fullName = ({ name, namespace }: Definition): string => (namespace === undefined || String(name).includes('.') ? String(name) : `${String(namespace)}.${String(name)}`);

const isRow = (avro: Definition): boolean => fullName(avro).endsWith(`.${ROW}`);

/** Reads a schema from a file's text. Throws `ConfigurationError` when it is no valid Avro record schema. */
export const parseSchemaFile = (text: string, path: string, subject?: string): SchemaFile => {
  let definition: Definition;
  try {
    definition = JSON.parse(text) as Definition;
    if (definition === null || typeof definition !== 'object' || definition['type'] !== 'record') throw new Error('is no Avro record schema');
    parseOwn(definition);
  } catch (cause) {
    throw new ConfigurationError([`${path}: ${messageOf(cause)}`], { cause });
  }
  const own = Object.fromEntries(Object.entries(definition).filter(([name]) => name === EXPORT_ATTRIBUTE || name === SUBJECT_ATTRIBUTE));
  const avro = Object.fromEntries(Object.entries(definition).filter(([name]) => !(name in own)));
  const said = subject ?? own[SUBJECT_ATTRIBUTE];
  const kind = isRow(avro) ? 'row' : 'value';
  const known = kind === 'row' ? fullName(avro).slice(0, -ROW.length - 1) + VALUE_SUFFIX : null;
  return { path, avro, own, kind, subject: typeof said === 'string' ? said : known };
};

/**
 * Schema files, and of folders all `*.avsc`. Throws `ConfigurationError` naming every file that is not valid.
 * @param subject of the only file, instead of what it says itself
 */
export const loadSchemas = async (paths: readonly string[], subject?: string): Promise<readonly SchemaFile[]> => {
  const names: string[] = [];
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw new ConfigurationError([`${path}: there is no such file or folder`]);
    const inside = found.isDirectory() ? (await readdir(path)).filter((name) => name.endsWith('.avsc')).sort().map((name) => join(path, name)) : [path];
    if (inside.length === 0) throw new ConfigurationError([`${path} has no *.avsc files`]);
    names.push(...inside);
  }
  if (subject !== undefined && names.length !== 1) throw new ConfigurationError([`--subject is for one file, and there are ${names.length}`]);
  const problems: string[] = [];
  const files: SchemaFile[] = [];
  for (const name of names) {
    try {
      files.push(parseSchemaFile(await readFile(name, 'utf8'), name, subject));
    } catch (thrown) {
      if (!(thrown instanceof ConfigurationError)) throw thrown;
      problems.push(...thrown.problems);
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return files;
};

/** The file's subject. Throws `ConfigurationError` when nothing says which. */
export const subjectOf = ({ path, subject }: SchemaFile): string => {
  if (subject === null) throw new ConfigurationError([`${path}: nothing says which subject it is about; set "${SUBJECT_ATTRIBUTE}" in it, or give --subject`]);
  return subject;
};

/** `app.public.content-value` -> `content.avsc`, unless that is taken: then the whole name. */
export const fileNameOf = (subject: string, taken: ReadonlySet<string>): string => {
  const topic = subject.endsWith(VALUE_SUFFIX) ? subject.slice(0, -VALUE_SUFFIX.length) : subject;
  const [short, long] = [topic.split('.').at(-1)!, topic].map((name) => `${name.replace(/[^A-Za-z0-9._-]/g, '_')}.avsc`) as [string, string];
  return taken.has(short) ? basename(long) : short;
};
