import { Command, Option } from 'commander';
import { checkSchema, problemLines, type SchemaCheck } from '../../schemas/index.ts';
import { exitCodes, printJson, printLine, tell, UnhealthyError } from '../shared.ts';
import { addFileOptions, filesOf, INTERRUPTED, REGISTRY_DOWN, withRegistry, type CheckFlags } from './target.ts';

export const addVersionsOption = (command: Command): Command =>
  command.addOption(new Option('--versions <which>', 'the registered versions to fit: all, or the latest, as a registry does unless the mode is transitive').choices(['all', 'latest']).default('all'));

export const asText = (check: SchemaCheck): string => {
  const { path, subject, outcome, mode, versions, kind } = check;
  if (outcome === 'absent') return `${path} absent: the registry has no ${subject}`;
  const how = kind === 'row' ? 'read' : mode;
  const head = `${path} ${outcome} with ${subject}, ${versions.length === 1 ? `version ${versions[0]}` : `versions ${versions[0]} to ${versions.at(-1)}`} (${how})`;
  return [head, ...problemLines(check).map((line) => `  ${line}`)].join('\n');
};

const run = async (paths: readonly string[], flags: CheckFlags): Promise<void> => {
  const files = await filesOf(paths, flags);
  await withRegistry(flags, async (client) => {
    const checks: SchemaCheck[] = [];
    for (const file of files) checks.push(await checkSchema(client, file, flags.versions));
    if (flags.json === true) printJson(checks);
    else for (const check of checks) printLine(asText(check));
    for (const { subject, mode, kind, outcome } of checks) if (mode === 'NONE' && kind === 'value' && outcome === 'compatible') tell(`note: ${subject} has the mode NONE: the registry takes any schema`);
    if (checks.some(({ outcome }) => outcome === 'incompatible')) throw new UnhealthyError();
  });
};

export const command = (): Command =>
  addVersionsOption(addFileOptions(new Command('check')))
    .description(
      'Says whether schema files fit what is registered: a file of a value under its subject\'s compatibility mode, as the registry sees it and field by field; a row of ' +
        "Debezium's whether it reads every version. Changes nothing.",
    )
    .option('--json', 'as JSON: an array of { path, subject, kind, mode, outcome, versions, problems, registry }')
    .addHelpText('after', exitCodes('0  all fit', REGISTRY_DOWN, '2  wrong usage, or an error in a file', '3  a file does not fit', INTERRUPTED))
    .action(run);
