import { messageOf } from '../core/errors.ts';
import { readFacts, tableNames, withDatabase, type DatabaseAddress } from './database.ts';
import { nearest } from './near.ts';
import { replaceVariables, type Environment, type ResolvedConnector } from './placeholders.ts';
import { needsOf, type Need } from './requirements.ts';

const POSTGRES_CLASS = 'io.debezium.connector.postgresql.PostgresConnector';
const DEFAULT_SLOT = 'debezium';
const DEFAULT_PUBLICATION = 'dbz_publication';

export interface Findings {
  /** Mistakes in the file, or in what it refers to, as `key: why`. */
  readonly problems: readonly string[];
  /** What was not checked, or works with a loss. */
  readonly notes: readonly string[];
}

type Config = Readonly<Record<string, string>>;

/** Where the connector's database is, as far as this process knows; or the variables that it does not know. */
const addressOf = (config: Config, environment: Environment): DatabaseAddress | readonly string[] => {
  const unknown: string[] = [];
  const read = (key: string): string | undefined => {
    const { value, missing, foreign } = replaceVariables(config[key] ?? '', environment);
    unknown.push(...missing, ...foreign);
    return value === '' ? undefined : value;
  };
  const [host, port, user, password, database] = ['hostname', 'port', 'user', 'password', 'dbname'].map((part) => read(`database.${part}`));
  const sslMode = read('database.sslmode');
  if (unknown.length > 0) return [...new Set(unknown)];
  return { host: host ?? '', port: Number(port ?? '5432'), user: user ?? '', password, database: database ?? 'postgres', ...(sslMode === undefined ? {} : { sslMode }) };
};

/** Debezium's lists are patterns between commas; a comma in one has a backslash in front. */
const patternsOf = (list: string | undefined): string[] => (list ?? '').split(/(?<!\\),/).map((pattern) => pattern.trim()).filter((pattern) => pattern !== '');

/** Debezium's patterns match the whole name, in any case. Java's patterns that JavaScript does not know match nothing here. */
const matcher = (pattern: string): RegExp | undefined => {
  try {
    return new RegExp(`^(?:${pattern})$`, 'i');
  } catch {
    return undefined;
  }
};

/** A pattern that is only a name. */
const plainName = (pattern: string): string | undefined => {
  const name = pattern.replaceAll('\\.', '.');
  return /[\\^$*+?()[\]{}|]/.test(name) ? undefined : name;
};

const chosenTables = (config: Config, existing: readonly string[]): { readonly tables: readonly string[]; readonly problems: readonly string[] } => {
  const problems: string[] = [];
  const tables = new Set<string>();
  for (const pattern of patternsOf(config['table.include.list'])) {
    const expression = matcher(pattern);
    if (expression === undefined) continue;
    const matched = existing.filter((name) => expression.test(name));
    for (const name of matched) tables.add(name);
    if (matched.length > 0) continue;
    const name = plainName(pattern);
    const near = name === undefined ? undefined : nearest(name, existing);
    const hint = near === undefined ? '' : `; did you mean ${near}?`;
    problems.push(`table.include.list: ${name === undefined ? `no table matches ${pattern}` : `there is no table ${name}`}${hint}`);
  }
  return { tables: [...tables], problems };
};

export const tellNeed = ({ text, sql }: Need): string => (sql === undefined ? text : `${text}: ${sql}`);

/** Looks into the database that the connector captures, when it is one that this process can reach. */
export const checkDatabase = async (connector: ResolvedConnector, environment: Environment): Promise<Findings> => {
  const config = connector.resolved;
  if (config['connector.class'] !== POSTGRES_CLASS) return { problems: [], notes: [] };
  const address = addressOf(config, environment);
  const notChecked = (why: string): Findings => ({ problems: [], notes: [`the database was not looked into from here: ${why}`] });
  if (!('host' in address)) return notChecked(`unknown here: ${address.join(', ')}`);
  if (address.host === '' || !Number.isInteger(address.port)) return { problems: [], notes: [] };
  try {
    return await withDatabase(address, async (client) => {
      const { tables, problems } = chosenTables(config, await tableNames(client));
      const capture = {
        slot: config['slot.name'] ?? DEFAULT_SLOT,
        publication: config['publication.name'] ?? DEFAULT_PUBLICATION,
        publicationMode: config['publication.autocreate.mode'] ?? 'all_tables',
        tables,
      };
      const needs = needsOf(await readFacts(client, tables, capture), capture);
      const told = (level: Need['level']): string[] => needs.filter((need) => need.level === level).map((need) => `${need.key}: ${tellNeed(need)}`);
      return { problems: [...problems, ...told('required')], notes: told('advised') };
    });
  } catch (error) {
    return notChecked(messageOf(error));
  }
};
