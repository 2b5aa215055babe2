import { Command } from 'commander';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { EXIT, report } from './shared.ts';

interface CommandModule {
  command(): Command;
}

interface Entry {
  readonly name: string;
  readonly description: string;
  /** Loaded only when the command is used: help stays quick, and a command that is broken breaks no other. */
  readonly load: () => Promise<CommandModule>;
}

const COMMANDS: readonly Entry[] = [
  { name: 'start', description: 'run the example pipeline on a local stack, with load and live figures', load: () => import('./start.ts') },
  { name: 'up', description: 'bring the local stack up', load: () => import('./up.ts') },
  { name: 'down', description: 'stop the local stack, keep its data', load: () => import('./down.ts') },
  { name: 'status', description: 'show the services of the local stack', load: () => import('./status.ts') },
  { name: 'clean', description: 'stop the local stack and delete its data', load: () => import('./clean.ts') },
  { name: 'run', description: 'run a topology with workers', load: () => import('./run.ts') },
  { name: 'reset', description: 'take an application back to before its first start', load: () => import('./reset.ts') },
  { name: 'backfill', description: 'run a topology over its history, beside live traffic', load: () => import('./backfill.ts') },
  { name: 'describe', description: 'show a topology as a tree or a picture', load: () => import('./describe.ts') },
  { name: 'connectors', description: 'write, check, apply and watch the connectors of Kafka Connect', load: () => import('./connectors.ts') },
  { name: 'snapshot', description: 'have a captured table read again', load: () => import('./snapshot.ts') },
  { name: 'resync', description: 'find and remove keys of a topic that its table no longer has', load: () => import('./resync.ts') },
  { name: 'schemas', description: 'work with Avro schemas', load: () => import('./schemas.ts') },
];

const version = (): string => {
  const { version: text } = JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as { version: string };
  return text;
};

/** Usage errors are thrown, not exits, in every subcommand too. */
const throwing = (command: Command): Command => {
  command.exitOverride();
  for (const subcommand of command.commands) throwing(subcommand);
  return command;
};

const program = (): Command =>
  new Command('millrace')
    .description('Exactly-once stream processing on Kafka: declare a topology in TypeScript, run it as ordinary processes.')
    .version(version())
    .showHelpAfterError('(millrace COMMAND --help shows what it takes)');

/** A reader that has gone wants no more: the command is told to stop, as if by a signal, and what it still writes is dropped. */
const stopWithoutReader = (): void => {
  let gone = false;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    if (!gone) process.kill(process.pid, 'SIGTERM');
    gone = true;
  });
};

/** Runs the command line. @returns the exit code */
export const main = async (args: readonly string[]): Promise<number> => {
  stopWithoutReader();
  const root = program();
  const [first, second] = args;
  const wanted = first === 'help' ? second : first;
  try {
    for (const entry of COMMANDS) {
      if (entry.name === wanted) root.addCommand((await entry.load()).command());
      else root.command(entry.name).description(entry.description);
    }
    throwing(root);
    if (args.length === 0) {
      root.outputHelp({ error: true });
      return EXIT.usage;
    }
    await root.parseAsync([...args], { from: 'user' });
    return typeof process.exitCode === 'number' ? process.exitCode : EXIT.done;
  } catch (error) {
    return report(error);
  }
};

if (import.meta.main) process.exitCode = await main(process.argv.slice(2));
