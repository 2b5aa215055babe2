import type { Command } from 'commander';
import { tell } from '../shared.ts';
import { control, controlCommand } from './control.ts';
import type { TargetFlags } from './target.ts';

const remove = async (what: readonly string[], flags: TargetFlags): Promise<void> => {
  const done = await control('delete', what, flags);
  if (done.length > 0) tell('Left in the database: replication slot and publication. A slot that nobody reads keeps the WAL: SELECT pg_drop_replication_slot(NAME); DROP PUBLICATION NAME;');
};

export const command = (): Command => controlCommand('delete', 'Deletes connectors. Their topics, and the slot and publication in the database, stay.').action(remove);
