import { Command } from 'commander';
import { rm } from 'node:fs/promises';
import { cacheFolder, clean } from '../stack/index.ts';
import { addDirOption, exitCodes, printJson, printLine } from './shared.ts';

interface CleanFlags {
  readonly dir: string;
  readonly cache?: true;
  readonly json?: true;
}

export const command = (): Command =>
  addDirOption(new Command('clean'))
    .description('Stops the local stack and deletes its data, logs, ports and passwords.')
    .option('--cache', 'also delete the downloaded programs, which all stacks of this user share')
    .option('--json', 'as JSON: { dir, stopped, deleted }')
    .addHelpText('after', exitCodes('0  done, also when there was nothing', '1  failed', '2  wrong usage'))
    .action(async ({ dir, cache, json }: CleanFlags) => {
      const stopped = await clean({ dir });
      const cached = cache === true ? [cacheFolder()] : [];
      for (const folder of cached) await rm(folder, { recursive: true, force: true });
      if (json === true) return printJson({ dir, stopped, deleted: [dir, ...cached] });
      if (stopped.length > 0) printLine(`stopped ${stopped.join(', ')}`);
      printLine(`deleted the data of ${dir}`);
      for (const folder of cached) printLine(`deleted ${folder}`);
    });
