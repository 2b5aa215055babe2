import { Command } from 'commander';
import { generateFolder, writeModules } from '../../schemas/index.ts';
import { exitCodes, printJson, printLine, tell, UnhealthyError } from '../shared.ts';
import { DEFAULT_FOLDER } from './target.ts';

interface TypesFlags {
  readonly check?: true;
  readonly json?: true;
}

const check = async (folder: string, { json }: TypesFlags): Promise<void> => {
  const modules = await generateFolder(folder);
  const stale = modules.filter((module) => module.stale);
  if (json === true) printJson(modules.map(({ path, stale: isStale }) => ({ path, outcome: isStale ? 'stale' : 'unchanged' })));
  else for (const module of stale) printLine(`stale ${module.path}`);
  if (stale.length === 0) return;
  tell(`Run: millrace schemas types ${folder}`);
  throw new UnhealthyError(`${stale.length} generated modules are stale`);
};

const write = async (folder: string, { json }: TypesFlags): Promise<void> => {
  const modules = await generateFolder(folder);
  await writeModules(modules);
  const outcomes = modules.map(({ path, stale }) => ({ path, outcome: stale ? 'wrote' : 'unchanged' }));
  if (json === true) printJson(outcomes);
  else for (const { path, outcome } of outcomes) printLine(`${outcome} ${path}`);
};

export const command = (): Command =>
  new Command('types')
    .description(
      'Writes a TypeScript module beside each *.avsc: the type of the row and the schema value that codecs take. Types follow connect.name; int64 is bigint, ' +
        "and becomes number where the codec says so: debezium(row, { int64: 'number' }).",
    )
    .argument('[folder]', 'where the schemas are', DEFAULT_FOLDER)
    .option('--check', 'write nothing; say which modules are not what their schemas give')
    .option('--json', 'as JSON: an array of { path, outcome }')
    .addHelpText('after', exitCodes('0  done; with --check: no module is stale', '1  failed', '2  wrong usage, or a schema that is none', '3  with --check: a module is stale'))
    .action(async (folder: string, flags: TypesFlags) => (flags.check === undefined ? write(folder, flags) : check(folder, flags)));
