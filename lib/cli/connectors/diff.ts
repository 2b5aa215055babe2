import { Command } from 'commander';
import { diffConnectors, loadConnectors, type ConnectorDiff, type KeyChange } from '../../connect/index.ts';
import { exitCodes, printJson, printLine, UnhealthyError } from '../shared.ts';
import { addResolveOptions, CONNECT_DOWN, INTERRUPTED, resolveOptions, withTarget, type ResolveFlags } from './target.ts';

const SIGNS: Readonly<Record<KeyChange['kind'], string>> = { added: '+', removed: '-', changed: '~' };

const asText = ({ name, outcome, changes }: ConnectorDiff): string => {
  const lines = changes.map(({ key, kind, running, file }) => {
    const values = kind === 'changed' ? `${running} -> ${file}` : (file ?? running);
    return `  ${SIGNS[kind]} ${key}: ${values}`;
  });
  return [`${name} ${outcome}`, ...lines].join('\n');
};

const diff = async (paths: readonly string[], flags: ResolveFlags): Promise<void> => {
  const connectors = await loadConnectors(paths);
  await withTarget(flags, async (target) => {
    const found = await diffConnectors(connectors, resolveOptions(flags, target));
    if (flags.json === true) printJson(found);
    else for (const one of found) printLine(asText(one));
    if (found.some(({ outcome }) => outcome !== 'same')) throw new UnhealthyError();
  });
};

export const command = (): Command =>
  addResolveOptions(new Command('diff'))
    .description('Shows what applying connectors from JSON files would change: + added, - removed, ~ changed. Values that may be secret are redacted. Changes nothing.')
    .argument('<paths...>', 'files, or folders whose .json files are taken')
    .option('--json', 'as JSON: an array of { name, file, outcome, changes }')
    .addHelpText('after', exitCodes('0  nothing would change', CONNECT_DOWN, '2  wrong usage, or an error in a file', '3  something would change', INTERRUPTED))
    .action(diff);
