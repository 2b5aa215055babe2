/** What all commands over connectors take: where Connect is, and which connectors are meant. */
import { Option, type Command } from 'commander';
import { existsSync } from 'node:fs';
import { CHECKS, loadConnectors, type Check, type ConnectOptions, type Environment, type PlaceholderMode, type ResolveOptions } from '../../connect/index.ts';
import { ConfigurationError } from '../../core/errors.ts';
import { httpAddress } from '../../core/http-address.ts';
import { attach } from '../../stack/index.ts';
import { addDirOption, interruptible, nameList, seconds, tell } from '../shared.ts';

export interface TargetFlags {
  readonly dir: string;
  readonly connectUrl?: string;
  readonly retry: number;
  readonly json?: true;
}

export interface ResolveFlags extends TargetFlags {
  readonly placeholders: PlaceholderMode;
}

export interface CheckFlags extends ResolveFlags {
  readonly known: readonly string[];
  readonly skip: readonly string[];
}

export const INTERRUPTED = '130, 143  interrupted';
export const CONNECT_DOWN = '1  Connect does not answer or refuses';

const RETRY_SECONDS = 60;

export const addTargetOptions = (command: Command): Command =>
  addDirOption(command)
    .option('--connect-url <url>', "Kafka Connect's REST API (or MILLRACE_CONNECT_URL; else the local stack's)")
    .option('--retry <seconds>', 'how long a request is tried again while Connect rebalances or starts', seconds, RETRY_SECONDS);

export const addResolveOptions = (command: Command): Command =>
  addTargetOptions(command).addOption(
    new Option('--placeholders <where>', 'who puts in what ${env:NAME} stands for: Connect by its config provider, or this command from its environment').choices(['connect', 'here']).default('connect'),
  );

export const addCheckOptions = (command: Command): Command =>
  addResolveOptions(command)
    .option('--known <keys>', 'keys that are right though Connect does not declare them, separated by commas; x.* for all below', nameList, [])
    .option('--skip <checks>', `what not to look into from here, separated by commas: ${CHECKS.join(', ')}`, nameList, []);

export interface Target {
  readonly connect: ConnectOptions;
  /** Variables of this process and, of the local stack, what its Connect has. */
  readonly environment: Environment;
}

const targetOf = async (flags: TargetFlags, signal: AbortSignal): Promise<Target> => {
  const common = { signal, retryTimeoutMs: flags.retry * 1000, onRetry: (reason: string) => tell(`millrace: ${reason}; trying again for ${flags.retry} s`) };
  // No default of the option: it may carry a password, and help shows defaults.
  const given = flags.connectUrl ?? process.env.MILLRACE_CONNECT_URL ?? '';
  if (given !== '') {
    httpAddress(given, '--connect-url (or MILLRACE_CONNECT_URL)');
    return { connect: { ...common, connectUrl: given }, environment: process.env };
  }
  const { endpoints, environment } = await attach({ dir: flags.dir });
  if (endpoints.connectUrl === undefined) throw new ConfigurationError([`The stack in ${flags.dir} has no Connect`]);
  return { connect: { ...common, connectUrl: endpoints.connectUrl }, environment: { ...process.env, ...environment } };
};

/** Runs a command against Connect; a signal ends it. */
export const withTarget = async (flags: TargetFlags, task: (target: Target) => Promise<void>): Promise<void> => {
  const code = await interruptible(async (signal) => task(await targetOf(flags, signal)));
  if (code !== undefined) process.exitCode = code;
};

export const resolveOptions = (flags: ResolveFlags, { connect, environment }: Target): ConnectOptions & ResolveOptions => ({ ...connect, placeholders: flags.placeholders, environment });

export const checkOptions = (flags: CheckFlags, target: Target) => {
  const unknown = flags.skip.filter((name) => !(CHECKS as readonly string[]).includes(name));
  if (unknown.length > 0) throw new ConfigurationError(unknown.map((name) => `There is no check ${name}; there are ${CHECKS.join(', ')}`));
  return { ...resolveOptions(flags, target), knownKeys: flags.known, skip: flags.skip as readonly Check[] };
};

/** Names of connectors out of files, folders and names: what is there as a file is one. */
export const namesOf = async (what: readonly string[]): Promise<readonly string[]> => {
  const isPath = (text: string): boolean => existsSync(text) || text.endsWith('.json') || text.includes('/');
  const names: string[] = [];
  for (const text of what) names.push(...(isPath(text) ? (await loadConnectors([text])).map(({ name }) => name) : [text]));
  return [...new Set(names)];
};
