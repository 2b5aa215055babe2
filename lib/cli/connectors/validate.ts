import { Command } from 'commander';
import { expectValid, loadConnectors, validateConnectors } from '../../connect/index.ts';
import { EXIT, exitCodes, printJson, printLine, tell } from '../shared.ts';
import { addCheckOptions, checkOptions, INTERRUPTED, withTarget, type CheckFlags } from './target.ts';

const validate = async (paths: readonly string[], flags: CheckFlags): Promise<void> => {
  const connectors = await loadConnectors(paths);
  await withTarget(flags, async (target) => {
    const validation = await validateConnectors(connectors, checkOptions(flags, target));
    const { problems, notes, faults } = validation;
    if (flags.json === true) {
      printJson({ valid: problems.length + faults.length === 0, connectors: connectors.map(({ name, file }) => ({ name, file })), problems, notes, faults });
      if (problems.length > 0) process.exitCode = EXIT.usage;
      else if (faults.length > 0) process.exitCode = EXIT.failed;
      return;
    }
    for (const note of notes) tell(`note: ${note}`);
    expectValid(validation);
    for (const { name } of connectors) printLine(`${name} valid`);
  });
};

export const command = (): Command =>
  addCheckOptions(new Command('validate'))
    .description('Asks Connect whether connectors from JSON files would work, and looks into their database and registry. Shows every error of every file by key; changes nothing.')
    .argument('<paths...>', 'files, or folders whose .json files are taken')
    .option('--json', 'as JSON: { valid, connectors, problems, notes, faults }')
    .addHelpText('after', exitCodes('0  all are valid', '1  Connect or the registry does not answer', '2  wrong usage, or an error in a file', INTERRUPTED))
    .action(validate);
