import { Command, InvalidArgumentError } from 'commander';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { systemClock } from '../core/clock.ts';
import { readConfig } from '../core/config.ts';
import { ConfigurationError } from '../core/errors.ts';
import { createLogger } from '../core/logger.ts';
import { kafkaPort } from '../kafka/kafkajs/index.ts';
import { plan } from '../plan/plan.ts';
import type { Plan } from '../plan/types.ts';
import { applyReset, planReset, planResetByName, RESET_EXTRAS, type Reset, type ResetExtra } from '../runtime/reset.ts';
import { exitCodes, nameList, printJson, printLine, readEnvFile, tell } from './shared.ts';
import { loadTopology } from './topology-file.ts';

interface ResetFlags {
  readonly app?: string;
  readonly with: readonly ResetExtra[];
  readonly yes?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

const extras = (text: string): readonly ResetExtra[] => nameList(text).map((name) => {
  const extra = RESET_EXTRAS.find((known) => known === name);
  if (extra === undefined) throw new InvalidArgumentError(`They are ${RESET_EXTRAS.join(', ')}.`);
  return extra;
});

const textOf = ({ app, topics, groups, folders, notes }: Reset, done: boolean): string => {
  const verb = done ? 'deleted' : 'would delete';
  const lines = [
    ...topics.map((topic) => `${verb} topic ${topic}`),
    ...groups.map(({ group, members }) => `${verb} group ${group} with its offsets${members === 0 ? '' : ` (it has ${members} members now: stop the workers first)`}`),
    ...folders.map((folder) => `${verb} folder ${folder}`),
  ];
  return [...(lines.length === 0 ? [`nothing of ${app} is there to delete`] : lines), ...notes].join('\n');
};

const appName = (text: string): string => {
  if (!/^[A-Za-z0-9._-]+$/.test(text)) throw new InvalidArgumentError("It has letters, digits, '.', '_' and '-'.");
  return text;
};

/** What of the application is there to be told. */
const target = async (file: string | undefined, app: string | undefined): Promise<Plan | string> => {
  if (file !== undefined && app !== undefined) throw new ConfigurationError(['FILE and --app exclude each other']);
  if (app !== undefined) return app;
  if (file === undefined) throw new ConfigurationError(['name the file of the topology, or with --app the application whose file is gone']);
  if (!existsSync(file)) throw new ConfigurationError([`there is no file ${file}; an application whose file is gone is reset with --app NAME`]);
  return plan(await loadTopology(file));
};

const reset = async (file: string | undefined, { app: name, with: wanted, yes, dryRun, json }: ResetFlags): Promise<void> => {
  if (yes === true && dryRun === true) throw new ConfigurationError(['--yes and --dry-run exclude each other']);
  readEnvFile();
  const config = readConfig(process.env);
  const of = await target(file, name);
  const app = typeof of === 'string' ? of : of.app;
  const log = createLogger({ level: config.logLevel, service: app, correlationId: randomUUID() });
  const port = kafkaPort({ brokers: config.kafkaBrokers, requestTimeoutMs: config.requestTimeoutMs, clientId: `${app}-reset`, clock: systemClock, log });
  const admin = port.admin();
  try {
    const options = { admin, stateDir: config.stateDir, extras: wanted };
    const found = typeof of === 'string' ? await planResetByName(of, options) : await planReset(of, options);
    if (yes === true) await applyReset(found, admin);
    if (json === true) printJson({ ...found, applied: yes === true });
    else printLine(textOf(found, yes === true));
    if (yes !== true) tell('Nothing was changed. To do it: the same command with --yes');
  } finally {
    await port.close();
  }
};

export const command = (): Command =>
  new Command('reset')
    .description(
      'Takes the topology that FILE exports as default back to before its first start: deletes its changelogs, repartition and input topics, the offsets of its groups and its state on ' +
        'this machine. Of an application whose file is gone, --app NAME finds them by their names, and leaves what may be another application\'s. Without --yes it only shows what it would delete. Topics that the topology reads are never touched.',
    )
    .argument('[file]', 'a TypeScript or JavaScript file')
    .option('--app <name>', 'the application, when its file is gone or names another one now', appName)
    .option('--dry-run', 'show what would be deleted, and change nothing: the default')
    .option('--yes', 'do it; refused while workers run')
    .option('--with <names>', `what else to delete, separated by commas: ${RESET_EXTRAS.join(', ')}`, extras, [])
    .option('--json', 'as JSON: { app, topics, groups, folders, notes, applied }')
    .addHelpText('after', exitCodes('0  done, or shown', '1  failed; with --yes also when workers run', '2  wrong usage or configuration, or FILE has no sound topology'))
    .action(reset);
