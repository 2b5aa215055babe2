/** What a sink's description takes from the environment, resolved in one place. Messages name the variable, never its value. */
import { definitions, type Config, type Environment } from '../core/config.ts';
import { ConfigurationError } from '../core/errors.ts';
import type { CassandraSink, OutsideSink, Setting } from '../../topology/sinks.ts';

export interface SinkSettings {
  readonly environment: Environment;
  readonly config: Config;
}

/** The setting's value, or undefined when it is missing. An empty variable counts as missing. */
const lookUp = (setting: Setting, environment: Environment): string | undefined => {
  const given = environment[setting.name];
  return given === undefined || given === '' ? (setting.fallback ?? undefined) : given;
};

/** Throws `ConfigurationError` when it is missing. */
export const resolveSetting = (setting: Setting, environment: Environment): string => {
  const value = lookUp(setting, environment);
  if (value === undefined) throw new ConfigurationError([missing(setting)]);
  return value;
};

const missing = (setting: Setting): string => `${setting.name} is not set in the environment${setting.kind === 'secret' ? ' (a secret)' : ''}`;

/** What is wrong with a URL, or null. The URL itself is not repeated: it may carry a password. */
const urlProblem = (text: string, protocols: readonly string[]): string | null => {
  if (!URL.canParse(text)) return 'is not a URL';
  const { protocol } = new URL(text);
  return protocols.includes(protocol) ? null : `must begin with ${protocols.map((p) => `${p}//`).join(' or ')}`;
};

const settingUrlProblems = (setting: Setting, environment: Environment, protocols: readonly string[]): string[] => {
  const value = lookUp(setting, environment);
  if (value === undefined) return [missing(setting)];
  const problem = urlProblem(value, protocols);
  return problem === null ? [] : [`${setting.name} ${problem}`];
};

const HTTP = ['http:', 'https:'];
const REDIS = ['redis:', 'rediss:'];
const COLUMN_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,299}$/;
const TABLE_NAME = /^(?:[a-z0-9:.-]+\.)?[A-Za-z0-9_]+\.[\p{L}\p{M}\p{N}_-]+$/u;
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const OWN_HEADERS = ['authorization', 'content-type', 'content-length', 'host', 'idempotency-key', 'connection', 'transfer-encoding'];
const MAX_CLUSTERING_COLUMNS = 4;
const MAX_CONCURRENCY = 256;

const bigqueryProblems = (sink: Extract<OutsideSink, { kind: 'bigquery' }>): string[] => {
  const problems: string[] = [];
  const names = Object.keys(sink.columns);
  if (!TABLE_NAME.test(sink.table)) problems.push(`'${sink.table}' must be dataset.table or project.dataset.table`);
  if (names.length === 0) problems.push('columns is empty');
  for (const name of names) if (!COLUMN_NAME.test(name)) problems.push(`column '${name}' must be letters, digits and _`);
  if (sink.partitionBy !== null && !names.includes(sink.partitionBy.column)) problems.push(`partitionBy names '${sink.partitionBy.column}', which is no column`);
  for (const name of sink.clusterBy) if (!names.includes(name)) problems.push(`clusterBy names '${name}', which is no column`);
  if (sink.clusterBy.length > MAX_CLUSTERING_COLUMNS) problems.push(`clusterBy takes at most ${MAX_CLUSTERING_COLUMNS} columns`);
  return problems;
};

const httpProblems = (sink: Extract<OutsideSink, { kind: 'http' }>, environment: Environment): string[] => {
  const problems: string[] = [];
  const value = typeof sink.url === 'string' ? sink.url : lookUp(sink.url, environment);
  if (typeof sink.url === 'string') {
    const problem = urlProblem(sink.url, HTTP);
    if (problem !== null) problems.push(`url ${problem}`);
  } else {
    problems.push(...settingUrlProblems(sink.url, environment, HTTP));
  }
  if (value !== undefined && URL.canParse(value) && (new URL(value).username !== '' || new URL(value).password !== '')) {
    problems.push('the URL must not carry a user or password: use token');
  }
  if (sink.token !== null) {
    const token = lookUp(sink.token, environment);
    if (token === undefined) problems.push(missing(sink.token));
    else if (!/^[\x21-\x7e]+$/.test(token)) problems.push(`${sink.token.name} holds characters that a header cannot carry`);
  }
  for (const [name, text] of Object.entries(sink.headers)) {
    if (!HEADER_NAME.test(name) || !HEADER_VALUE.test(text)) problems.push(`header '${name}' cannot be sent`);
    if (OWN_HEADERS.includes(name.toLowerCase())) problems.push(`header '${name}' is set by the sink itself`);
  }
  return [...problems, ...boundProblems(sink)];
};

const boundProblems = ({ concurrency, timeoutMs }: { readonly concurrency: number; readonly timeoutMs: number }): string[] => {
  const problems: string[] = [];
  if (!Number.isInteger(concurrency) || concurrency < 1 || concurrency > MAX_CONCURRENCY) problems.push(`concurrency must be a whole number from 1 to ${MAX_CONCURRENCY}`);
  if (!Number.isInteger(timeoutMs) || timeoutMs < 1) problems.push('timeoutMs must be a whole number of at least 1');
  return problems;
};

/** `host` or `host:port`; an IPv6 address in brackets when a port follows. */
const CONTACT_POINT = /^(?:[\w.-]+(?::\d{1,5})?|\[[0-9a-f:]+\]:\d{1,5}|[0-9a-f:]*:[0-9a-f:]*:[0-9a-f:]*)$/i;
const CASSANDRA_TABLE = /^[A-Za-z0-9_]{1,48}\.[A-Za-z0-9_]{1,48}$/;
const CASSANDRA_COLUMN = /^[A-Za-z][A-Za-z0-9_]*$/;
/** Cassandra's own bound, 20 years. */
const MAX_CASSANDRA_EXPIRE_SECONDS = 630_720_000;

const contactPointsIn = (text: string): readonly string[] => text.split(',').map((point) => point.trim());

const cassandraColumnProblems = ({ columns, partitionKey, clusteringKey }: CassandraSink): string[] => {
  const names = Object.keys(columns);
  const key = [...partitionKey, ...clusteringKey];
  const problems = names.filter((name) => !CASSANDRA_COLUMN.test(name)).map((name) => `column '${name}' must be letters, digits and _`);
  if (partitionKey.length === 0) problems.push('partitionKey is empty');
  for (const name of key) if (!names.includes(name)) problems.push(`the key names '${name}', which is no column`);
  if (new Set(key).size !== key.length) problems.push('the key names a column twice');
  return problems;
};

const cassandraProblems = (sink: CassandraSink, environment: Environment): string[] => {
  const problems = cassandraColumnProblems(sink);
  if (!CASSANDRA_TABLE.test(sink.table)) problems.unshift(`'${sink.table}' must be keyspace.table`);
  const points = lookUp(sink.contactPoints, environment);
  if (points === undefined) problems.push(missing(sink.contactPoints));
  else if (!contactPointsIn(points).every((point) => CONTACT_POINT.test(point))) problems.push(`${sink.contactPoints.name} must be host or host:port, separated by commas`);
  if ((sink.user === null) !== (sink.password === null)) problems.push('user and password go together');
  for (const setting of [sink.localDataCenter, sink.user, sink.password]) if (setting !== null && lookUp(setting, environment) === undefined) problems.push(missing(setting));
  const expires = sink.expireSeconds;
  if (expires !== null && (!Number.isInteger(expires) || expires < 1 || expires > MAX_CASSANDRA_EXPIRE_SECONDS)) problems.push(`expireSeconds must be a whole number from 1 to ${MAX_CASSANDRA_EXPIRE_SECONDS}`);
  return [...problems, ...boundProblems(sink)];
};

/** Where a Cassandra sink connects to. Throws `ConfigurationError` when a setting is missing. */
export const cassandraAddress = (sink: CassandraSink, environment: Environment) => ({
  contactPoints: contactPointsIn(resolveSetting(sink.contactPoints, environment)),
  localDataCenter: resolveSetting(sink.localDataCenter, environment),
  login: sink.user === null || sink.password === null ? null : { user: resolveSetting(sink.user, environment), password: resolveSetting(sink.password, environment) },
});

const defaultRedis: Setting = { kind: 'env', name: definitions.redisUrl.variable, fallback: definitions.redisUrl.fallback };

/** Everything that keeps this sink from starting: missing variables, malformed URLs, impossible options. Empty when there is nothing. */
export const settingProblems = (sink: OutsideSink, environment: Environment): string[] => {
  switch (sink.kind) {
    case 'redis': return settingUrlProblems(sink.url ?? defaultRedis, environment, REDIS);
    case 'bigquery': return bigqueryProblems(sink);
    case 'http': return httpProblems(sink, environment);
    case 'cassandra': return cassandraProblems(sink, environment);
  }
};
