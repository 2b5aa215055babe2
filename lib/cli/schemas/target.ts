/** What the commands over a registry take: where it is, and which files are meant. */
import type { Command } from 'commander';
import { ConfigurationError } from '../../core/errors.ts';
import { RegistryClient, loadSchemas, type SchemaFile, type Versions } from '../../schemas/index.ts';
import { attach } from '../../stack/index.ts';
import { addDirOption, interruptible, tell } from '../shared.ts';

export interface TargetFlags {
  readonly dir: string;
  readonly registryUrl?: string;
  readonly json?: true;
}

export interface FileFlags extends TargetFlags {
  readonly subject?: string;
}

export interface CheckFlags extends FileFlags {
  readonly versions: Versions;
}

export const DEFAULT_FOLDER = 'schemas';
export const INTERRUPTED = '130, 143  interrupted';
export const REGISTRY_DOWN = '1  the registry does not answer, or refuses';

export const addTargetOptions = (command: Command): Command =>
  addDirOption(command).option('--registry-url <url>', "the registry's Confluent-compatible API (or MILLRACE_REGISTRY_URL; else the local stack's)");

export const addFileOptions = (command: Command): Command =>
  addTargetOptions(command)
    .argument('[paths...]', `files, or folders whose .avsc files are taken; ${DEFAULT_FOLDER} unless given`)
    .option('--subject <name>', 'the subject of the one file, instead of what it says');

const registryUrlOf = async ({ dir, registryUrl }: TargetFlags): Promise<string> => {
  // No default of the option: it may carry a password, and help shows defaults.
  const given = registryUrl ?? process.env.MILLRACE_REGISTRY_URL ?? '';
  if (given !== '') return given;
  const { endpoints } = await attach({ dir });
  if (endpoints.registryUrl === undefined) throw new ConfigurationError([`The stack in ${dir} has no schema registry`]);
  return endpoints.registryUrl;
};

/** Runs a command against the registry; a signal ends it. */
export const withRegistry = async (flags: TargetFlags, task: (client: RegistryClient) => Promise<void>): Promise<void> => {
  const code = await interruptible(async (signal) => task(new RegistryClient({ registryUrl: await registryUrlOf(flags), signal })));
  if (code !== undefined) process.exitCode = code;
};

/** The files that are meant. Of a folder those about a subject are taken; a file that is named must be about one. */
export const filesOf = async (paths: readonly string[], { subject }: FileFlags): Promise<readonly SchemaFile[]> => {
  const wanted = paths.length === 0 ? [DEFAULT_FOLDER] : paths;
  const files = await loadSchemas(wanted, subject);
  const taken = files.filter((file) => file.subject !== null || wanted.includes(file.path));
  for (const { path } of files) if (!taken.some((file) => file.path === path)) tell(`note: ${path} says no subject ("millrace.subject"); left out`);
  return taken;
};
