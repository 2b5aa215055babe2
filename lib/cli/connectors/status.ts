import { Command } from 'commander';
import { connectorStatus, type ConnectorStatus } from '../../connect/index.ts';
import { exitCodes, printJson, printLine, seconds, table, UnhealthyError } from '../shared.ts';
import { addTargetOptions, INTERRUPTED, namesOf, withTarget, type TargetFlags } from './target.ts';

interface StatusFlags extends TargetFlags {
  readonly wait: number;
}

const asTable = (connectors: readonly ConnectorStatus[]): string =>
  table(
    ['CONNECTOR', 'PART', 'STATE', 'CAUSE'],
    connectors.flatMap((connector) => [
      [connector.name, 'connector', connector.state, connector.cause ?? ''],
      ...connector.tasks.map((task) => [connector.name, `task ${task.id}`, task.state, task.cause ?? '']),
    ]),
  );

const status = async (what: readonly string[], flags: StatusFlags): Promise<void> => {
  const names = what.length === 0 ? 'all' : await namesOf(what);
  await withTarget(flags, async ({ connect }) => {
    const found = await connectorStatus(names, { ...connect, waitMs: flags.wait * 1000 });
    if (flags.json === true) printJson(found);
    else printLine(asTable(found));
    if (found.some((connector) => !connector.running)) throw new UnhealthyError();
  });
};

export const command = (): Command =>
  addTargetOptions(new Command('status'))
    .description('Shows the state of connectors and of each of their tasks, with the cause of a failure.')
    .argument('[connectors...]', 'files or folders with connectors, or their names; all connectors unless given')
    .option('--wait <seconds>', 'wait that long for all to run', seconds, 0)
    .option('--json', 'as JSON: an array of connectors with their tasks')
    .addHelpText('after', exitCodes('0  all are RUNNING', '1  Connect does not answer', '2  wrong usage, or an error in a file', '3  not all are RUNNING', INTERRUPTED))
    .action(status);
