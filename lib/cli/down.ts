import { Command } from 'commander';
import { down } from '../stack/index.ts';
import { addDirOption, exitCodes, printJson, printLine } from './shared.ts';

export const command = (): Command =>
  addDirOption(new Command('down'))
    .description('Stops every service of the local stack, within 15 s, and keeps its data, ports and logs.')
    .option('--json', 'as JSON: { dir, stopped }')
    .addHelpText('after', exitCodes('0  nothing runs any more', '1  failed', '2  wrong usage'))
    .action(async ({ dir, json }: { readonly dir: string; readonly json?: true }) => {
      const stopped = await down({ dir });
      if (json === true) printJson({ dir, stopped });
      else printLine(stopped.length === 0 ? 'nothing was running' : `stopped ${stopped.join(', ')}`);
    });
