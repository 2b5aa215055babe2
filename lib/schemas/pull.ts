import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { fileNameOf, fullName, loadSchemas, parseSchemaFile, type SchemaFile } from './files.ts';
import { formatSchema } from './format.ts';
import { SUBJECT_ATTRIBUTE } from './generate.ts';
import { definitionOf, rowOf } from './registered.ts';
import type { RegistryClient } from './registry-client.ts';

export interface PulledSchema {
  readonly subject: string;
  readonly path: string;
  readonly version: number;
  readonly id: number;
  /** kept: the file is there already and differs; it was left as it is. */
  readonly outcome: 'wrote' | 'unchanged' | 'kept';
}

export interface PullOptions {
  /** Where the files are. */
  readonly folder: string;
  readonly subjects: readonly string[];
  /** What becomes of a file that differs. Default 'keep': it may leave out columns on purpose. */
  readonly existing?: 'keep' | 'overwrite';
}

/** The name that was probably meant, given those that there are. */
export type Suggest = (name: string, known: readonly string[]) => string | undefined;

/**
 * Writes the latest version of each subject into a file of its own; of Debezium's envelopes the row only. Attributes of ours in a file that is overwritten stay.
 * Throws `ConfigurationError`, and writes nothing, when a subject is not known.
 */
export const pullSchemas = async (client: RegistryClient, { folder, subjects, existing = 'keep' }: PullOptions, suggest: Suggest): Promise<readonly PulledSchema[]> => {
  const versions = await Promise.all(subjects.map((subject) => client.version(subject, 'latest')));
  const missing = subjects.filter((_, i) => versions[i] === null);
  if (missing.length > 0) {
    const known = await client.subjects();
    throw new ConfigurationError(missing.map((subject) => {
      const near = suggest(subject, known);
      return `the registry has no subject ${subject}${near === undefined ? '' : `; did you mean ${near}?`}`;
    }));
  }
  const files = await loadSchemas([folder]).catch((thrown: unknown) => {
    if (thrown instanceof ConfigurationError && /has no \*\.avsc files$/.test(thrown.message)) return [] as readonly SchemaFile[];
    throw thrown;
  });
  const taken = new Set(files.map(({ path }) => path.slice(folder.length).replace(/^\/+/, '')));
  const pulled: PulledSchema[] = [];
  for (const version of versions.filter((one) => one !== null)) {
    const { subject, version: number, id } = version;
    const row = rowOf(definitionOf(version));
    const file = files.find((one) => one.subject === subject);
    const path = file?.path ?? join(folder, fileNameOf(subject, taken));
    if (file === undefined) taken.add(path.slice(folder.length).replace(/^\/+/, ''));
    const text = textOf(row, subject, file, path);
    const outcome = await write(path, text, file === undefined ? 'overwrite' : existing);
    pulled.push({ subject, path, version: number, id, outcome });
  }
  return pulled;
};

/** `type` and names first, then what is ours, then the rest as it is registered. */
const textOf = (schema: Readonly<Record<string, unknown>>, subject: string, file: SchemaFile | undefined, path: string): string => {
  const { type, name, namespace, doc, ...rest } = schema;
  const head = { type, name, ...(namespace === undefined ? {} : { namespace }), ...(doc === undefined ? {} : { doc }) };
  const known = parseSchemaFile(JSON.stringify(schema), path).subject === subject;
  const own = file?.own ?? (known ? {} : { [SUBJECT_ATTRIBUTE]: subject });
  return formatSchema({ ...head, ...own, ...rest });
};

const write = async (path: string, text: string, existing: 'keep' | 'overwrite'): Promise<PulledSchema['outcome']> => {
  const before = await readFile(path, 'utf8').catch(() => null);
  if (before === text || (before !== null && sameSchema(before, text))) return 'unchanged';
  if (before !== null && existing === 'keep') return 'kept';
  await writeFile(path, text);
  return 'wrote';
};

const sameSchema = (a: string, b: string): boolean => {
  const [one, other] = [a, b].map((text) => parseSchemaFile(text, ''));
  return fullName(one!.avro) === fullName(other!.avro) && JSON.stringify(one!.avro) === JSON.stringify(other!.avro);
};
