import type { Connector } from './connector.ts';
import { isSecretKey, Secrets } from './secrets.ts';

/** Who puts a value where `${env:NAME}` stands: the worker of Connect (its config provider `env`), or this process. */
export type PlaceholderMode = 'connect' | 'here';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `${provider:path:key}` or `${provider:key}`, as Connect writes them. */
const PLACEHOLDER = /\$\{([^:}]+):([^}]*)\}/g;

export const hasPlaceholder = (value: string): boolean => value.search(PLACEHOLDER) >= 0;

/** The placeholders in a value, each once, as they are written. */
export const placeholdersIn = (value: string): readonly string[] => [...new Set([...value.matchAll(PLACEHOLDER)].map((match) => match[0]))];

interface Replaced {
  readonly value: string;
  /** Names of variables that are not set. */
  readonly missing: readonly string[];
  /** Placeholders of other providers, which only Connect can resolve. */
  readonly foreign: readonly string[];
}

/** `value` with every `${env:NAME}` replaced that has a variable. */
export const replaceVariables = (value: string, environment: Environment): Replaced => {
  const missing: string[] = [];
  const foreign: string[] = [];
  const replaced = value.replaceAll(PLACEHOLDER, (whole: string, provider: string, name: string) => {
    if (provider !== 'env') {
      foreign.push(whole);
      return whole;
    }
    const found = environment[name];
    if (found === undefined) missing.push(name);
    return found ?? whole;
  });
  return { value: replaced, missing, foreign };
};

/** A connector with the configuration that Connect is to have. */
export interface ResolvedConnector extends Connector {
  /** What is sent to Connect. */
  readonly resolved: Readonly<Record<string, string>>;
  readonly secrets: Secrets;
}

/** What stands for a value, as far as this process knows it. */
const collect = (secrets: Secrets, { config }: Connector, environment: Environment): void => {
  for (const [key, value] of Object.entries(config)) {
    secrets.addPasswordsIn(replaceVariables(value, environment).value);
    if (!hasPlaceholder(value)) {
      if (isSecretKey(key)) secrets.add(key, value);
      continue;
    }
    for (const placeholder of placeholdersIn(value)) {
      const { value: known, missing, foreign } = replaceVariables(placeholder, environment);
      if (missing.length === 0 && foreign.length === 0) secrets.add(key, known);
    }
    const { value: whole, missing, foreign } = replaceVariables(value, environment);
    if (missing.length === 0 && foreign.length === 0) secrets.add(key, whole);
  }
};

export interface Resolution {
  readonly connectors: readonly ResolvedConnector[];
  /** A variable that is not set, by file and key. */
  readonly problems: readonly string[];
}

/** Resolves what is to be resolved here, and remembers what may not be shown. */
export const resolveConnectors = (connectors: readonly Connector[], mode: PlaceholderMode, environment: Environment): Resolution => {
  const problems: string[] = [];
  const resolvedOnes = connectors.map((connector) => {
    const secrets = new Secrets();
    collect(secrets, connector, environment);
    if (mode === 'connect') return { ...connector, resolved: connector.config, secrets };
    const entries = Object.entries(connector.config).map(([key, text]): [string, string] => {
      const { value, missing } = replaceVariables(text, environment);
      for (const name of missing) problems.push(`${connector.file}: ${key}: the variable ${name} is not set here`);
      return [key, value];
    });
    return { ...connector, resolved: Object.fromEntries(entries), secrets };
  });
  return { connectors: resolvedOnes, problems };
};
