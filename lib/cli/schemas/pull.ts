import { Command } from 'commander';
import type { Topology } from '../../../topology/topology.ts';
import { loadConnectors } from '../../connect/index.ts';
import { nearest } from '../../connect/near.ts';
import { ConfigurationError } from '../../core/errors.ts';
import { plan } from '../../plan/plan.ts';
import { pullSchemas } from '../../schemas/index.ts';
import { exitCodes, printJson, printLine, tell, UnhealthyError } from '../shared.ts';
import { loadTopology } from '../topology-file.ts';
import { addTargetOptions, DEFAULT_FOLDER, INTERRUPTED, REGISTRY_DOWN, withRegistry, type TargetFlags } from './target.ts';

interface PullFlags extends TargetFlags {
  readonly topology?: string;
  readonly connector?: string;
  readonly out: string;
  readonly overwrite?: true;
}

/** Subjects of what a topology reads in Avro. */
const readBy = (topology: Topology): string[] => {
  const { stages, tables } = plan(topology);
  const entries = stages.flatMap((stage) => stage.entries.flatMap(({ topic, codec }) => (codec === 'internal' ? [] : [{ topic, codec }])));
  return [...entries, ...tables].flatMap(({ topic, codec }) => (codec.kind === 'json' ? [] : [`${topic}-value`]));
};

/** Subjects of the tables that a connector captures. */
const writtenBy = async (path: string): Promise<string[]> =>
  (await loadConnectors([path])).flatMap(({ file, config }) => {
    const tables = (config['table.include.list'] ?? '').split(',').map((table) => table.trim().replaceAll('\\.', '.')).filter((table) => table !== '');
    const unclear = tables.filter((table) => !/^[\w.$-]+$/.test(table));
    if (config['topic.prefix'] === undefined || tables.length === 0) throw new ConfigurationError([`${file}: it names no topic.prefix or no table.include.list; name the subjects`]);
    if (unclear.length > 0) throw new ConfigurationError([`${file}: table.include.list has a pattern, ${unclear.join(', ')}; name the subjects`]);
    return tables.map((table) => `${config['topic.prefix']}.${table}-value`);
  });

const run = async (named: readonly string[], flags: PullFlags): Promise<void> => {
  const read = flags.topology === undefined ? [] : readBy(await loadTopology(flags.topology));
  const written = flags.connector === undefined ? [] : await writtenBy(flags.connector);
  const subjects = [...new Set([...named, ...read, ...written])];
  if (subjects.length === 0) throw new ConfigurationError(['which subjects? Name them, or give --topology FILE or --connector FILE']);
  await withRegistry(flags, async (client) => {
    const pulled = await pullSchemas(client, { folder: flags.out, subjects, existing: flags.overwrite === true ? 'overwrite' : 'keep' }, nearest);
    if (flags.json === true) printJson(pulled);
    else for (const { outcome, path, subject, version, id } of pulled) printLine(`${outcome} ${path} (${subject} version ${version}, id ${id})`);
    if (!pulled.some(({ outcome }) => outcome === 'kept')) return;
    tell('What was kept differs: see millrace schemas diff, or pull with --overwrite');
    throw new UnhealthyError();
  });
};

export const command = (): Command =>
  addTargetOptions(new Command('pull'))
    .description("Writes the latest version of subjects into files, of Debezium's envelopes the row: by name, or all that a topology reads or a connector writes.")
    .argument('[subjects...]', 'such as app.public.content-value')
    .option('--topology <file>', 'also the subjects of what this topology reads')
    .option('--connector <file>', 'also the subjects of the tables of this connector, or of the connectors of a folder')
    .option('--out <folder>', 'where the files are', DEFAULT_FOLDER)
    .option('--overwrite', 'also write files that are there and differ; without it they are kept: they may leave columns out on purpose')
    .option('--json', 'as JSON: an array of { subject, path, version, id, outcome }')
    .addHelpText('after', exitCodes('0  the files are as the registry says', REGISTRY_DOWN, '2  wrong usage, an unknown subject, or an error in a file: nothing is written', '3  a file differs and was kept', INTERRUPTED))
    .action(run);
