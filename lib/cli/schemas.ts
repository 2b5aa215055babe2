import { Command } from 'commander';
import { command as check } from './schemas/check.ts';
import { command as diff } from './schemas/diff.ts';
import { command as pull } from './schemas/pull.ts';
import { command as push } from './schemas/push.ts';
import { command as types } from './schemas/types.ts';

export const command = (): Command => {
  const schemas = new Command('schemas').description('Avro schemas as files: pulled, checked, compared, pushed, and the types made from them.');
  for (const subcommand of [pull, types, check, diff, push]) schemas.addCommand(subcommand());
  return schemas;
};
