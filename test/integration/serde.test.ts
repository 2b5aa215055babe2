/** Schemas against the real registry, and rows that went through PostgreSQL, Debezium and the Avro converter. */
import { expect } from 'chai';
import { Kafka, logLevel } from 'kafkajs';
import { after, before, describe, it } from 'mocha';
import pg from 'pg';
import { applyConnectors, connectorStatus } from '../../lib/connect/index.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { DeadLetterError, StopError } from '../../lib/core/errors.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { createSerde, mergeUnavailable, NO_VALUE, type Serde } from '../../lib/serde/index.ts';
import { avro, debezium, schema, type AvroSchema, type Change } from '../../topology/codecs.ts';
import { batchOf, keysOf, wire } from '../serde/support.ts';
import { debeziumConnector, removeConnector, topicExists } from './support/connectors.ts';
import { stack } from './support/stack.ts';

const TIMEOUT_MS = 60_000;
/** Registry and Connect remember names, so each run has one of its own. */
const NAME = `serdetest${process.pid}x${Math.trunc(performance.timeOrigin)}`;

const newSerde = (): Serde => createSerde({ registryUrl: stack.endpoints.registryUrl!, clock: systemClock, log: silentLogger });

const recordOf = (name: string, ...fields: readonly (readonly [name: string, type: AvroSchema, more?: Readonly<Record<string, unknown>>])[]) =>
  schema<Record<string, unknown>>({ type: 'record', name, namespace: NAME, fields: fields.map(([field, type, more]) => ({ name: field, type, ...more })) });

describe('schemas in the registry', function () {
  this.timeout(TIMEOUT_MS);
  const first = recordOf('Order', ['id', 'long'], ['note', 'string']);
  const second = recordOf('Order', ['id', 'long'], ['note', 'string'], ['total', ['null', { type: 'bytes', logicalType: 'decimal', precision: 12, scale: 2 }], { default: null }]);
  const value = { id: 9007199254740993n, note: 'zürich' };

  const write = async (codec: Parameters<Serde['valueEncoder']>[0], topic: string, row: unknown): Promise<Buffer> => {
    const encoder = newSerde().valueEncoder(codec, topic);
    await encoder.prepare();
    return encoder.encode(row) as Buffer;
  };

  const read = async (codec: Parameters<Serde['valueDecoder']>[0], bytes: Buffer): Promise<unknown> => {
    const decoder = newSerde().valueDecoder(codec);
    await decoder.prepare(batchOf(bytes));
    return decoder.decode(bytes);
  };

  it('have one id, however many workers register them', async () => {
    const [one, two] = await Promise.all([write(avro(first), `${NAME}.orders`, value), write(avro(first), `${NAME}.orders`, value)]);
    expect(one).to.deep.equal(two);
    expect(await write(avro(first), `${NAME}.orders`, value)).to.deep.equal(one);
  });

  it('let another worker read what was written', async () => {
    expect(await read(avro(first), await write(avro(first), `${NAME}.orders`, value))).to.deep.equal(value);
  });

  it('may grow: old records are read with the new schema, new ones with the old', async () => {
    const before = await write(avro(first), `${NAME}.grown`, value);
    const since = await write(avro(second), `${NAME}.grown`, { ...value, total: '12.34' });
    expect(since.readUInt32BE(1)).to.not.equal(before.readUInt32BE(1));
    expect(await read(avro(second), before)).to.deep.equal({ ...value, total: null });
    expect(await read(avro(first), since)).to.deep.equal(value);
  });

  it('may not become incompatible: the worker stops and says which subject', async () => {
    await write(avro(first), `${NAME}.strict`, value);
    const changed = recordOf('Order', ['id', 'string'], ['note', 'string']);
    const thrown = await write(avro(changed), `${NAME}.strict`, { id: '1', note: '' }).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(StopError);
    expect(String(thrown)).to.include(`the registry refuses the schema of ${NAME}.strict-value: `).and.match(/ncompatible/);
  });

  it('that are unknown make dead letters', async () => {
    const thrown = await read(avro(first), wire(2_000_000_000, Buffer.from([2, 0]))).catch((error: unknown) => error);
    expect(thrown).to.be.instanceOf(DeadLetterError);
    expect(String(thrown)).to.include('the registry knows no schema 2000000000');
  });
});

const connector = debeziumConnector(NAME, [`public.${NAME}`]);

const DECIMAL = { type: 'bytes', scale: 2, precision: 38, 'connect.name': 'org.apache.kafka.connect.data.Decimal' };
const VARIABLE = {
  type: 'record', name: 'VariableScaleDecimal', namespace: 'io.debezium.data', 'connect.name': 'io.debezium.data.VariableScaleDecimal',
  fields: [{ name: 'scale', type: 'int' }, { name: 'value', type: 'bytes' }],
};
const row = recordOf(
  'Value',
  ['tenant', 'string'],
  ['id', 'long'],
  ['exact', DECIMAL],
  ['free', ['null', VARIABLE]],
  ['zoned', { type: 'string', 'connect.name': 'io.debezium.time.ZonedTimestamp' }],
  ['local', ['null', { type: 'long', 'connect.name': 'io.debezium.time.MicroTimestamp' }]],
  ['day', ['null', { type: 'int', 'connect.name': 'io.debezium.time.Date' }]],
  ['uid', ['null', { type: 'string', 'connect.name': 'io.debezium.data.Uuid' }]],
  ['doc', ['null', { type: 'string', 'connect.name': 'io.debezium.data.Json' }]],
  ['raw', ['null', 'bytes']],
  ['large', ['null', 'string']],
  ['added', ['null', 'int'], { default: null }],
);
const UUID = '8d3f9a52-0c7e-4c53-9a41-1f0b8a2a9f10';
const DIGITS = '9'.repeat(36);

/** Key and value of the first so many records, in the order of the topic's only partition. */
const consume = async (kafka: Kafka, topic: string, count: number): Promise<readonly { key: Buffer | null; value: Buffer | null }[]> => {
  await topicExists(topic);
  const consumer = kafka.consumer({ groupId: `${NAME}.${count}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    return await new Promise((resolve, reject) => {
      const seen: { key: Buffer | null; value: Buffer | null }[] = [];
      consumer
        .run({
          eachMessage: async ({ message: { key, value } }) => {
            seen.push({ key, value });
            if (seen.length === count) resolve(seen);
          },
        })
        .catch(reject);
    });
  } finally {
    await consumer.disconnect();
  }
};

describe('rows that Debezium sends', function () {
  this.timeout(TIMEOUT_MS);
  const client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
  const kafka = new Kafka({ brokers: [...stack.endpoints.brokers], logLevel: logLevel.NOTHING });
  const { connectUrl } = stack.endpoints;
  const keys: unknown[] = [];
  const changes: (Change<Record<string, unknown>> | typeof NO_VALUE)[] = [];
  let records: Awaited<ReturnType<typeof consume>>;

  before(async () => {
    await client.connect();
    await client.query(`CREATE TABLE ${NAME} (tenant text, id bigint, exact numeric(38,2) NOT NULL DEFAULT 0, free numeric, zoned timestamptz NOT NULL,
      local timestamp, day date, uid uuid, doc jsonb, raw bytea, large text, PRIMARY KEY (tenant, id))`);
    await client.query(`INSERT INTO ${NAME} VALUES ('a', 9007199254740993, -${DIGITS}.99, 1e-30, '2026-01-02 03:04:05.123456+02', '2026-01-02 03:04:05.123456',
      '1969-12-31', '${UUID}', '{"n": 12345678901234567890}', '\\x00ff', (SELECT string_agg(md5(i::text), '') FROM generate_series(1, 300) i))`);
    await applyConnectors([connector], { connectUrl: connectUrl! });
    const [found] = await connectorStatus([NAME], { connectUrl: connectUrl!, waitMs: 30_000 });
    expect(found).to.include({ running: true });
    // Wait for the snapshot: what is written before it ends would be part of it.
    await consume(kafka, `${NAME}.public.${NAME}`, 1);
    await client.query(`INSERT INTO ${NAME} VALUES ('b', -9223372036854775808, 0.01, 1e30, 'infinity', 'infinity', 'infinity', NULL, NULL, NULL, NULL)`);
    await client.query(`UPDATE ${NAME} SET day = '2026-01-02' WHERE tenant = 'a'`);
    await client.query(`ALTER TABLE ${NAME} ADD COLUMN added int`);
    await client.query(`UPDATE ${NAME} SET added = 7 WHERE tenant = 'b'`);
    await client.query(`DELETE FROM ${NAME} WHERE tenant = 'a'`);
    records = await consume(kafka, `${NAME}.public.${NAME}`, 6);
    const serde = newSerde();
    const values = serde.valueDecoder(debezium(row), 'keep');
    const keyDecoder = serde.keyDecoder(debezium(row));
    await values.prepare(batchOf(...records.map(({ value }) => value)));
    await keyDecoder.prepare(keysOf(...records.map(({ key }) => key)));
    for (const { key, value } of records) {
      keys.push(keyDecoder.decode(key));
      changes.push(values.decode(value) as Change<Record<string, unknown>> | typeof NO_VALUE);
    }
  });

  after(async () => {
    await removeConnector(client, NAME);
    await client.query(`DROP TABLE ${NAME}`);
    await client.end();
  });

  const changeAt = (i: number): Change<Record<string, unknown>> => changes[i] as Change<Record<string, unknown>>;

  it('come as the changes that they were', () => {
    expect(changes.map((change) => (change === NO_VALUE ? 'tombstone' : change.op))).to.deep.equal(['r', 'c', 'u', 'u', 'd', 'tombstone']);
    for (const change of changes) if (change !== NO_VALUE) expect(change.source).to.deep.include({ schema: 'public', table: NAME });
    expect(changeAt(0).source.snapshot).to.not.equal('false');
    expect(changeAt(1).source.snapshot).to.equal('false');
    expect(changeAt(2).source.lsn! > changeAt(1).source.lsn!).to.equal(true);
  });

  it('have the key columns as a list, in the order of the key', () => {
    expect(keys).to.deep.equal([['a', 9007199254740993n], ['b', -9223372036854775808n], ['a', 9007199254740993n], ['b', -9223372036854775808n], ['a', 9007199254740993n], ['a', 9007199254740993n]]);
  });

  it('are exact to the last digit', () => {
    const { large, ...after } = changeAt(0).after!;
    expect(large).to.have.length(9600);
    expect(after).to.deep.equal({
      tenant: 'a',
      id: 9007199254740993n,
      exact: `-${DIGITS}.99`,
      free: `0.${'0'.repeat(29)}1`,
      zoned: '2026-01-02T01:04:05.123456Z',
      local: 1767323045123456n,
      day: -1,
      uid: UUID,
      doc: '{"n": 12345678901234567890}',
      raw: Buffer.from([0, 255]),
      added: null,
    });
  });

  it('are exact at the ends of what PostgreSQL holds', () => {
    expect(changeAt(1).after).to.deep.include({ id: -9223372036854775808n, exact: '0.01', free: `1${'0'.repeat(30)}`, zoned: 'infinity', uid: null, doc: null, raw: null, large: null });
    expect(changeAt(1).after!['local'] as bigint > 9_000_000_000_000_000_000n).to.equal(true);
  });

  it('have a column from the moment the table has it', () => {
    expect(changeAt(2).after!['added']).to.equal(null);
    expect(changeAt(3).after!['added']).to.equal(7);
    expect(records[3]!.value!.readUInt32BE(1)).to.not.equal(records[2]!.value!.readUInt32BE(1));
  });

  it('get the large value that PostgreSQL did not send from the row before', () => {
    const merged = mergeUnavailable(changeAt(2).after!, changeAt(0).after!);
    expect(changeAt(2).after!['large']).to.equal('__debezium_unavailable_value');
    expect(merged['large']).to.equal(changeAt(0).after!['large']);
    expect(merged['day']).to.equal(20455);
  });

  it('are a dead letter for a stream when a large value was not sent', async () => {
    const decoder = newSerde().valueDecoder(debezium(row));
    await decoder.prepare(batchOf(records[2]!.value));
    expect(() => decoder.decode(records[2]!.value)).to.throw(DeadLetterError, 'column large was not sent by Debezium (unchanged TOAST)');
  });

  it('give of a deleted row its key only', () => {
    expect(changeAt(4)).to.deep.include({ op: 'd', after: null });
    expect(changeAt(4).before).to.deep.include({ tenant: 'a', id: 9007199254740993n, free: null, large: null });
  });
});
