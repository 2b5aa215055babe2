/** Where the commands find Connect, PostgreSQL, Kafka and the registry: in the environment, else in the local stack. */
import type { Command } from 'commander';
import type { Environment } from '../core/config.ts';
import { ConfigurationError } from '../core/errors.ts';
import { httpAddress } from '../core/http-address.ts';
import { attach } from '../stack/index.ts';
import { addDirOption, seconds } from './shared.ts';

export interface SourceFlags {
  readonly dir: string;
  readonly connector?: string;
  readonly connectUrl?: string;
  readonly retry: number;
  readonly json?: true;
}

export interface Source {
  readonly connectUrl: string;
  /** With a password, if there is one: not for output. */
  readonly postgresUrl: string;
  readonly environment: Environment;
}

export const addSourceOptions = (command: Command): Command =>
  addDirOption(command)
    .option('--connector <name>', 'the connector, where several capture the table')
    .option('--connect-url <url>', "Kafka Connect's REST API (or MILLRACE_CONNECT_URL; else the local stack's)")
    .option('--retry <seconds>', 'how long a request is tried again while Connect rebalances or starts', seconds, RETRY_SECONDS);

const RETRY_SECONDS = 60;
const NEEDED = ['MILLRACE_PG_URL', 'MILLRACE_KAFKA_BROKERS', 'MILLRACE_REGISTRY_URL'] as const;

/** What the environment does not say is taken from the local stack, if it is there. */
export const sourceOf = async ({ dir, connectUrl: flag }: SourceFlags): Promise<Source> => {
  // No default of the option: it may carry a password, and help shows defaults.
  const connectUrl = [flag, process.env.MILLRACE_CONNECT_URL].find((url) => url !== undefined && url !== '');
  const complete = connectUrl !== undefined && NEEDED.every((name) => process.env[name] !== undefined);
  // A stack that is not there leaves out what the command may not need.
  const stack = complete ? undefined : await attach({ dir }).catch((error: unknown) => (connectUrl === undefined || process.env.MILLRACE_PG_URL === undefined ? Promise.reject(error as Error) : undefined));
  const environment = { ...stack?.environment, ...process.env };
  const url = connectUrl ?? stack?.environment.MILLRACE_CONNECT_URL;
  const postgresUrl = environment.MILLRACE_PG_URL;
  if (url === undefined || postgresUrl === undefined) throw new ConfigurationError([`The stack in ${dir} has no ${url === undefined ? 'Connect' : 'PostgreSQL'}`], { hint: 'Set MILLRACE_CONNECT_URL and MILLRACE_PG_URL' });
  httpAddress(url, '--connect-url (or MILLRACE_CONNECT_URL)');
  if (!URL.canParse(postgresUrl)) throw new ConfigurationError(['MILLRACE_PG_URL is no URL']);
  return { connectUrl: url, postgresUrl, environment };
};
