import { expect } from 'chai';
import { describe, it } from 'mocha';
import { DeadLetterError, RetryError, StopError } from '../../lib/core/errors.ts';
import { bigqueryError } from '../../lib/sinks/bigquery/errors.ts';
import { encodeRow, insertIdOf } from '../../lib/sinks/bigquery/rows.ts';
import { parseTableName, tableDifferences } from '../../lib/sinks/bigquery/table.ts';
import type { BigQuerySink, BigQueryType } from '../../topology/sinks.ts';

const row = (type: BigQueryType, value: unknown): unknown => (JSON.parse(encodeRow({ c: type }, { c: value as string }, 'i')) as { readonly json: { readonly c: unknown } }).json.c;

describe('rows for BigQuery', () => {
  const taken: readonly (readonly [BigQueryType, unknown, unknown])[] = [
    ['STRING', 'ü"\n', 'ü"\n'], ['STRING', '', ''], ['STRING', null, null],
    ['INT64', 9007199254740993n, '9007199254740993'], ['INT64', -5, '-5'], ['INT64', -(2n ** 63n), '-9223372036854775808'],
    ['FLOAT64', 0.1, 0.1], ['FLOAT64', Number.NaN, 'NaN'], ['FLOAT64', -Infinity, '-Infinity'],
    ['NUMERIC', '12345678901234567890.123456789', '12345678901234567890.123456789'], ['NUMERIC', 0.1, '0.1'], ['BIGNUMERIC', 2n ** 100n, '1267650600228229401496703205376'],
    ['BOOL', false, false], ['TIMESTAMP', 1_704_164_645_678, '2024-01-02T03:04:05.678Z'], ['TIMESTAMP', '2024-01-02 03:04:05.678901 UTC', '2024-01-02 03:04:05.678901 UTC'],
    ['DATE', '2024-01-02', '2024-01-02'], ['JSON', '{"a":1}', '{"a":1}'], ['BYTES', 'AAEC', 'AAEC'],
  ];
  for (const [type, value, expected] of taken) it(`writes ${String(value)} to a ${type} as ${JSON.stringify(expected)}`, () => expect(row(type, value)).equal(expected));

  const refused: readonly (readonly [BigQueryType, unknown])[] = [
    ['STRING', 1], ['STRING', undefined], ['INT64', 0.5], ['INT64', 2 ** 53], ['INT64', 2n ** 63n], ['INT64', '1'], ['FLOAT64', '1'], ['NUMERIC', Infinity], ['BOOL', 1],
    ['TIMESTAMP', Number.NaN], ['TIMESTAMP', 1n], ['DATE', 1], ['JSON', {}],
  ];
  for (const [type, value] of refused) it(`refuses ${typeof value} ${String(value)} for a ${type}`, () => expect(() => row(type, value)).throws(DeadLetterError, 'Column c'));

  it('refuses a value without a column', () => {
    expect(() => encodeRow({ c: 'STRING' }, { c: 'x', more: 1 }, 'i')).throws(DeadLetterError, 'more');
  });

  it('keeps row ids within 128 characters, different ones different', () => {
    expect(insertIdOf(5n)).equal('5');
    expect(insertIdOf('x'.repeat(128))).equal('x'.repeat(128));
    expect(insertIdOf('x'.repeat(129))).match(/^[0-9a-f]{64}$/);
    expect(insertIdOf(`${'x'.repeat(200)}1`)).not.equal(insertIdOf(`${'x'.repeat(200)}2`));
    expect(() => insertIdOf('')).throws(DeadLetterError);
  });
});

describe('tables of BigQuery', () => {
  it('are named with or without their project', () => {
    expect(parseTableName('d.t', 'p')).deep.equal({ project: 'p', dataset: 'd', table: 't' });
    expect(parseTableName('q.d.t', 'p')).deep.equal({ project: 'q', dataset: 'd', table: 't' });
    expect(parseTableName('example.com:q.d.t', 'p')).deep.equal({ project: 'example.com:q', dataset: 'd', table: 't' });
  });

  const sink = { columns: { a: 'INT64', b: 'FLOAT64', at: 'DATE' }, partitionBy: { column: 'at', unit: 'MONTH' }, clusterBy: [] } as unknown as BigQuerySink;
  const partitioned = { timePartitioning: { type: 'MONTH', field: 'at' } };
  const cases: readonly (readonly [string, object, readonly string[]])[] = [
    ['is as the sink says, by its old type names', { ...partitioned, schema: { fields: [{ name: 'a', type: 'INTEGER' }, { name: 'b', type: 'FLOAT' }, { name: 'at', type: 'DATE' }] } }, []],
    ['lacks a column and has one more', { ...partitioned, schema: { fields: [{ name: 'a', type: 'INT64' }, { name: 'z', type: 'STRING', mode: 'NULLABLE' }] } }, []],
    ['has another type and a column that it requires', { ...partitioned, schema: { fields: [{ name: 'a', type: 'STRING' }, { name: 'z', type: 'STRING', mode: 'REQUIRED' }] } },
      ['column a is STRING in the table and INT64 in the sink', 'column z is REQUIRED in the table and no column of the sink']],
    ['has arrays', { ...partitioned, schema: { fields: [{ name: 'a', type: 'INT64', mode: 'REPEATED' }] } }, ['column a is REPEATED in the table']],
    ['is partitioned otherwise', { schema: { fields: [] }, timePartitioning: { type: 'DAY' } }, ['the table is partitioned by DAY of ingestion time, the sink by MONTH of at']],
  ];
  for (const [name, metadata, differences] of cases) it(`differ where they must when one ${name}`, () => expect(tableDifferences(sink, metadata)).deep.equal(differences));
});

describe('errors of BigQuery', () => {
  const api = (code: number | string | undefined, reason?: string): Error => Object.assign(new Error('x'), { code, errors: reason === undefined ? [] : [{ reason }] });
  const cases: readonly (readonly [Error, typeof RetryError | typeof StopError])[] = [
    [api('ECONNREFUSED'), RetryError], [api(undefined), RetryError], [api(429), RetryError], [api(500), RetryError], [api(503), RetryError],
    [api(403, 'rateLimitExceeded'), RetryError], [api(403, 'quotaExceeded'), RetryError], [api(401), RetryError],
    [api(403, 'accessDenied'), StopError], [api(400, 'invalid'), StopError],
  ];
  for (const [error, type] of cases) it(`takes ${JSON.stringify(error)} as ${type.name}`, () => expect(bigqueryError(error, 'a call')).instanceOf(type));
});
