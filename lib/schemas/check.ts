import { misfitsOf } from '../serde/avro-reader.ts';
import { parseOwn, parseWriter } from '../serde/avro-schema.ts';
import { incompatibilities, type Incompatibility } from './compatibility.ts';
import { subjectOf, type SchemaFile } from './files.ts';
import { readerOf, rowTypeOf, writerOf } from './registered.ts';
import type { RegisteredSchema, RegistryClient } from './registry-client.ts';

/** Which of the two reads what the other has written. */
export type Direction = 'backward' | 'forward';

/** What does not fit one registered version. */
export interface VersionProblem extends Incompatibility {
  readonly version: number;
  readonly id: number;
  /** backward: the file cannot read what the version has written; forward: the version cannot read what the file writes. */
  readonly direction: Direction;
}

export interface SchemaCheck {
  readonly path: string;
  readonly subject: string;
  /** `row`: the file only reads, so that whatever the mode is, it has to read every version. */
  readonly kind: SchemaFile['kind'];
  /** The subject's compatibility mode. */
  readonly mode: string;
  /** absent: nothing is registered yet, so that everything fits. */
  readonly outcome: 'compatible' | 'incompatible' | 'absent';
  /** The versions that were compared. */
  readonly versions: readonly number[];
  readonly problems: readonly VersionProblem[];
  /** What the registry itself says against it. */
  readonly registry: readonly string[];
}

/** `all` registered versions, or the `latest` only, which is all that a registry looks at unless the mode is transitive. */
export type Versions = 'all' | 'latest';

const directionsOf = (mode: string): readonly Direction[] => {
  if (mode.startsWith('FULL')) return ['backward', 'forward'];
  if (mode.startsWith('BACKWARD')) return ['backward'];
  return mode.startsWith('FORWARD') ? ['forward'] : [];
};

const inValues = (file: SchemaFile, registered: RegisteredSchema, mode: string): VersionProblem[] =>
  directionsOf(mode).flatMap((direction) => {
    const found = direction === 'backward' ? incompatibilities(parseOwn(file.avro), writerOf(registered)) : incompatibilities(readerOf(registered), parseWriter(file.avro));
    return found.map((problem) => ({ ...problem, version: registered.version, id: registered.id, direction }));
  });

/** By the library's own reader, which also knows Debezium's units, and minds nulls only when they come. */
const inRow = (file: SchemaFile, registered: RegisteredSchema): VersionProblem[] =>
  misfitsOf(parseOwn(file.avro), rowTypeOf(writerOf(registered)), { int64: 'bigint', nulls: 'refuse' }).map(({ path, reason }) => ({ path, reason, version: registered.version, id: registered.id, direction: 'backward' }));

/** Whether a file fits every registered version of its subject under the subject's mode. Changes nothing. Throws `ConfigurationError` for a file without a subject. */
export const checkSchema = async (client: RegistryClient, file: SchemaFile, which: Versions = 'all'): Promise<SchemaCheck> => {
  const subject = subjectOf(file);
  const all = await client.versions(subject);
  const versions = which === 'all' || all.length === 0 ? all : all.slice(-1);
  const common = { path: file.path, subject, kind: file.kind, versions: versions.map(({ version }) => version) };
  if (all.length === 0) return { ...common, mode: await client.mode(subject), outcome: 'absent', problems: [], registry: [] };
  const mode = await client.mode(subject);
  const problems = versions.flatMap((version) => (file.kind === 'row' ? inRow(file, version) : inValues(file, version, mode)));
  const registry = file.kind === 'row' || mode === 'NONE' ? [] : await refusals(client, file, { subject, which });
  return { ...common, mode, outcome: problems.length + registry.length === 0 ? 'compatible' : 'incompatible', problems, registry };
};

const refusals = async (client: RegistryClient, file: SchemaFile, { subject, which }: { readonly subject: string; readonly which: Versions }): Promise<readonly string[]> => {
  const { compatible, messages } = await client.isCompatible(subject, JSON.stringify(file.avro), which);
  if (compatible) return [];
  return messages.length > 0 ? messages : ['the registry would refuse it, and does not say why'];
};

/** One line for each problem: `field: why (version 3, id 17)`. */
export const problemLines = ({ problems, registry, mode }: SchemaCheck): readonly string[] => {
  const lines = problems.map(({ path, reason, version, id, direction }) => {
    const who = direction === 'forward' ? `, which version ${version} (id ${id}) would have to read` : ` of version ${version} (id ${id})`;
    return `${path === '' ? 'the schema' : path}: ${reason}${who}`;
  });
  return lines.length > 0 ? lines : registry.map((message) => `${message} (${mode})`);
};
