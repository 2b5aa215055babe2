/** Schema files: the types made from them, and how they stand to what is registered. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError, messageOf } from '../core/errors.ts';
import { generateTypes } from './generate.ts';

export { generateTypes } from './generate.ts';
export { checkSchema, problemLines, type SchemaCheck, type Versions } from './check.ts';
export { diffSchema, type FieldChange, type FieldShape, type SchemaDiff } from './diff.ts';
export { loadSchemas, type SchemaFile } from './files.ts';
export { pullSchemas, type PulledSchema } from './pull.ts';
export { pushSchemas, type PushedSchema } from './push.ts';
export { RegistryClient, type RegistryClientOptions } from './registry-client.ts';

/** A generated module beside its schema file. */
export interface GeneratedModule {
  /** Path of the schema file, under the folder's path as it was given. */
  readonly schemaPath: string;
  /** Path of the module: the same with `.ts`. */
  readonly path: string;
  readonly source: string;
  /** Whether the module on disk is missing or differs. */
  readonly stale: boolean;
}

const readOrNull = async (path: string): Promise<string | null> => {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw thrown;
  }
};

/** Generates the modules of all `*.avsc` in a folder (not below it), by name, without writing. Throws `ConfigurationError` naming every file that is not valid. */
export const generateFolder = async (folder: string): Promise<readonly GeneratedModule[]> => {
  let names: string[];
  try {
    names = (await readdir(folder)).filter((name) => name.endsWith('.avsc')).sort();
  } catch (cause) {
    throw new ConfigurationError([`${folder} cannot be read: ${messageOf(cause)}`], { cause });
  }
  if (names.length === 0) throw new ConfigurationError([`${folder} has no *.avsc files`]);
  const problems: string[] = [];
  const modules: GeneratedModule[] = [];
  for (const name of names) {
    const schemaPath = join(folder, name);
    const path = schemaPath.replace(/\.avsc$/, '.ts');
    try {
      const source = generateTypes(await readFile(schemaPath, 'utf8'), name);
      modules.push({ schemaPath, path, source, stale: (await readOrNull(path)) !== source });
    } catch (thrown) {
      if (!(thrown instanceof ConfigurationError)) throw thrown;
      problems.push(...thrown.problems);
    }
  }
  if (problems.length > 0) throw new ConfigurationError(problems);
  return modules;
};

/** Writes the modules that are stale. */
export const writeModules = async (modules: readonly GeneratedModule[]): Promise<void> => {
  for (const module of modules) if (module.stale) await writeFile(module.path, module.source);
};
