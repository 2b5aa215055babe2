import { expect } from 'chai';
import { describe, it } from 'mocha';
import cassandraDriver from 'cassandra-driver';
import { DeadLetterError, RetryError, StopError } from '../../lib/core/errors.ts';
import { cassandraError, isInvalid, isUnprepared } from '../../lib/sinks/cassandra/errors.ts';
import { Statements } from '../../lib/sinks/cassandra/statements.ts';
import { createTable, tableDifferences, type ColumnInfo } from '../../lib/sinks/cassandra/table.ts';
import { encodeValue } from '../../lib/sinks/cassandra/values.ts';
import { cassandra } from '../../topology/sinks/cassandra.ts';
import type { CassandraSink, CassandraType } from '../../topology/sinks.ts';

const { errors } = cassandraDriver;

interface Reading { readonly place: string; readonly day: string; readonly id: bigint; readonly value: number | null; readonly gone?: boolean }

const readings = cassandra({
  table: 'weather.readings', columns: { place: 'text', day: 'date', id: 'bigint', value: 'double' }, partitionKey: ['place', 'day'], clusteringKey: ['id'],
  key: ({ place, day, id }: Reading) => ({ place, day, id }), set: ({ value, gone }) => (gone === true ? null : { value }),
}) as CassandraSink<never, never>;

const record = (value: unknown, timestamp = 1_700_000_000_123) => ({ value, key: null, timestamp, headers: [], topic: 't', partition: 0, offset: 5, now: 0 });
const reading: Reading = { place: 'Oslo', day: '2024-02-29', id: 9_007_199_254_740_993n, value: 1.5 };

describe('statements of the Cassandra sink', () => {
  it('upsert with the timestamp of the record, in microseconds', () => {
    const write = new Statements(readings).write(record(reading), 3);
    expect(write.query).equal('INSERT INTO "weather"."readings" ("place", "day", "id", "value") VALUES (?, ?, ?, ?) USING TIMESTAMP ?');
    expect(write.params.map(String)).deep.equal(['Oslo', '2024-02-29', '9007199254740993', '1.5', '1700000000123000']);
    expect(write.index).equal(3);
  });

  it('delete the row for null', () => {
    const write = new Statements(readings).write(record({ ...reading, gone: true }), 0);
    expect(write.query).equal('DELETE FROM "weather"."readings" USING TIMESTAMP ? WHERE "place" = ? AND "day" = ? AND "id" = ?');
    expect(write.params.map(String)).deep.equal(['1700000000123000', 'Oslo', '2024-02-29', '9007199254740993']);
  });

  it('carry an expiry and a timestamp of the user', () => {
    const write = new Statements({ ...readings, expireSeconds: 60, writtenAtUs: () => 7n }).write(record(reading), 0);
    expect(write.query).match(/ USING TIMESTAMP \? AND TTL 60$/);
    expect(String(write.params.at(-1))).equal('7');
  });

  it('say which rows are of one partition', () => {
    const statements = new Statements(readings);
    const partition = (changes: Partial<Reading>): string => statements.write(record({ ...reading, ...changes }), 0).partition;
    expect(partition({ id: 1n })).equal(partition({}));
    expect(partition({ day: '2024-02-28' })).not.equal(partition({}));
  });

  const refusals: readonly (readonly [what: string, sink: Partial<CassandraSink<never, never>>, says: string])[] = [
    ['a null in the key', { key: () => ({ place: null, day: '2024-01-01', id: 1 }) }, 'Column place takes text, not null'],
    ['a column that was forgotten', { set: () => ({}) }, 'Column value takes a number, not undefined'],
    ['a column that there is not', { set: () => ({ value: 1, more: 1 }) }, "The sink's set has more, which is none of its columns"],
    ['a timestamp that is none', { writtenAtUs: () => 0.5 }, "Column of the write's timestamp takes a whole number"],
  ];
  for (const [what, changes, says] of refusals) {
    it(`refuse ${what}`, () => expect(() => new Statements({ ...readings, ...changes }).write(record(reading), 0)).throws(DeadLetterError, says));
  }
});

describe('values of the Cassandra sink', () => {
  const taken: readonly (readonly [CassandraType, string | number | bigint | boolean, string])[] = [
    ['ascii', 'plain', 'plain'], ['tinyint', 127, '127'], ['bigint', -(2n ** 63n), '-9223372036854775808'], ['bigint', 2 ** 53 - 1, '9007199254740991'], ['varint', 10n ** 30n, `1${'0'.repeat(30)}`],
    ['decimal', '-0.050', '-0.050'], ['decimal', '12345678901234567890.123456789', '12345678901234567890.123456789'], ['decimal', 7n, '7'], ['timestamp', -1, '-1'], ['date', '0001-01-01', '0001-01-01'],
    ['time', '00:00:00', '00:00:00'], ['uuid', '123E4567-E89B-42D3-A456-426614174000', '123e4567-e89b-42d3-a456-426614174000'], ['inet', '10.0.0.1', '10.0.0.1'],
  ];
  for (const [type, value, text] of taken) {
    it(`take ${String(value)} as ${type}`, () => expect(String(encodeValue('c', type, value).value)).equal(text));
  }

  const refused: readonly (readonly [CassandraType, unknown])[] = [
    ['ascii', 'ü'], ['text', 1], ['tinyint', 128], ['smallint', -32_769], ['int', 2 ** 31], ['int', 1.5], ['int', 1n], ['bigint', 2n ** 63n], ['bigint', 2 ** 53], ['varint', '1'], ['decimal', '1e3'], ['decimal', ''],
    ['decimal', Number.NaN], ['double', '1'], ['boolean', 1], ['timestamp', 1.5], ['timestamp', '2024-01-01'], ['date', '2023-02-29'], ['date', '2023-1-1'], ['time', '24:00:00'], ['time', '1:00'], ['uuid', 'x'],
    ['inet', ''], ['inet', 'localhost'], ['blob', 'AAEC'],
  ];
  for (const [type, value] of refused) {
    it(`refuse ${String(value)} (${typeof value}) as ${type}`, () => expect(() => encodeValue('c', type, value as never)).throws(DeadLetterError, 'Column c takes'));
  }
});

describe('the table of the Cassandra sink', () => {
  const columns: readonly ColumnInfo[] = [
    { column_name: 'day', type: 'date', kind: 'partition_key', position: 1 }, { column_name: 'id', type: 'bigint', kind: 'clustering', position: 0 },
    { column_name: 'place', type: 'text', kind: 'partition_key', position: 0 }, { column_name: 'value', type: 'double', kind: 'regular', position: -1 }, { column_name: 'more', type: 'text', kind: 'regular', position: -1 },
  ];

  it('fits when keys and types agree; it may have more columns', () => expect(tableDifferences(readings, columns)).deep.equal([]));

  it('does not fit with another order of the key, another type or a static column', () => {
    expect(tableDifferences({ ...readings, partitionKey: ['day', 'place'] }, columns)).deep.equal(['the partition key is (place, day) in the table and (day, place) in the sink']);
    expect(tableDifferences({ ...readings, columns: { ...readings.columns, value: 'decimal' } }, columns)).deep.equal(['column value is double in the table and decimal in the sink']);
    const withStatic = columns.map((column) => (column.column_name === 'value' ? { ...column, kind: 'static' as const } : column));
    expect(tableDifferences(readings, withStatic)).deep.equal(['column value is static in the table: one record would set it for its whole partition']);
  });

  it('is made by a statement that names its key', () => {
    expect(createTable(readings)).equal('CREATE TABLE "weather"."readings" ("place" text, "day" date, "id" bigint, "value" double, PRIMARY KEY (("place", "day"), "id"))');
  });
});

describe('errors of Cassandra', () => {
  const response = (code: number): Error => Object.assign(Object.create(errors.ResponseError.prototype) as Error, { message: 'what it says', code });
  const noHost = (...causes: Error[]): Error => Object.assign(Object.create(errors.NoHostAvailableError.prototype) as Error, { message: 'no host', innerErrors: Object.fromEntries(causes.map((cause, i) => [`host${i}`, cause])) });
  /** Codes of the native protocol, v4 section 9. */
  const passing = [0x0000, 0x1000, 0x1001, 0x1002, 0x1003, 0x1100, 0x1200, 0x1300, 0x1500, 0x2500];
  const final = [0x000a, 0x0100, 0x2000, 0x2100, 0x2200, 0x2300, 0x2400];
  for (const code of passing) it(`pass: 0x${code.toString(16)}`, () => expect(cassandraError(response(code), 'a write')).instanceOf(RetryError));
  for (const code of final) it(`do not pass: 0x${code.toString(16)}`, () => expect(cassandraError(response(code), 'a write')).instanceOf(StopError));

  it('pass when no host answers, unless one of them refuses the login', () => {
    expect(cassandraError(noHost(new Error('Socket was closed')), 'a write')).instanceOf(RetryError).and.property('message').contains('Socket was closed');
    expect(cassandraError(noHost(new errors.AuthenticationError('bad password')), 'a connection')).instanceOf(StopError);
    expect(cassandraError(new errors.OperationTimedOutError('late'), 'a write')).instanceOf(RetryError);
  });

  it('are of the record or of the table when the request itself is invalid', () => {
    expect([isInvalid(response(0x2200)), isInvalid(response(0x1100)), isInvalid(noHost(response(0x2200)))]).deep.equal([true, false, false]);
    expect([isUnprepared(response(0x2500)), isUnprepared(noHost(response(0x2500))), isUnprepared(response(0x2200))]).deep.equal([true, true, false]);
  });
});
