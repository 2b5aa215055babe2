import { Command, InvalidArgumentError } from 'commander';
import { baseServiceNames, optionalServiceNames, up, type ServiceName, type Stack } from '../stack/index.ts';
import { stackProgress } from './progress.ts';
import { addDirOption, exitCodes, interruptible, nameList, printJson, printLine, table, tell } from './shared.ts';

interface UpFlags {
  readonly dir: string;
  readonly without: readonly string[];
  readonly with: readonly string[];
  readonly portOffset: number;
  readonly json?: true;
}

const summary = (stack: Stack, names: readonly string[]): string =>
  table(
    ['SERVICE', 'PORTS', 'PID', 'LOG'],
    names.map((name) => {
      const service = stack.service(name);
      return [name, Object.values(service.ports).join(' '), String(service.pid ?? ''), service.log];
    }),
  );

/** What any of the usual ports, which are below 20,000, can bear. */
const MOST_OFFSET = 45_000;

const portOffset = (text: string): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isInteger(value) || value < 0 || value > MOST_OFFSET) throw new InvalidArgumentError(`It is a whole number from 0 to ${MOST_OFFSET}.`);
  return value;
};

const bringUp = async (flags: UpFlags): Promise<void> => {
  // A name that is no service is not passed over silently: `up` refuses it.
  const unknown = flags.without.filter((name) => !baseServiceNames.includes(name));
  const services = [...new Set([...baseServiceNames.filter((name) => !flags.without.includes(name)), ...flags.with, ...unknown])] as ServiceName[];
  const progress = stackProgress(services);
  const code = await interruptible(async (signal) => {
    try {
      const stack = await up({ dir: flags.dir, services, portOffset: flags.portOffset, onProgress: progress.onProgress, signal });
      await progress.finish();
      if (flags.json === true) printJson({ dir: flags.dir, services: services.map((name) => stack.service(name)) });
      else printLine(summary(stack, services));
    } finally {
      await progress.finish();
    }
  });
  if (code === undefined) return;
  tell(`Interrupted. What was started keeps running; stop it with: millrace down --dir ${flags.dir}`);
  process.exitCode = code;
};

export const command = (): Command =>
  addDirOption(new Command('up'))
    .description(
      'Brings the local stack up: Kafka, Kafka Connect with Debezium, a schema registry, PostgreSQL, Redis and a BigQuery emulator, all on ' +
        '127.0.0.1. What runs already is kept; what died is started again on the same ports and data. The variables by which programs find it ' +
        'are written to FOLDER/stack.env.',
    )
    .option('--without <names>', `services to leave out, separated by commas, of ${baseServiceNames.join(', ')}`, nameList, [])
    .option('--with <names>', `services to start beside them, separated by commas, of ${optionalServiceNames.join(', ')}`, nameList, [])
    .option('--port-offset <number>', 'added to every usual port', portOffset, 0)
    .option('--json', 'as JSON: { dir, services }')
    .addHelpText('after', exitCodes('0  every service answers', '1  a service does not come up', '2  wrong usage, or something is missing on this machine', '130, 143  interrupted: what was started keeps running'))
    .action(bringUp);
