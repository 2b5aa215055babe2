import { Command } from 'commander';
import { pushSchemas } from '../../schemas/index.ts';
import { exitCodes, printJson, printLine, tell, UnhealthyError } from '../shared.ts';
import { addVersionsOption, asText } from './check.ts';
import { addFileOptions, filesOf, INTERRUPTED, REGISTRY_DOWN, withRegistry, type CheckFlags } from './target.ts';

const run = async (paths: readonly string[], flags: CheckFlags): Promise<void> => {
  const all = await filesOf(paths, flags);
  // In a folder rows of Debezium's stand beside the topology's own values.
  const files = all.filter(({ kind, path }) => kind === 'value' || paths.includes(path));
  for (const { path, subject } of all) if (!files.some((file) => file.path === path)) tell(`note: ${path} is a row of ${subject}, which the connector registers; left out`);
  await withRegistry(flags, async (client) => {
    const pushed = await pushSchemas(client, files, flags.versions);
    if (flags.json === true) printJson(pushed);
    else for (const { path, subject, outcome, version, id, check } of pushed) printLine(check?.outcome === 'incompatible' ? asText(check) : `${path} ${outcome} as ${subject} version ${version} (id ${id})`);
    if (pushed.some(({ outcome }) => outcome === 'incompatible')) throw new UnhealthyError();
  });
};

export const command = (): Command =>
  addVersionsOption(addFileOptions(new Command('push')))
    .description("Registers schema files of values as the next version of their subjects, and says version and id. One that does not fit, as check sees it, is not registered. Rows of Debezium's are the connector's.")
    .option('--json', 'as JSON: an array of { path, subject, outcome, version, id, check }')
    .addHelpText('after', exitCodes('0  all are registered', REGISTRY_DOWN, '2  wrong usage, or an error in a file: nothing is registered', '3  a file does not fit and was not registered', INTERRUPTED))
    .action(run);
