import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { resolveSetting, settingProblems } from '../../lib/sinks/settings.ts';
import { bigquery } from '../../topology/sinks/bigquery.ts';
import { http, type HttpOptions } from '../../topology/sinks/http.ts';
import { redis } from '../../topology/sinks/redis.ts';
import { cassandra } from '../../topology/sinks/cassandra.ts';
import { env, secret, type OutsideSink } from '../../topology/sinks.ts';

const partner = (options: Partial<HttpOptions<string, string>>): OutsideSink => http<string, string>({ url: 'https://example.org/calls', body: (v) => v, idempotencyKey: (v) => v, ...options }) as OutsideSink;
const hash = (url?: ReturnType<typeof secret>): OutsideSink => redis.hash<string, string>({ key: 'k', fields: () => ({}), ...(url === undefined ? {} : { url }) }) as OutsideSink;
const rows = (overrides: object): OutsideSink => ({ ...bigquery({ table: 'a.b', columns: { id: 'STRING' }, row: (id: string) => ({ id }), id: (id) => id }), ...overrides }) as OutsideSink;
const rowsOf = (overrides: object): OutsideSink => ({ ...cassandra({ table: 'a.b', columns: { id: 'text' }, partitionKey: ['id'], key: (id: string) => ({ id }), set: () => ({}) }), ...overrides }) as OutsideSink;

describe('settings of sinks', () => {
  const cases: readonly (readonly [string, OutsideSink, Record<string, string>, readonly string[]])[] = [
    ['a complete HTTP sink', partner({ url: env('URL'), token: secret('TOKEN') }), { URL: 'http://127.0.0.1:1/x', TOKEN: 'abc' }, []],
    ['a fallback', partner({ url: env('URL', 'http://127.0.0.1:1/') }), {}, []],
    ['missing variables, all of them', partner({ url: env('URL'), token: secret('TOKEN') }), { URL: '' }, ['URL is not set in the environment', 'TOKEN is not set in the environment (a secret)']],
    ['a URL that is none', partner({ url: env('URL') }), { URL: 'nonsense' }, ['URL is not a URL']],
    ['another protocol', partner({ url: 'ftp://example.org/' }), {}, ['url must begin with http:// or https://']],
    ['user and password in the URL', partner({ url: 'http://user:pass@example.org/' }), {}, ['the URL must not carry a user or password: use token']],
    ['a token that no header carries', partner({ token: secret('TOKEN') }), { TOKEN: 'a b\n' }, ['TOKEN holds characters that a header cannot carry']],
    ['headers that the sink sets itself', partner({ headers: { Authorization: 'x' } }), {}, ["header 'Authorization' is set by the sink itself"]],
    ['a header that would split the request', partner({ headers: { 'x-a': 'b\r\nc: d' } }), {}, ["header 'x-a' cannot be sent"]],
    ['impossible bounds', partner({ concurrency: 0, timeoutMs: 0.5 }), {}, ['concurrency must be a whole number from 1 to 256', 'timeoutMs must be a whole number of at least 1']],
    ['the default Redis', hash(), {}, []],
    ['a Redis URL of another protocol', hash(secret('R')), { R: 'http://127.0.0.1/' }, ['R must begin with redis:// or rediss://']],
    ['the default Redis, spoilt', hash(), { MILLRACE_REDIS_URL: 'localhost' }, ['MILLRACE_REDIS_URL is not a URL']],
    ['a table', rows({}), {}, []],
    ['a table of a named project', rows({ table: 'example.com:project-1.data.rows' }), {}, []],
    ['a table without a dataset', rows({ table: 'rows' }), {}, ["'rows' must be dataset.table or project.dataset.table"]],
    ['no columns', rows({ columns: {} }), {}, ['columns is empty']],
    ['columns that are none', rows({ columns: { id: 'STRING', 'a-b': 'STRING' }, partitionBy: { column: 'x', unit: 'DAY' }, clusterBy: ['y'] }), {}, ["column 'a-b' must be letters, digits and _", "partitionBy names 'x', which is no column", "clusterBy names 'y', which is no column"]],
    ['a Cassandra table', rowsOf({}), {}, []],
    ['Cassandra nodes without ports, with them and with IPv6', rowsOf({}), { MILLRACE_CASSANDRA_CONTACT_POINTS: 'db-1, 10.0.0.1:9043,[::1]:9042,::1' }, []],
    ['a Cassandra table without a keyspace', rowsOf({ table: 'rows' }), {}, ["'rows' must be keyspace.table"]],
    ['Cassandra keys and columns that are none', rowsOf({ columns: { 'a-b': 'text' }, partitionKey: [], clusteringKey: ['id', 'id'] }), {}, ["column 'a-b' must be letters, digits and _", 'partitionKey is empty', "the key names 'id', which is no column", "the key names 'id', which is no column", 'the key names a column twice']],
    ['Cassandra nodes that are none', rowsOf({}), { MILLRACE_CASSANDRA_CONTACT_POINTS: 'cassandra://db' }, ['MILLRACE_CASSANDRA_CONTACT_POINTS must be host or host:port, separated by commas']],
    ['a Cassandra login that is half', rowsOf({ user: env('CASSANDRA_USER', 'me') }), {}, ['user and password go together']],
    ['a Cassandra password that is missing', rowsOf({ user: env('CASSANDRA_USER', 'me'), password: secret('CASSANDRA_PASSWORD') }), {}, ['CASSANDRA_PASSWORD is not set in the environment (a secret)']],
    ['bounds impossible in Cassandra', rowsOf({ concurrency: 257, timeoutMs: 0, expireSeconds: 700_000_000 }), {}, ['expireSeconds must be a whole number from 1 to 630720000', 'concurrency must be a whole number from 1 to 256', 'timeoutMs must be a whole number of at least 1']],
  ];
  for (const [name, sink, environment, problems] of cases) {
    it(`finds ${problems.length === 0 ? 'nothing wrong' : 'what is wrong'} with ${name}`, () => {
      expect(settingProblems(sink, environment)).deep.equal(problems);
    });
  }

  it('does not repeat a secret when it is malformed', () => {
    expect(settingProblems(hash(secret('R')), { R: 'planted-password' }).join()).not.contains('planted');
  });

  it('takes the environment before the fallback, and names a variable that is missing', () => {
    expect(resolveSetting(env('A', 'fallback'), { A: 'given' })).equal('given');
    expect(resolveSetting(env('A', 'fallback'), {})).equal('fallback');
    expect(() => resolveSetting(secret('A'), {})).throws(ConfigurationError, 'A is not set');
  });
});
