import type { Command } from 'commander';
import { control, controlCommand } from './control.ts';
import type { TargetFlags } from './target.ts';

export const command = (): Command =>
  controlCommand('resume', 'Lets paused connectors go on where they stopped.').action(
    async (what: readonly string[], flags: TargetFlags): Promise<void> => void (await control('resume', what, flags)),
  );
