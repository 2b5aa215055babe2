import { Command } from 'commander';
import { applyConnectors, connectorStatus, loadConnectors, type AppliedConnector, type ConnectOptions } from '../../connect/index.ts';
import { exitCodes, printJson, printLine, tell } from '../shared.ts';
import { addCheckOptions, checkOptions, INTERRUPTED, withTarget, type CheckFlags } from './target.ts';

/** An unchanged connector is left alone, also when it has failed: that is said. */
const tellFailed = async (applied: readonly AppliedConnector[], connect: ConnectOptions): Promise<void> => {
  const unchanged = applied.filter(({ outcome }) => outcome === 'unchanged').map(({ name }) => name);
  for (const { name, state, cause, tasks, failed } of await connectorStatus(unchanged, connect)) {
    if (!failed) continue;
    const part = [{ state, cause }, ...tasks].find((each) => each.state === 'FAILED');
    tell(`note: ${name} has failed (${part?.cause ?? 'Connect does not say why'}); try it again with: millrace connectors restart ${name} --failed`);
  }
};

const apply = async (paths: readonly string[], flags: CheckFlags): Promise<void> => {
  const connectors = await loadConnectors(paths);
  await withTarget(flags, async (target) => {
    const applied = await applyConnectors(connectors, { ...checkOptions(flags, target), failed: 'leave' });
    if (flags.json === true) printJson(applied);
    else for (const { name, outcome } of applied) printLine(`${name} ${outcome}`);
    await tellFailed(applied, target.connect);
  });
};

export const command = (): Command =>
  addCheckOptions(new Command('apply'))
    .description(
      'Creates or changes connectors from JSON files in either form of Connect, { "name", "config" } or the flat map. All files are validated ' +
        'first; if one has an error, every error is shown by key and nothing is applied. To a connector that is as its file says nothing is sent: none of its tasks restarts.',
    )
    .argument('<paths...>', 'files, or folders whose .json files are taken')
    .option('--json', 'as JSON: an array of { name, outcome }')
    .addHelpText('after', exitCodes('0  all are applied', '1  Connect or the registry does not answer, or Connect refuses', '2  wrong usage, or an error in a file: nothing is applied', INTERRUPTED))
    .action(apply);
