import { Command } from 'commander';
import { down } from '../stack/index.ts';
import { addDirOption, printLine } from './shared.ts';

export const command = (): Command =>
  addDirOption(new Command('down'))
    .description('Stops every service of the local stack, within 15 s, and keeps its data, ports and logs.')
    .action(async ({ dir }: { readonly dir: string }) => {
      const stopped = await down({ dir });
      printLine(stopped.length === 0 ? 'nothing was running' : `stopped ${stopped.join(', ')}`);
    });
