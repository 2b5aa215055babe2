import { Command } from 'commander';
import { diffSchema, type FieldChange, type FieldShape, type SchemaDiff } from '../../schemas/index.ts';
import { exitCodes, printJson, printLine, UnhealthyError } from '../shared.ts';
import { addFileOptions, filesOf, INTERRUPTED, REGISTRY_DOWN, withRegistry, type FileFlags } from './target.ts';

const SIGNS: Readonly<Record<FieldChange['kind'], string>> = { added: '+', removed: '-', changed: '~', unused: ' ' };

const shapeText = ({ type, default: value }: FieldShape): string => (value === undefined ? type : `${type} = ${JSON.stringify(value)}`);

const lineOf = ({ path, kind, file, registry }: FieldChange): string => {
  const shapes = [registry, file].filter((shape) => shape !== undefined).map(shapeText);
  return `  ${SIGNS[kind]} ${path}: ${shapes.join(' -> ')}${kind === 'unused' ? ' (not used)' : ''}`;
};

const asText = ({ path, subject, outcome, version, id, changes }: SchemaDiff): string =>
  [`${path} ${outcome}${version === null ? `: the registry has no ${subject}` : `, ${subject} version ${version} (id ${id})`}`, ...changes.map(lineOf)].join('\n');

const run = async (paths: readonly string[], flags: FileFlags): Promise<void> => {
  const files = await filesOf(paths, flags);
  await withRegistry(flags, async (client) => {
    const diffs: SchemaDiff[] = [];
    for (const file of files) diffs.push(await diffSchema(client, file));
    if (flags.json === true) printJson(diffs);
    else for (const diff of diffs) printLine(asText(diff));
    if (diffs.some(({ outcome }) => outcome !== 'same')) throw new UnhealthyError();
  });
};

export const command = (): Command =>
  addFileOptions(new Command('diff'))
    .description(
      "Shows how schema files differ from the latest version of their subjects: + in the file only, - in the registry only, ~ changed, from the registry's type and default to the " +
        "file's. Columns that a row of Debezium's leaves out are shown and are no difference. Changes nothing.",
    )
    .option('--json', 'as JSON: an array of { path, subject, outcome, version, id, changes }')
    .addHelpText('after', exitCodes('0  nothing differs', REGISTRY_DOWN, '2  wrong usage, or an error in a file', '3  something differs, or a subject is not there', INTERRUPTED))
    .action(run);
