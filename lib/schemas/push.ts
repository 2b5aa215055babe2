import { ConfigurationError, StopError } from '../core/errors.ts';
import { checkSchema, type SchemaCheck, type Versions } from './check.ts';
import { subjectOf, type SchemaFile } from './files.ts';
import type { RegistryClient } from './registry-client.ts';

export interface PushedSchema {
  readonly path: string;
  readonly subject: string;
  /** unchanged: the subject has exactly this schema already. */
  readonly outcome: 'registered' | 'unchanged' | 'incompatible';
  readonly version: number | null;
  readonly id: number | null;
  /** Null where the schema was there already. */
  readonly check: SchemaCheck | null;
}

/** Registers one schema, unless it does not fit what is registered. */
const pushOne = async (client: RegistryClient, file: SchemaFile, versions: Versions): Promise<PushedSchema> => {
  const subject = subjectOf(file);
  const text = JSON.stringify(file.avro);
  const common = { path: file.path, subject };
  const before = await client.find(subject, text);
  if (before !== null) return { ...common, outcome: 'unchanged', version: before.version, id: before.id, check: null };
  const check = await checkSchema(client, file, versions);
  if (check.outcome === 'incompatible') return { ...common, outcome: 'incompatible', version: null, id: null, check };
  const id = await client.register(subject, text);
  const now = await client.find(subject, text);
  if (now === null) throw new StopError(`${subject} was given the schema of ${file.path} as id ${id}, and does not have it`);
  return { ...common, outcome: 'registered', version: now.version, id: now.id, check };
};

/**
 * Registers schemas of values, each as the next version of its subject. One that does not fit is not registered, the others are.
 * Throws `ConfigurationError`, and registers nothing, when a file has no subject or is a row of Debezium's: that schema is the connector's to register.
 */
export const pushSchemas = async (client: RegistryClient, files: readonly SchemaFile[], versions: Versions = 'all'): Promise<readonly PushedSchema[]> => {
  const problems = files.flatMap((file) => {
    if (file.kind === 'row') return [`${file.path}: it is a row of ${file.subject}, which the connector registers; push is for the values that a topology writes`];
    try {
      subjectOf(file);
      return [];
    } catch (thrown) {
      if (!(thrown instanceof ConfigurationError)) throw thrown;
      return thrown.problems;
    }
  });
  if (problems.length > 0) throw new ConfigurationError(problems);
  const pushed: PushedSchema[] = [];
  for (const file of files) pushed.push(await pushOne(client, file, versions));
  return pushed;
};
