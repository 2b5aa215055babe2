import { ConfigurationError } from '../core/errors.ts';
import { clientOf, type ConnectClient, type ConnectOptions } from './client.ts';
import type { Connector } from './connector.ts';
import { hasPlaceholder, resolveConnectors, type ResolvedConnector } from './placeholders.ts';
import { REDACTED, isSecretKey } from './secrets.ts';
import type { ResolveOptions } from './validate.ts';
import { askWorker, remember } from './worker.ts';

/** One key that differs. What may be secret is shown as `[redacted]`; a placeholder that Connect resolves is shown as it is written. */
export interface KeyChange {
  readonly key: string;
  readonly kind: 'added' | 'removed' | 'changed';
  /** In the connector that runs; absent when it was added. */
  readonly running?: string;
  /** In the file; absent when it was removed. */
  readonly file?: string;
}

export interface ConnectorDiff {
  readonly name: string;
  readonly file: string;
  /** absent: Connect has no connector of this name. */
  readonly outcome: 'same' | 'different' | 'absent';
  /** In the order of the keys' names. */
  readonly changes: readonly KeyChange[];
}

export interface DiffOptions extends ConnectOptions, ResolveOptions {}

type Config = Readonly<Record<string, string>>;

/** The configuration as Connect keeps it: with the placeholders that it resolves itself. Undefined when there is no such connector. */
export const runningConfig = async (client: ConnectClient, name: string): Promise<Config | undefined> => {
  const path = `/connectors/${encodeURIComponent(name)}/config`;
  const answer = await client.request('GET', path);
  if (answer.status === 404) return undefined;
  return (answer.status === 200 ? answer.body : await client.expect('GET', path)) as Config;
};

export const sameConfig = (a: Config, b: Config): boolean => {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
};

/** A placeholder is no secret; the text around one is not either, unless the key says so. */
const ONLY_PLACEHOLDER = /^\$\{[^:}]+:[^}]*\}$/;

const changesOf = (connector: ResolvedConnector, running: Config, passwordKeys: ReadonlySet<string>): KeyChange[] => {
  const { config, resolved, secrets } = connector;
  const isSecret = (key: string): boolean => isSecretKey(key) || passwordKeys.has(key);
  const inFile = (key: string): string => {
    const resolvedHere = resolved[key] !== config[key];
    return resolvedHere || (isSecret(key) && !ONLY_PLACEHOLDER.test(config[key]!)) ? REDACTED : secrets.cut(config[key]!);
  };
  const inConnect = (key: string): string => {
    const value = running[key]!;
    if (ONLY_PLACEHOLDER.test(value)) return value;
    // The file has a placeholder there: this may be what it stands for, or stood for when it was applied.
    return isSecret(key) || hasPlaceholder(config[key] ?? '') ? REDACTED : secrets.cut(value);
  };
  const keys = [...new Set([...Object.keys(resolved), ...Object.keys(running)])].sort();
  return keys.flatMap((key): KeyChange[] => {
    if (resolved[key] === running[key]) return [];
    if (running[key] === undefined) return [{ key, kind: 'added', file: inFile(key) }];
    if (resolved[key] === undefined) return [{ key, kind: 'removed', running: inConnect(key) }];
    return [{ key, kind: 'changed', running: inConnect(key), file: inFile(key) }];
  });
};

export const diffResolved = async (client: ConnectClient, connector: ResolvedConnector): Promise<ConnectorDiff> => {
  const { name, file } = connector;
  const running = await runningConfig(client, name);
  if (running !== undefined && sameConfig(running, connector.resolved)) return { name, file, outcome: 'same', changes: [] };
  const learnt = await askWorker(client, connector.resolved);
  for (const config of [connector.resolved, running ?? {}]) remember(connector.secrets, config, learnt);
  const changes = changesOf(connector, running ?? {}, learnt.passwordKeys);
  return { name, file, outcome: running === undefined ? 'absent' : 'different', changes };
};

/**
 * What applying these files would change. Changes nothing, and does not ask whether they are valid.
 * @throws ConfigurationError when a variable is not set that is resolved here; RetryError when Connect does not answer
 */
export const diffConnectors = async (connectors: readonly Connector[], options: DiffOptions): Promise<readonly ConnectorDiff[]> => {
  const resolution = resolveConnectors(connectors, options.placeholders ?? 'connect', options.environment ?? {});
  if (resolution.problems.length > 0) throw new ConfigurationError(resolution.problems);
  const client = clientOf(options);
  const diffs: ConnectorDiff[] = [];
  for (const connector of resolution.connectors) diffs.push(await diffResolved(client, connector));
  return diffs;
};
