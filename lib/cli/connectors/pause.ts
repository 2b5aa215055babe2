import type { Command } from 'commander';
import { control, controlCommand } from './control.ts';
import type { TargetFlags } from './target.ts';

export const command = (): Command =>
  controlCommand('pause', 'Pauses connectors: their tasks stop reading. The database keeps its WAL for them.').action(
    async (what: readonly string[], flags: TargetFlags): Promise<void> => void (await control('pause', what, flags)),
  );
