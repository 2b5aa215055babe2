import { ConfigurationError } from '../core/errors.ts';
import { scrub } from '../core/logger.ts';
import { clientOf, type ConnectClient, type ConnectOptions } from './client.ts';
import type { Connector } from './connector.ts';
import { readStatus } from './status.ts';

export interface AppliedConnector {
  readonly name: string;
  readonly outcome: 'created' | 'changed' | 'unchanged';
}

interface ValidationField {
  readonly value?: { readonly name?: string; readonly errors?: readonly string[] };
}

/** The classes of the exceptions in front of their message. */
const JAVA_CLASS = /^(([a-z]\w*\.)+[A-Z]\w*: )+/;

const SECRET_KEY = /(password|secret|token|credential)/i;

/** Connect's messages may repeat a value; one that is secret and stands in the file itself is cut out. */
const withoutSecrets = (message: string, config: Connector['config']): string => {
  let text = scrub(message.replace(JAVA_CLASS, '').replaceAll(/\s+/g, ' '));
  for (const [key, value] of Object.entries(config)) {
    if (SECRET_KEY.test(key) && value !== '' && !value.startsWith('${')) text = text.replaceAll(value, '[redacted]');
  }
  return text;
};

const validate = async (client: ConnectClient, connector: Connector): Promise<string[]> => {
  const type = connector.config['connector.class']!;
  const path = `/connector-plugins/${encodeURIComponent(type)}/config/validate`;
  const { status, body } = await client.request('PUT', path, connector.config);
  if (status !== 200) {
    const message = typeof body === 'object' && body !== null && 'message' in body ? String(body.message) : `Connect answers ${status}`;
    return [`${connector.file}: connector.class: ${withoutSecrets(message, connector.config)}`];
  }
  const fields = (body as { configs?: readonly ValidationField[] }).configs ?? [];
  const problems = fields.flatMap(({ value }) =>
    (value?.errors ?? []).map((message) => `${connector.file}: ${value?.name ?? 'config'}: ${withoutSecrets(message, connector.config)}`),
  );
  return [...new Set(problems)];
};

const sameConfig = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): boolean => {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
};

const applyOne = async (client: ConnectClient, connector: Connector): Promise<AppliedConnector> => {
  const path = `/connectors/${encodeURIComponent(connector.name)}`;
  const current = await client.request('GET', `${path}/config`);
  if (current.status === 200 && sameConfig(current.body as Record<string, string>, connector.config)) {
    const state = await readStatus(client, connector.name);
    // What failed while something else was down, such as the registry, is given another chance.
    if (state.failed) await client.expect('POST', `${path}/restart?includeTasks=true&onlyFailed=true`);
    return { name: connector.name, outcome: 'unchanged' };
  }
  await client.expect('PUT', `${path}/config`, connector.config);
  return { name: connector.name, outcome: current.status === 200 ? 'changed' : 'created' };
};

/**
 * Validates all connectors and, only if none has an error, creates or changes each. Repeating it changes nothing.
 * @throws ConfigurationError with every error of every connector as `file: field: message`; nothing was applied then
 */
export const applyConnectors = async (connectors: readonly Connector[], options: ConnectOptions): Promise<readonly AppliedConnector[]> => {
  const client = clientOf(options);
  const problems: string[] = [];
  for (const connector of connectors) problems.push(...(await validate(client, connector)));
  if (problems.length > 0) throw new ConfigurationError(problems);
  const applied: AppliedConnector[] = [];
  for (const connector of connectors) applied.push(await applyOne(client, connector));
  return applied;
};
