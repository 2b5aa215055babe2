import { messageOf } from '../core/errors.ts';
import { readFacts, tableNames, withDatabase, type DatabaseAddress } from './database.ts';
import { nearest } from './near.ts';
import { compactionProblems, converterProblems, settingNotes, settingProblems } from './check-file.ts';
import { replaceVariables, type Environment, type ResolvedConnector } from './placeholders.ts';
import { captureOf, fullName, hasKey, needsOf, type Need } from './requirements.ts';
import { isReadable, matches, patternsOf, plainName, selects } from './selection.ts';

const POSTGRES_CLASS = 'io.debezium.connector.postgresql.PostgresConnector';

export interface Findings {
  /** Mistakes in the file, or in what it refers to, as `key: why`. */
  readonly problems: readonly string[];
  /** What was not checked, or works with a loss. */
  readonly notes: readonly string[];
}

type Config = Readonly<Record<string, string>>;

const NOTHING: Findings = { problems: [], notes: [] };

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

const PATTERN_LISTS = [['schema.include.list', 'schema'], ['table.include.list', 'table']] as const;

/** Patterns of lists that match nothing which is there. */
const idlePatterns = (config: Config, existing: readonly string[]): string[] => {
  const names = { table: existing, schema: [...new Set(existing.map((name) => name.slice(0, name.indexOf('.'))))] };
  return PATTERN_LISTS.flatMap(([key, what]) => patternsOf(config[key]).flatMap((pattern) => {
    if (!isReadable(pattern) || names[what].some((name) => matches(pattern, name))) return [];
    const name = plainName(pattern);
    const near = name === undefined ? undefined : nearest(name, names[what]);
    return [`${key}: ${name === undefined ? `no ${what} matches ${pattern}` : `there is no ${what} ${name}`}${near === undefined ? '' : `; did you mean ${near}?`}`];
  }));
};

export const tellNeed = ({ text, sql }: Need): string => (sql === undefined ? text : `${text}: ${sql}`);

const LISTS = ['schema', 'table'].flatMap((what) => [`${what}.include.list`, `${what}.exclude.list`]);

/** Tables whose names can be told without the database. */
const namedTables = (config: Config): string[] => patternsOf(config['table.include.list']).flatMap((pattern) => plainName(pattern) ?? []);

const inDatabase = async (address: DatabaseAddress, config: Config): Promise<Findings> =>
  withDatabase(address, async (client) => {
    const existing = await tableNames(client);
    const capture = captureOf(config, existing.filter((name) => selects(config, name) && name !== config['signal.data.collection']));
    const facts = await readFacts(client, capture.tables, capture);
    const needs = needsOf(facts, capture);
    const told = (level: Need['level']): string[] => needs.filter((need) => need.level === level).map((need) => `${need.key}: ${tellNeed(need)}`);
    const keyless = facts.tables.filter((table) => !hasKey(table)).map(fullName);
    const idle = idlePatterns(config, existing);
    const nothing = idle.length === 0 && capture.tables.length === 0 && LISTS.every((key) => patternsOf(config[key]).every(isReadable)) ? ['table.include.list: no table of the database is captured'] : [];
    return { problems: [...idle, ...nothing, ...told('required'), ...compactionProblems(config, capture.tables, keyless)], notes: told('advised') };
  });

/** What can be said of the file without the database. */
export const checkFile = ({ resolved: config }: ResolvedConnector): Findings => {
  if (config['connector.class'] !== POSTGRES_CLASS) return NOTHING;
  return { problems: [...settingProblems(config), ...converterProblems(config), ...compactionProblems(config, namedTables(config), [])], notes: settingNotes(config) };
};

/** Looks into the database that the connector captures, when it is one that this process can reach. */
export const checkDatabase = async (connector: ResolvedConnector, environment: Environment): Promise<Findings> => {
  const config = connector.resolved;
  if (config['connector.class'] !== POSTGRES_CLASS) return NOTHING;
  const address = addressOf(config, environment);
  const notChecked = (why: string): Findings => ({ problems: [], notes: [`the database was not looked into from here: ${why}`] });
  if (!('host' in address)) return notChecked(`unknown here: ${address.join(', ')}`);
  if (address.host === '' || !Number.isInteger(address.port)) return NOTHING;
  try {
    return await inDatabase(address, config);
  } catch (error) {
    return notChecked(messageOf(error));
  }
};
