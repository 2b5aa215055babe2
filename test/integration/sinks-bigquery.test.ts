import { BigQuery } from '@google-cloud/bigquery';
import { expect } from 'chai';
import { OAuth2Client } from 'google-auth-library';
import { after, describe, it } from 'mocha';
import { StopError } from '../../lib/core/errors.ts';
import type { SinkDriver } from '../../lib/sinks/contract.ts';
import { createDriver } from '../../lib/sinks/index.ts';
import { bigquery } from '../../topology/sinks/bigquery.ts';
import type { BigQuerySink } from '../../topology/sinks.ts';
import { describeConformance, type Place } from './support/conformance.ts';
import { Proxy } from './support/proxy.ts';
import { contextOf, recordOf, refusedIndexes, rejection, running, taskOf, testConfig, writeAll, type Item } from './support/sinks.ts';

const endpoint = new URL(testConfig.bigqueryEndpoint === '' ? 'http://127.0.0.1:9050' : testConfig.bigqueryEndpoint);
const auth = new OAuth2Client();
auth.setCredentials({ access_token: 'emulator' });
const client = new BigQuery({ projectId: testConfig.bigqueryProject, apiEndpoint: endpoint.origin, authClient: auth, autoRetry: false });
const dataset = `sinks_${crypto.randomUUID().slice(0, 8)}`;
const newTable = (): string => `${dataset}.t_${crypto.randomUUID().replaceAll('-', '')}`;
const query = async (sql: string): Promise<Record<string, unknown>[]> => (await client.query({ query: sql }))[0] as Record<string, unknown>[];

const at = new Proxy(endpoint.hostname, Number(endpoint.port));
const driverOf = (sink: BigQuerySink, context = contextOf(), apiEndpoint = endpoint.origin): SinkDriver =>
  createDriver(sink, context, { environment: {}, config: { ...testConfig, bigqueryEndpoint: apiEndpoint } });

const place = async (): Promise<Place> => {
  const table = newTable();
  const sink = bigquery({
    table,
    columns: { id: 'STRING', at: 'TIMESTAMP' },
    row: (item: Item) => {
      if (item.throws === true) throw new Error('on purpose');
      return { id: item.id, at: item.bad === true ? 'no time at all' : 0 };
    },
    id: (item) => item.id,
  });
  return {
    driver: (context) => driverOf(sink as BigQuerySink, context, `http://127.0.0.1:${at.port}`),
    contents: async () => new Map((await query(`SELECT id, COUNT(*) AS n FROM ${table} GROUP BY id`)).map(({ id, n }) => [String(id), Number(n)])),
  };
};

describeConformance({
  name: 'bigquery',
  promises: { fence: false, stopsBeforeTheFirst: true },
  proxy: () => at,
  start: () => at.up(),
  stop: () => at.down(),
  place,
});

describe('bigquery', function () {
  this.timeout(30_000);
  after(() => client.dataset(dataset).delete({ force: true }));
  const text = { id: (id: string) => id, row: (id: string) => ({ id }) };
  const write = async <V>(sink: BigQuerySink<V, unknown>, values: readonly V[]): Promise<number[]> => {
    const driver = driverOf(sink as BigQuerySink);
    await driver.open();
    return refusedIndexes(await (await driver.writer(taskOf(1))).write(values.map((value, n) => recordOf(value, n)), running()));
  };

  it('makes a table partitioned and clustered as the sink says', async () => {
    const table = newTable();
    await driverOf(bigquery({
      table, columns: { at: 'TIMESTAMP', a: 'STRING', b: 'INT64' }, row: (_: string) => ({ at: null, a: null, b: null }), id: (id) => id,
      partitionBy: { column: 'at', unit: 'DAY' }, clusterBy: ['b', 'a'],
    }) as BigQuerySink).open();
    const metadata: Record<string, unknown> = (await client.dataset(dataset).table(table.split('.')[1]!).getMetadata())[0];
    expect(metadata.timePartitioning).deep.include({ type: 'DAY', field: 'at' });
    expect(metadata.clustering).deep.equal({ fields: ['b', 'a'] });
  });

  it('writes every type of column exactly', async () => {
    const table = newTable();
    const columns = { s: 'STRING', i: 'INT64', f: 'FLOAT64', n: 'NUMERIC', b: 'BOOL', ts: 'TIMESTAMP', d: 'DATE', dt: 'DATETIME', t: 'TIME', j: 'JSON', by: 'BYTES', none: 'STRING' } as const;
    expect(await write(bigquery({
      table, columns, id: (id: string) => id,
      row: () => ({
        s: 'ü {{projectId}} "\n', i: 9007199254740993n, f: 0.1, n: '12345678901234567890.123456789', b: true, ts: 1_704_164_645_678, d: '2024-01-02',
        dt: '2024-01-02T03:04:05', t: '03:04:05', j: '{"a":[1]}', by: 'AAEC', none: null,
      }),
    }), ['1'])).deep.equal([]);
    const casts = ['s', 'CAST(i AS STRING) AS i', 'f', 'CAST(n AS STRING) AS n', 'b', 'UNIX_MILLIS(ts) AS ts', 'CAST(d AS STRING) AS d', 'CAST(dt AS STRING) AS dt', 'CAST(t AS STRING) AS t', 'TO_JSON_STRING(j) AS j', 'TO_BASE64(by) AS by64', 'none'];
    const [row] = await query(`SELECT ${casts.join(', ')} FROM ${table}`);
    expect(row).deep.equal({
      s: 'ü {{projectId}} "\n', i: '9007199254740993', f: 0.1, n: '12345678901234567890.123456789', b: true, ts: 1_704_164_645_678, d: '2024-01-02',
      dt: '2024-01-02 03:04:05', t: '03:04:05', j: '{"a":[1]}', by64: 'AAEC', none: null,
    });
  });

  it('adds columns that the table lacks and keeps its rows', async () => {
    const table = newTable();
    await write(bigquery({ table, columns: { id: 'STRING' }, ...text }), ['old']);
    await write(bigquery({ table, columns: { id: 'STRING', more: 'INT64' }, id: text.id, row: (id: string) => ({ id, more: 5 }) }), ['new']);
    expect(await query(`SELECT id, more FROM ${table} ORDER BY id`)).deep.equal([{ id: 'new', more: 5 }, { id: 'old', more: null }]);
  });

  it('leaves a table alone whose columns or partitions differ, and lists the differences', async () => {
    const table = newTable();
    await write(bigquery({ table, columns: { id: 'STRING', n: 'INT64', at: 'DATE' }, id: text.id, row: (id: string) => ({ id, n: 1, at: null }) }), []);
    const changed = bigquery({ table, columns: { id: 'STRING', n: 'STRING', at: 'DATE' }, id: text.id, row: (id: string) => ({ id, n: id, at: null }), partitionBy: { column: 'at', unit: 'MONTH' } });
    const error = await rejection(driverOf(changed as BigQuerySink).open());
    expect(error).instanceOf(StopError);
    expect(String(error)).contains('column n is INT64 in the table and STRING in the sink').contains('partitioned by not partitioned, the sink by MONTH of at');
  });

  it('makes its table again when somebody drops it', async () => {
    const table = newTable();
    const driver = driverOf(bigquery({ table, columns: { id: 'STRING' }, ...text }) as BigQuerySink);
    await driver.open();
    const writer = await driver.writer(taskOf(1));
    await writer.write([recordOf('before', 0)], running());
    await client.dataset(dataset).table(table.split('.')[1]!).delete();
    await writeAll(writer, [recordOf('after', 1)]);
    expect(await query(`SELECT id FROM ${table}`)).deep.equal([{ id: 'after' }]);
  });

  it('cuts a batch into requests by number and by bytes', async () => {
    const table = newTable();
    const big = 'x'.repeat(2_500_000);
    const sink = bigquery({ table, columns: { id: 'STRING', text: 'STRING' }, id: text.id, row: (id: string) => ({ id, text: id.startsWith('big') ? big : null }) });
    const values = [...Array.from({ length: 1_100 }, (_, n) => `small-${n}`), ...Array.from({ length: 5 }, (_, n) => `big-${n}`)];
    expect(await write(sink, values)).deep.equal([]);
    expect(await query(`SELECT COUNT(*) AS n, COUNT(DISTINCT id) AS ids FROM ${table}`)).deep.equal([{ n: 1_105, ids: 1_105 }]);
  });

  it('refuses a row too large for any request, and values that no column takes', async () => {
    const table = newTable();
    const sink = bigquery({ table, columns: { id: 'STRING', n: 'INT64' }, id: text.id, row: (id: string) => ({ id: id === 'huge' ? 'x'.repeat(9_100_000) : id, n: id === 'half' ? 0.5 : 2n ** 63n - 1n }) });
    expect(await write(sink, ['a', 'huge', 'half', 'b'])).deep.equal([1, 2]);
    expect(await query(`SELECT id, CAST(n AS STRING) AS n FROM ${table} ORDER BY id`)).deep.equal([{ id: 'a', n: '9223372036854775807' }, { id: 'b', n: '9223372036854775807' }]);
  });
});
