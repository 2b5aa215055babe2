import { Command } from 'commander';
import { requestSnapshot } from '../connect/index.ts';
import { addSourceOptions, sourceOf, type SourceFlags } from './source-target.ts';
import { exitCodes, interruptible, printJson, printLine } from './shared.ts';

interface SnapshotFlags extends SourceFlags {
  readonly where?: string;
}

const snapshot = async (table: string, flags: SnapshotFlags): Promise<void> => {
  const { connectUrl, postgresUrl } = await sourceOf(flags);
  const code = await interruptible(async (signal) => {
    const { where, connector } = flags;
    const asked = await requestSnapshot({ connectUrl, postgresUrl, table, signal, retryTimeoutMs: flags.retry * 1_000, ...(where === undefined ? {} : { where }), ...(connector === undefined ? {} : { connector }) });
    if (flags.json === true) printJson(asked);
    else printLine(`connector ${asked.connector} reads ${asked.where === null ? '' : 'rows of '}${asked.table} into ${asked.topic} again: about ${asked.estimatedRows.toLocaleString('en-US')} rows (signal ${asked.signal})`);
  });
  if (code !== undefined) process.exitCode = code;
};

export const command = (): Command =>
  addSourceOptions(new Command('snapshot'))
    .description(
      'Has the connector that captures TABLE read it again, while it goes on with changes: an incremental snapshot, asked for by a row in its signal table. The rows come ' +
        'to the topic of the table as reads (op r). PostgreSQL is MILLRACE_PG_URL; its user reads TABLE and inserts into the signal table.',
    )
    .argument('<table>', 'TABLE of schema public, or SCHEMA.TABLE')
    .option('--where <condition>', 'read only the rows for which this SQL holds, such as "id > 1000"')
    .option('--json', 'as JSON: { signal, connector, table, topic, where, estimatedRows }')
    .addHelpText('after', exitCodes(
      '0  the signal is committed', '1  the connector does not run, or Connect or PostgreSQL does not answer',
      '2  wrong usage: no such table, no connector or several for it, no privilege, no signal table, or a wrong --where', '130, 143  interrupted',
    ))
    .action(snapshot);
