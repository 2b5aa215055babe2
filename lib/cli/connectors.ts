import { Command } from 'commander';
import { command as apply } from './connectors/apply.ts';
import { command as remove } from './connectors/delete.ts';
import { command as diff } from './connectors/diff.ts';
import { command as pause } from './connectors/pause.ts';
import { command as restart } from './connectors/restart.ts';
import { command as resume } from './connectors/resume.ts';
import { command as scaffold } from './connectors/scaffold.ts';
import { command as status } from './connectors/status.ts';
import { command as validate } from './connectors/validate.ts';

export const command = (): Command => {
  const connectors = new Command('connectors').description('Connectors of Kafka Connect as files: written, checked, compared, applied, watched.');
  for (const subcommand of [scaffold, validate, diff, apply, status, restart, pause, resume, remove]) connectors.addCommand(subcommand());
  return connectors;
};
