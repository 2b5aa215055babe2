import { Command } from 'commander';
import { generateFolder, writeModules } from '../schemas/index.ts';
import { printLine, tell, UnhealthyError } from './shared.ts';

interface TypesFlags {
  readonly check?: true;
}

const check = async (folder: string): Promise<void> => {
  const stale = (await generateFolder(folder)).filter((module) => module.stale);
  for (const module of stale) printLine(`stale ${module.path}`);
  if (stale.length === 0) return;
  tell(`Run: millrace schemas types ${folder}`);
  throw new UnhealthyError(`${stale.length} generated modules are stale`);
};

const write = async (folder: string): Promise<void> => {
  const modules = await generateFolder(folder);
  await writeModules(modules);
  for (const module of modules) printLine(`${module.stale ? 'wrote' : 'unchanged'} ${module.path}`);
};

const types = (): Command =>
  new Command('types')
    .description('Writes a TypeScript module beside each *.avsc: the type of the row and the schema value that codecs take.')
    .argument('[folder]', 'where the schemas are', 'schemas')
    .option('--check', 'write nothing; exit 3 when a module is not what its schema gives')
    .action(async (folder: string, flags: TypesFlags) => (flags.check === undefined ? write(folder) : check(folder)));

export const command = (): Command => new Command('schemas').description('Avro schemas and the types made from them.').addCommand(types());
