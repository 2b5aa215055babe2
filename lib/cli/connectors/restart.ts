import type { Command } from 'commander';
import { control, controlCommand } from './control.ts';
import type { TargetFlags } from './target.ts';

interface RestartFlags extends TargetFlags {
  readonly failed?: true;
}

const restart = async (what: readonly string[], flags: RestartFlags): Promise<void> => void (await control('restart', what, flags, { parts: flags.failed === true ? 'failed' : 'all' }));

export const command = (): Command => controlCommand('restart', 'Restarts connectors and their tasks.').option('--failed', 'restart only what has failed').action(restart);
