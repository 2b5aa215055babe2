import { Command } from 'commander';
import { rm } from 'node:fs/promises';
import { cacheFolder, clean } from '../stack/index.ts';
import { addDirOption, printLine } from './shared.ts';

interface CleanFlags {
  readonly dir: string;
  readonly cache?: true;
}

export const command = (): Command =>
  addDirOption(new Command('clean'))
    .description('Stops the local stack and deletes its data, logs, ports and passwords.')
    .option('--cache', 'also delete the downloaded programs, which all stacks of this user share')
    .action(async ({ dir, cache }: CleanFlags) => {
      const stopped = await clean({ dir });
      if (stopped.length > 0) printLine(`stopped ${stopped.join(', ')}`);
      printLine(`deleted the data of ${dir}`);
      if (cache === undefined) return;
      await rm(cacheFolder(), { recursive: true, force: true });
      printLine(`deleted ${cacheFolder()}`);
    });
