import { Command, InvalidArgumentError } from 'commander';
import { randomUUID } from 'node:crypto';
import { systemClock } from '../core/clock.ts';
import { readConfig } from '../core/config.ts';
import { ConfigurationError } from '../core/errors.ts';
import { createLogger } from '../core/logger.ts';
import { kafkaPort } from '../kafka/kafkajs/index.ts';
import { plan } from '../plan/plan.ts';
import { applyReset, planReset, RESET_EXTRAS, type Reset, type ResetExtra } from '../runtime/reset.ts';
import { exitCodes, nameList, printJson, printLine, readEnvFile, tell } from './shared.ts';
import { loadTopology } from './topology-file.ts';

interface ResetFlags {
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

const reset = async (file: string, { with: wanted, yes, dryRun, json }: ResetFlags): Promise<void> => {
  if (yes === true && dryRun === true) throw new ConfigurationError(['--yes and --dry-run exclude each other']);
  readEnvFile();
  const config = readConfig(process.env);
  const planned = plan(await loadTopology(file));
  const log = createLogger({ level: config.logLevel, service: planned.app, correlationId: randomUUID() });
  const port = kafkaPort({ brokers: config.kafkaBrokers, requestTimeoutMs: config.requestTimeoutMs, clientId: `${planned.app}-reset`, clock: systemClock, log });
  const admin = port.admin();
  try {
    const found = await planReset(planned, { admin, stateDir: config.stateDir, extras: wanted });
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
        'this machine. Without --yes it only shows what it would delete. Topics that the topology reads are never touched.',
    )
    .argument('<file>', 'a TypeScript or JavaScript file')
    .option('--dry-run', 'show what would be deleted, and change nothing: the default')
    .option('--yes', 'do it; refused while workers run')
    .option('--with <names>', `what else to delete, separated by commas: ${RESET_EXTRAS.join(', ')}`, extras, [])
    .option('--json', 'as JSON: { app, topics, groups, folders, notes, applied }')
    .addHelpText('after', exitCodes('0  done, or shown', '1  failed; with --yes also when workers run', '2  wrong usage or configuration, or FILE has no sound topology'))
    .action(reset);
