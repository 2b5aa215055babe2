import { Command } from 'commander';
import { applyConnectors, connectorStatus, loadConnectors, type ConnectorStatus } from '../connect/index.ts';
import { ConfigurationError } from '../core/errors.ts';
import { attach } from '../stack/index.ts';
import { addDirOption, exitCodes, interruptible, printJson, printLine, seconds, table, UnhealthyError } from './shared.ts';

interface TargetFlags {
  readonly dir: string;
  readonly connectUrl?: string;
  readonly json?: true;
}

interface WatchFlags extends TargetFlags {
  readonly wait: number;
}

const INTERRUPTED = '130, 143  interrupted';

const addTargetOptions = (command: Command): Command =>
  addDirOption(command).option('--connect-url <url>', "Kafka Connect's REST API (or MILLRACE_CONNECT_URL; else the local stack's)", process.env.MILLRACE_CONNECT_URL);

const connectUrlOf = async (flags: TargetFlags): Promise<string> => {
  if (flags.connectUrl !== undefined) return flags.connectUrl;
  const { endpoints } = await attach({ dir: flags.dir });
  if (endpoints.connectUrl === undefined) throw new ConfigurationError([`The stack in ${flags.dir} has no Connect`]);
  return endpoints.connectUrl;
};

const asTable = (connectors: readonly ConnectorStatus[]): string =>
  table(
    ['CONNECTOR', 'PART', 'STATE', 'CAUSE'],
    connectors.flatMap((connector) => [
      [connector.name, 'connector', connector.state, connector.cause ?? ''],
      ...connector.tasks.map((task) => [connector.name, `task ${task.id}`, task.state, task.cause ?? '']),
    ]),
  );

const apply = async (paths: readonly string[], flags: TargetFlags): Promise<void> => {
  const connectors = await loadConnectors(paths);
  const connectUrl = await connectUrlOf(flags);
  const code = await interruptible(async (signal) => {
    const applied = await applyConnectors(connectors, { connectUrl, signal });
    if (flags.json === true) printJson(applied);
    else for (const { name, outcome } of applied) printLine(`${name} ${outcome}`);
  });
  if (code !== undefined) process.exitCode = code;
};

const watch = async (paths: readonly string[], flags: WatchFlags): Promise<void> => {
  const names = paths.length === 0 ? 'all' : (await loadConnectors(paths)).map((connector) => connector.name);
  const connectUrl = await connectUrlOf(flags);
  const code = await interruptible(async (signal) => {
    const found = await connectorStatus(names, { connectUrl, signal, waitMs: flags.wait * 1000 });
    if (flags.json === true) printJson(found);
    else printLine(asTable(found));
    if (found.some((connector) => !connector.running)) throw new UnhealthyError();
  });
  if (code !== undefined) process.exitCode = code;
};

export const command = (): Command => {
  const connectors = new Command('connectors').description('Applies and watches the connectors of Kafka Connect.');
  addTargetOptions(connectors.command('apply'))
    .description(
      'Creates or changes connectors from JSON files in either form of Connect, { "name", "config" } or the flat map. All files are validated ' +
        'first; if one has an error, every error is shown by field and nothing is applied. ${env:NAME} is resolved by Connect.',
    )
    .argument('<paths...>', 'files, or folders whose .json files are taken')
    .option('--json', 'as JSON: an array of { name, outcome }')
    .addHelpText('after', exitCodes('0  all are applied', '1  Connect does not answer or refuses', '2  wrong usage, or an error in a file: nothing is applied', INTERRUPTED))
    .action(apply);
  addTargetOptions(connectors.command('status'))
    .description('Shows the state of connectors and of each of their tasks, with the cause of a failure.')
    .argument('[paths...]', 'files or folders with connectors; all connectors unless given')
    .option('--wait <seconds>', 'wait that long for all to run', seconds, 0)
    .option('--json', 'as JSON: an array of connectors with their tasks')
    .addHelpText('after', exitCodes('0  all are RUNNING', '1  Connect does not answer', '2  wrong usage, or an error in a file', '3  not all are RUNNING', INTERRUPTED))
    .action(watch);
  return connectors;
};
