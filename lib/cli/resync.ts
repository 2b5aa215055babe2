import { Command, Option } from 'commander';
import { randomUUID } from 'node:crypto';
import { findGhosts, removeGhosts, type Ghost, type ResyncFound, type ResyncOptions } from '../connect/index.ts';
import { systemClock } from '../core/clock.ts';
import { readConfig } from '../core/config.ts';
import { createLogger } from '../core/logger.ts';
import { kafkaPort } from '../kafka/kafkajs/index.ts';
import { createSerde } from '../serde/index.ts';
import { addSourceOptions, sourceOf, type SourceFlags } from './source-target.ts';
import { exitCodes, interruptible, printJson, printLine, tell, UnhealthyError } from './shared.ts';

interface ResyncFlags extends SourceFlags {
  readonly apply?: true;
}

type ShownGhost = Pick<Ghost, 'key' | 'partition' | 'offset'>;

const keyText = ({ key }: ShownGhost): string => (key.length === 1 ? key[0]! : JSON.stringify(key));

const summary = (found: ResyncFound & { readonly removed?: number; readonly readAgain?: number }): string => {
  const keys = `${found.ghosts.toLocaleString('en-US')} ${found.ghosts === 1 ? 'key' : 'keys'} of ${found.topic}`;
  const left = found.unreadable === 0 ? '' : `; ${found.unreadable.toLocaleString('en-US')} records without a key that can be read were left alone`;
  if (found.removed === undefined) return `${keys} ${found.ghosts === 1 ? 'has' : 'have'} no row in ${found.table}${found.ghosts === 0 ? '' : ': --apply removes them'}${left}`;
  return `${keys} removed${found.readAgain === 0 ? '' : `; ${found.readAgain} of them came back to ${found.table} meanwhile and are read again`}${left}`;
};

const resync = async (table: string, flags: ResyncFlags): Promise<void> => {
  const { connectUrl, postgresUrl, environment } = await sourceOf(flags);
  const config = readConfig(environment);
  const log = createLogger({ level: 'warn', service: 'millrace', correlationId: randomUUID() });
  const port = kafkaPort({ brokers: config.kafkaBrokers, requestTimeoutMs: config.requestTimeoutMs, clientId: 'millrace-resync', clock: systemClock, log });
  const serde = createSerde({ registryUrl: config.registryUrl === '' ? null : config.registryUrl, clock: systemClock, log });
  const shown: ShownGhost[] = [];
  const onGhost = ({ key, partition, offset }: Ghost): void => {
    if (flags.json === true) shown.push({ key, partition, offset });
    else printLine(keyText({ key, partition, offset }));
  };
  try {
    const code = await interruptible(async (signal) => {
      const options: ResyncOptions = { connectUrl, postgresUrl, table, port, serde, clock: systemClock, onGhost, signal, retryTimeoutMs: flags.retry * 1_000, ...(flags.connector === undefined ? {} : { connector: flags.connector }) };
      const found = await (flags.apply === true ? removeGhosts(options) : findGhosts(options));
      if (flags.json === true) printJson({ ...found, keys: shown });
      else tell(summary(found));
      if (flags.apply !== true && found.ghosts > 0) throw new UnhealthyError();
    });
    if (code !== undefined) process.exitCode = code;
  } finally {
    await port.close();
  }
};

export const command = (): Command =>
  addSourceOptions(new Command('resync'))
    .description(
      'Finds the keys that live in the topic of TABLE and that no row in PostgreSQL has any more: their deletes were lost with a replication slot, or were a TRUNCATE. Prints them, ' +
        'one a line; with --apply writes a tombstone for each. PostgreSQL is MILLRACE_PG_URL; its user reads TABLE. Rows that the topic lacks come with `millrace snapshot`.',
    )
    .argument('<table>', 'TABLE of schema public, or SCHEMA.TABLE')
    .addOption(new Option('--dry-run', 'change nothing (the default)').conflicts('apply'))
    .option('--apply', 'write the tombstones')
    .option('--json', 'as JSON: { connector, table, topic, ghosts, records, unreadable, passes, keys }, with --apply also { removed, readAgain }')
    .addHelpText('after', exitCodes(
      '0  there are none, or they are removed', '1  Connect, PostgreSQL, Kafka or the registry does not answer',
      '2  wrong usage: no such table or topic, no connector or several for it, no privilege, or a key that cannot be compared', '3  there are some, and --apply was not given', '130, 143  interrupted',
    ))
    .action(resync);
