/** What the commands that tell connectors something have in common. */
import { Command } from 'commander';
import { controlConnectors, type Action, type ControlledConnector, type ControlOptions } from '../../connect/index.ts';
import { exitCodes, printJson, printLine } from '../shared.ts';
import { addTargetOptions, CONNECT_DOWN, INTERRUPTED, namesOf, withTarget, type TargetFlags } from './target.ts';

/** Tells the connectors and shows what was done. */
export const control = async (action: Action, what: readonly string[], flags: TargetFlags, extra: Pick<ControlOptions, 'parts'> = {}): Promise<readonly ControlledConnector[]> => {
  const names = await namesOf(what);
  let done: readonly ControlledConnector[] = [];
  await withTarget(flags, async ({ connect }) => {
    done = await controlConnectors(action, names, { ...connect, ...extra });
    if (flags.json === true) printJson(done);
    else for (const { name, outcome } of done) printLine(`${name} ${outcome}`);
  });
  return done;
};

export const controlCommand = (action: Action, description: string): Command =>
  addTargetOptions(new Command(action))
    .description(`${description} If Connect does not have one of them, nothing is done.`)
    .argument('<connectors...>', 'files or folders with connectors, or their names')
    .option('--json', 'as JSON: an array of { name, outcome }')
    .addHelpText('after', exitCodes('0  Connect has taken the order for all', CONNECT_DOWN, '2  wrong usage, an error in a file, or Connect has no such connector', INTERRUPTED));
