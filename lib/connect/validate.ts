import { systemClock } from '../core/clock.ts';
import { ConfigurationError, RetryError } from '../core/errors.ts';
import { checkDatabase, checkFile } from './check-database.ts';
import { checkRegistry } from './check-registry.ts';
import { clientOf, type ConnectClient, type ConnectOptions } from './client.ts';
import type { Connector } from './connector.ts';
import { keyProblems } from './known-keys.ts';
import { nearest } from './near.ts';
import { hasPlaceholder, placeholdersIn, resolveConnectors, type Environment, type PlaceholderMode, type ResolvedConnector } from './placeholders.ts';
import { REDACTED, type Secrets } from './secrets.ts';
import { askWorker, fieldsOf, passwordKeysOf, remember, validatePath, type Learnt } from './worker.ts';

/** What looks at other servers than Connect: the database of a PostgreSQL connector, the registry of the converters. */
export const CHECKS = ['database', 'registry'] as const;
export type Check = (typeof CHECKS)[number];

export interface ResolveOptions {
  /** Who puts a value where `${env:NAME}` stands. Default: Connect, by its config provider. */
  readonly placeholders?: PlaceholderMode;
  /** Variables as this process knows them: put in for `here`, and used to reach database and registry. Default: none. */
  readonly environment?: Environment;
}

export interface ValidateOptions extends ConnectOptions, ResolveOptions {
  /** Keys that are right though neither Connect nor this library knows them: `x.y`, or `x.*` for all below. */
  readonly knownKeys?: readonly string[];
  /** Checks that are left out. Default: none. */
  readonly skip?: readonly Check[];
}

export interface Validation {
  /** Every mistake of every file, as `file: key: why`. No value that may be secret is in it. */
  readonly problems: readonly string[];
  /** What could not be checked, or works with a loss that is named, as `file: why`. */
  readonly notes: readonly string[];
  /** What is down, so that nothing can be said. */
  readonly faults: readonly string[];
}

/** The classes of the exceptions in front of their message. */
const JAVA_CLASS = /^(([a-z]\w*\.)+[A-Z]\w*: )+/;
/** Connect repeats the value that it does not like, which for a placeholder is what it stands for. */
const REPEATED_VALUE = /(Invalid value ).*( for configuration )|(value ').*(' is invalid)/;

const readable = (message: string, key: string, config: Connector['config'], secrets: Secrets): string => {
  const text = secrets.cut(message.replace(JAVA_CLASS, '').replaceAll(/\s+/g, ' '));
  return hasPlaceholder(config[key] ?? '') ? text.replace(REPEATED_VALUE, (_, a = '', b = '', c = '', d = '') => `${a}${c}${REDACTED}${b}${d}`) : text;
};

const unknownClass = async (client: ConnectClient, type: string): Promise<string | undefined> => {
  const { status, body } = await client.request('GET', '/connector-plugins');
  if (status !== 200 || !Array.isArray(body)) return undefined;
  const classes = body.map((plugin) => String((plugin as { class?: unknown }).class));
  if (classes.includes(type)) return undefined;
  const near = nearest(type, classes) ?? classes.find((name) => name.endsWith(`.${type.split('.').at(-1)}`));
  return `Connect has no connector ${type}; ${near === undefined ? `it has ${classes.join(', ')}` : `did you mean ${near}?`}`;
};

const notKnown = (placeholder: string): string => `Connect has nothing for ${placeholder}: set it where its workers run and give them its config provider, or have it resolved here`;

/** Placeholders for which Connect has nothing. What it has for the others is kept out of every message from here on. */
const unresolved = async (client: ConnectClient, { resolved, secrets }: ResolvedConnector, passwordKeys: Learnt['passwordKeys']): Promise<readonly string[]> => {
  const asked = Object.values(resolved).some(hasPlaceholder);
  const values = asked ? (await askWorker(client, resolved)).values : new Map<string, string>();
  remember(secrets, resolved, { values, passwordKeys });
  return Object.entries(resolved).flatMap(([key, template]) =>
    placeholdersIn(template)
      .filter((placeholder) => values.get(placeholder) === placeholder)
      .map((placeholder) => `${key}: ${notKnown(placeholder)}`),
  );
};

const askConnect = async (client: ConnectClient, connector: ResolvedConnector, knownKeys: readonly string[]): Promise<readonly string[]> => {
  const { config, resolved, secrets } = connector;
  const type = config['connector.class']!;
  const { status, body } = await client.request('PUT', validatePath(type), resolved);
  if (status !== 200) {
    const message = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : `Connect answers ${status}`;
    return [`connector.class: ${(await unknownClass(client, type)) ?? readable(message, 'connector.class', config, secrets)}`];
  }
  const fields = fieldsOf(body);
  const missing = await unresolved(client, connector, passwordKeysOf(fields));
  const keysMissing = new Set(missing.map((problem) => problem.slice(0, problem.indexOf(': '))));
  const errors = fields.flatMap(({ value }) => {
    const key = value?.name ?? 'config';
    return keysMissing.has(key) ? [] : (value?.errors ?? []).map((message) => `${key}: ${readable(message, key, config, secrets)}`);
  });
  const defined = new Set(fields.flatMap(({ definition }) => definition?.name ?? []));
  return [...(defined.size === 0 ? [] : keyProblems(config, defined, knownKeys)), ...missing, ...errors];
};

const validateOne = async (client: ConnectClient, connector: ResolvedConnector, options: ValidateOptions): Promise<Validation> => {
  const environment = options.environment ?? {};
  const skip = options.skip ?? [];
  const fromConnect = await askConnect(client, connector, options.knownKeys ?? []);
  const nothing = { problems: [], notes: [], faults: [] };
  const file = checkFile(connector);
  const database = skip.includes('database') ? nothing : await checkDatabase(connector, environment);
  const registry = skip.includes('registry') ? nothing : await checkRegistry(connector, environment, options.clock ?? systemClock);
  const told = (lines: readonly string[]): string[] => [...new Set(lines)].map((line) => `${connector.file}: ${connector.secrets.cut(line)}`);
  return { problems: told([...fromConnect, ...file.problems, ...database.problems, ...registry.problems]), notes: told([...file.notes, ...database.notes, ...registry.notes]), faults: told(registry.faults) };
};

/** Validates connectors that are resolved already; changes nothing. */
export const validateResolved = async (connectors: readonly ResolvedConnector[], options: ValidateOptions): Promise<Validation> => {
  const all: Validation[] = [];
  for (const connector of connectors) all.push(await validateOne(clientOf({ ...options, redact: connector.secrets.cut }), connector, options));
  return { problems: all.flatMap(({ problems }) => problems), notes: all.flatMap(({ notes }) => notes), faults: all.flatMap(({ faults }) => faults) };
};

/**
 * Asks Connect, the database and the registry whether these connectors would work. Changes nothing.
 * @throws RetryError when Connect does not answer
 */
export const validateConnectors = async (connectors: readonly Connector[], options: ValidateOptions): Promise<Validation> => {
  const resolution = resolveConnectors(connectors, options.placeholders ?? 'connect', options.environment ?? {});
  if (resolution.problems.length > 0) return { problems: resolution.problems, notes: [], faults: [] };
  return validateResolved(resolution.connectors, options);
};

/** @throws ConfigurationError with every problem; RetryError when there is none but something is down */
export const expectValid = ({ problems, faults }: Validation): void => {
  if (problems.length > 0) throw new ConfigurationError([...problems, ...faults]);
  if (faults.length > 0) throw new RetryError(faults.join('; '));
};
