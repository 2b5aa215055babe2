/** The Cassandra sink against a real node, which this file starts and stops. */
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { StopError } from '../../lib/core/errors.ts';
import type { SinkContext, SinkDriver, SinkRecord } from '../../lib/sinks/contract.ts';
import { createDriver } from '../../lib/sinks/index.ts';
import { cassandra } from '../../topology/sinks/cassandra.ts';
import type { CassandraSink } from '../../topology/sinks.ts';
import { CassandraNode } from './support/cassandra.ts';
import { describeConformance, type Place } from './support/conformance.ts';
import { Proxy } from './support/proxy.ts';
import { contextOf, recordOf, refusedIndexes, rejection, retryIndexes, running, taskOf, testConfig, type Item } from './support/sinks.ts';

const KEYSPACE = 'sinks';
let node: CassandraNode;
let proxy: Proxy;

const newTable = (): string => `${KEYSPACE}.t_${crypto.randomUUID().replaceAll('-', '')}`;

const driverOf = (sink: CassandraSink<never, never>, { context = contextOf(), port = node.port, dataCenter = 'datacenter1' }: { readonly context?: SinkContext; readonly port?: number; readonly dataCenter?: string } = {}): SinkDriver =>
  createDriver(sink, context, { environment: { MILLRACE_CASSANDRA_CONTACT_POINTS: `127.0.0.1:${port}`, MILLRACE_CASSANDRA_LOCAL_DATA_CENTER: dataCenter }, config: testConfig });

/** Longer than a key may be. */
const TOO_LONG = 'x'.repeat(70_000);

const place = async (): Promise<Place> => {
  const table = newTable();
  await node.rows(`CREATE TABLE ${table} (place text, id text, offset bigint, PRIMARY KEY (place, id))`);
  const sink = cassandra({
    table,
    columns: { place: 'text', id: 'text', offset: 'bigint' },
    partitionKey: ['place'],
    clusteringKey: ['id'],
    key: (item: Item) => ({ place: `of ${item.id.length % 2}`, id: item.bad === true ? TOO_LONG : item.id }),
    set: (item, meta) => {
      if (item.throws === true) throw new Error('on purpose');
      return { offset: meta.offset };
    },
  });
  return {
    driver: (context) => driverOf(sink as CassandraSink<never, never>, { context, port: proxy.port }),
    contents: async () => {
      const found = new Map<string, number>();
      for (const { id } of await node.rows(`SELECT id FROM ${table}`)) found.set(String(id), (found.get(String(id)) ?? 0) + 1);
      return found;
    },
  };
};

describe('the Cassandra sink', function () {
  this.timeout(60_000);

  before(async function () {
    this.timeout(180_000);
    node = await CassandraNode.start();
    await node.rows(`CREATE KEYSPACE ${KEYSPACE} WITH replication = {'class': 'SimpleStrategy', 'replication_factor': 1}`);
    proxy = new Proxy(node.host, node.port);
    await proxy.up();
  });

  after(async function () {
    this.timeout(60_000);
    await proxy?.down();
    await node?.stop();
  });

  describeConformance({ name: 'cassandra', promises: { fence: false, stopsBeforeTheFirst: true }, proxy: () => proxy, start: () => Promise.resolve(), stop: () => Promise.resolve(), place });

  interface Measure { readonly id: string; readonly n: number | null; readonly deleted?: boolean }
  const measures = (table: string, options: Partial<Parameters<typeof cassandra>[0]> = {}): CassandraSink<never, never> => ({
    ...cassandra({
      table, columns: { id: 'text', n: 'int', note: 'text' }, partitionKey: ['id'],
      key: ({ id }: Measure) => ({ id }), set: ({ n, deleted }) => (deleted === true ? null : { n, note: n === null ? null : `n is ${n}` }),
    }),
    ...options,
  }) as CassandraSink<never, never>;
  const made = async (columns = 'id text PRIMARY KEY, n int, note text'): Promise<string> => {
    const table = newTable();
    await node.rows(`CREATE TABLE ${table} (${columns})`);
    return table;
  };
  const write = async (sink: CassandraSink<never, never>, records: readonly SinkRecord[]) => {
    const driver = driverOf(sink);
    try {
      await driver.open();
      return await (await driver.writer(taskOf(1))).write(records, running());
    } finally {
      await driver.close();
    }
  };
  const at = (timestamp: number, value: Measure, offset = 0): SinkRecord => recordOf(value, offset, { timestamp });

  it('keeps the value with the latest timestamp, whichever is written last', async () => {
    const table = await made();
    await write(measures(table), [at(2_000, { id: 'a', n: 2 }), at(1_000, { id: 'a', n: 1 })]);
    await write(measures(table), [at(1_500, { id: 'a', n: 15 })]);
    expect(await node.rows(`SELECT id, n, note, writetime(n) AS written FROM ${table}`).then(([row]) => ({ ...row, written: String(row!['written']) })))
      .deep.equal({ id: 'a', n: 2, note: 'n is 2', written: '2000000' });
  });

  it('deletes values and rows for nulls, which older records do not bring back', async () => {
    const table = await made();
    await write(measures(table), [at(1_000, { id: 'a', n: 1 }), at(1_000, { id: 'b', n: 1 }), at(1_000, { id: 'c', n: 1 })]);
    await write(measures(table), [at(2_000, { id: 'a', n: null }), at(2_000, { id: 'b', n: 0, deleted: true })]);
    await write(measures(table), [at(1_000, { id: 'a', n: 1 }), at(1_000, { id: 'b', n: 1 })]);
    const rows = await node.rows(`SELECT id, n FROM ${table}`);
    expect(rows.toSorted((x, y) => (String(x['id']) < String(y['id']) ? -1 : 1))).deep.equal([{ id: 'a', n: null }, { id: 'c', n: 1 }]);
  });

  it('writes with a timestamp of the user, and with expiry', async () => {
    const table = await made();
    await write(measures(table, { writtenAtUs: (_: unknown, meta) => 5_000_000_000_000_000n + BigInt(meta.offset), expireSeconds: 3_600 }), [at(1, { id: 'a', n: 1 }, 7)]);
    const [row] = await node.rows(`SELECT writetime(n) AS written, ttl(n) AS left FROM ${table}`);
    expect(String(row!['written'])).equal('5000000000000007');
    expect(row!['left']).within(3_500, 3_600);
  });

  it('writes every type of column exactly', async () => {
    const table = await made('a ascii, t text, ti tinyint, si smallint, i int, bi bigint, vi varint, de decimal, f float, d double, b boolean, ts timestamp, da date, tm time, u uuid, tu timeuuid, ip inet, bl blob, PRIMARY KEY (a)');
    const sink = cassandra({
      table,
      columns: {
        a: 'ascii', t: 'text', ti: 'tinyint', si: 'smallint', i: 'int', bi: 'bigint', vi: 'varint', de: 'decimal', f: 'float', d: 'double', b: 'boolean', ts: 'timestamp', da: 'date',
        tm: 'time', u: 'uuid', tu: 'timeuuid', ip: 'inet', bl: 'blob',
      },
      partitionKey: ['a'],
      key: (a: string) => ({ a }),
      set: () => ({
        t: 'ü\u{1F600} "\n', ti: -128, si: 32_767, i: -2_147_483_648, bi: -9_223_372_036_854_775_808n, vi: -170_141_183_460_469_231_731_687_303_715_884_105_728n, de: '-0.0500', f: 0.5, d: 0.1,
        b: false, ts: 1_704_164_645_678, da: '1969-12-31', tm: '23:59:59.123456789', u: '123e4567-e89b-42d3-a456-426614174000', tu: '50554d6e-29bb-11e5-b345-feff819cdc9f', ip: '2001:db8::1',
        bl: Uint8Array.of(0, 255),
      }),
    });
    expect(await write(sink as CassandraSink<never, never>, [recordOf('key', 0)])).deep.equal({ refused: [], retry: [] });
    const casts = ['t', 'ti', 'si', 'i', 'CAST(bi AS text) AS bi', 'CAST(vi AS text) AS vi', 'CAST(de AS text) AS de', 'f', 'd', 'b', 'CAST(ts AS text) AS ts', 'CAST(da AS text) AS da', 'CAST(tm AS text) AS tm', 'CAST(u AS text) AS u', 'CAST(tu AS text) AS tu', 'CAST(ip AS text) AS ip'];
    const [row] = await node.rows(`SELECT ${casts.join(', ')}, bl FROM ${table} WHERE a = ?`, ['key']);
    expect({ ...row, bl: [...(row!['bl'] as Buffer)] }).deep.equal({
      t: 'ü\u{1F600} "\n', ti: -128, si: 32_767, i: -2_147_483_648, bi: '-9223372036854775808', vi: '-170141183460469231731687303715884105728', de: '-0.0500', f: 0.5, d: 0.1, b: false,
      ts: '2024-01-02T03:04:05.678Z', da: '1969-12-31', tm: '23:59:59.123456789', u: '123e4567-e89b-42d3-a456-426614174000', tu: '50554d6e-29bb-11e5-b345-feff819cdc9f', ip: '2001:db8:0:0:0:0:0:1',
      bl: [0, 255],
    });
  });

  it('refuses values that no column takes, and rows too large for Cassandra', async () => {
    const table = await made();
    const sink = measures(table, { set: ({ n }: Measure) => ({ n, note: n === 3 ? 'x'.repeat(15_100_000) : null }) } as never);
    const result = await write(sink, [1, 0.5, 3, 2 ** 31, 4].map((n, i) => at(1_000, { id: `id-${i}`, n })));
    expect(refusedIndexes(result)).deep.equal([1, 2, 3]);
    expect(result.refused[0]!.error.message).contains('Column n takes a whole number within 32 bits, not 0.5');
    expect((await node.rows(`SELECT n FROM ${table}`)).map(({ n }) => n).toSorted()).deep.equal([1, 4]);
  });

  it('writes a row that is nearly too large', async () => {
    const table = await made();
    const result = await write(measures(table, { set: () => ({ n: 1, note: 'x'.repeat(14_900_000) }) } as never), [at(1_000, { id: 'large', n: 1 })]);
    expect(result).deep.equal({ refused: [], retry: [] });
    expect(await node.rows(`SELECT n FROM ${table}`)).deep.equal([{ n: 1 }]);
  });

  it('writes many rows of one partition and many partitions', async () => {
    const table = await made('part int, id int, PRIMARY KEY (part, id)');
    const sink = cassandra({ table, columns: { part: 'int', id: 'int' }, partitionKey: ['part'], clusteringKey: ['id'], key: (n: number) => ({ part: n % 2 === 0 ? 0 : n, id: n }), set: () => ({}) });
    expect(await write(sink as CassandraSink<never, never>, Array.from({ length: 1_000 }, (_, n) => recordOf(n, n)))).deep.equal({ refused: [], retry: [] });
    expect((await node.rows(`SELECT count(*) AS n FROM ${table}`)).map(({ n }) => String(n))).deep.equal(['1000']);
    expect((await node.rows(`SELECT count(*) AS n FROM ${table} WHERE part = 0`)).map(({ n }) => String(n))).deep.equal(['500']);
  });

  const stops: readonly (readonly [what: string, table: () => Promise<string>, says: readonly string[]])[] = [
    ['there is no keyspace', () => Promise.resolve('nowhere.rows'), ['no keyspace nowhere', 'CREATE TABLE "nowhere"."rows" ("id" text, "n" int, "note" text, PRIMARY KEY (("id")))']],
    ['there is no table', () => Promise.resolve(`${KEYSPACE}.absent`), ['no table sinks.absent', 'CREATE TABLE "sinks"."absent" ("id" text, "n" int, "note" text, PRIMARY KEY (("id")))']],
    ['columns are missing', () => made('id text PRIMARY KEY'), ['lacks columns n, note', 'ADD ("n" int, "note" text)']],
    ['a column has another type', () => made('id text PRIMARY KEY, n bigint, note text'), ['column n is bigint in the table and int in the sink']],
    ['the key is another one', () => made('id text, n int, note text, PRIMARY KEY (id, n)'), ['the clustering key is (n) in the table and () in the sink']],
  ];
  for (const [what, table, says] of stops) {
    it(`does not open when ${what}, and gives the CQL`, async () => {
      const driver = driverOf(measures(await table()));
      try {
        const error = await rejection(driver.open());
        expect(error).instanceOf(StopError);
        for (const text of says) expect(String(error)).contains(text);
      } finally {
        await driver.close();
      }
    });
  }

  it('does not open in a data center that there is not', async () => {
    const driver = driverOf(measures(await made()), { dataCenter: 'elsewhere' });
    try {
      expect(await rejection(driver.open())).instanceOf(StopError);
    } finally {
      await driver.close();
    }
  });

  it('stops when somebody drops its table or a column of it, and blames no record', async () => {
    for (const change of ['DROP TABLE {}', 'ALTER TABLE {} DROP note']) {
      const table = await made();
      const driver = driverOf(measures(table));
      try {
        await driver.open();
        const writer = await driver.writer(taskOf(1));
        await writer.write([at(1_000, { id: 'before', n: 1 })], running());
        await node.rows(change.replace('{}', table));
        const error = await rejection(writer.write([at(1_000, { id: 'a', n: 1 }), at(1_000, { id: 'b', n: 1 })], running()));
        expect(error, change).instanceOf(StopError);
      } finally {
        await driver.close();
      }
    }
  });

  it('asks for another try of everything that was not written when the node is away', async () => {
    const table = await made();
    const driver = driverOf(measures(table), { port: proxy.port });
    try {
      await driver.open();
      const writer = await driver.writer(taskOf(1));
      await proxy.down();
      expect(retryIndexes(await writer.write([0, 1, 2].map((n) => at(1_000, { id: `id-${n}`, n })), running()))).deep.equal([0, 1, 2]);
    } finally {
      await proxy.up();
      await driver.close();
    }
  });
});
