/** Which connector captures a table of PostgreSQL, and how its topics are called. */
import { ConfigurationError, StopError } from '../core/errors.ts';
import type { ConnectClient } from './client.ts';
import { selects, topicOf } from './selection.ts';
import { readStatus } from './status.ts';

export interface TableName {
  readonly schema: string;
  readonly table: string;
}

/** A table and the connector that captures it. */
export interface Capture extends TableName {
  readonly connector: string;
  /** As Connect has it: placeholders are not resolved. */
  readonly config: Readonly<Record<string, string>>;
  readonly topic: string;
}

const POSTGRES = /^io\.debezium\.connector\.postgresql\./;

/** `schema.table`, as Debezium's lists name it. */
export const fullName = ({ schema, table }: TableName): string => `${schema}.${table}`;

/** Reads `table` (of schema public) or `schema.table`. Throws `ConfigurationError`. */
export const parseTableName = (text: string): TableName => {
  const parts = text.split('.');
  const [schema, table] = parts.length === 1 ? ['public', parts[0]] : parts;
  if (parts.length > 2 || schema === undefined || schema === '' || table === undefined || table === '') throw new ConfigurationError([`'${text}' is no table: it is TABLE or SCHEMA.TABLE`]);
  return { schema, table };
};

type Connectors = Readonly<Record<string, { readonly info: { readonly config: Readonly<Record<string, string>> } }>>;

/**
 * Finds the one connector for PostgreSQL that captures a table; `connector` names it where there are several.
 * Throws `ConfigurationError` when there is none or more than one.
 */
export const findCapture = async (client: ConnectClient, name: TableName, connector?: string): Promise<Capture> => {
  const all = (await client.expect('GET', '/connectors?expand=info')) as Connectors;
  const named = connector === undefined ? undefined : all[connector];
  if (connector !== undefined && named === undefined) throw new ConfigurationError([`Connect has no connector ${connector}`], { hint: `It has ${Object.keys(all).sort().join(', ') || 'none'}` });
  const candidates = Object.entries(connector === undefined ? all : { [connector]: named! }).filter(([, { info }]) => POSTGRES.test(info.config['connector.class'] ?? ''));
  const found = candidates.filter(([, { info }]) => selects(info.config, fullName(name)));
  if (found.length === 0) {
    throw new ConfigurationError([`no connector captures ${fullName(name)}`], { hint: `Connectors for PostgreSQL: ${candidates.map(([each]) => each).sort().join(', ') || 'none'}` });
  }
  if (found.length > 1) throw new ConfigurationError([`${found.map(([each]) => each).sort().join(' and ')} capture ${fullName(name)}`], { hint: 'Say which one with --connector' });
  const [[own, { info: { config } }]] = found as [(typeof found)[number]];
  return { ...name, connector: own, config, topic: topicOf(config, fullName(name)) };
};

/** Throws `StopError` unless the connector and its tasks run: nothing would act on a signal. */
export const requireRunning = async (client: ConnectClient, connector: string): Promise<void> => {
  const status = await readStatus(client, connector);
  if (status.running) return;
  const broken = [status, ...status.tasks].find(({ state }) => state !== 'RUNNING');
  const cause = [status, ...status.tasks].find((part) => part.cause !== undefined)?.cause;
  throw new StopError(`connector ${connector} does not run: ${broken === undefined ? 'it has no task' : `it is ${broken.state}`}${cause === undefined ? '' : ` (${cause})`}`);
};
