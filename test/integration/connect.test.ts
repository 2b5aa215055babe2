import avsc from 'avsc';
import { expect } from 'chai';
import { Kafka, logLevel } from 'kafkajs';
import { after, before, describe, it } from 'mocha';
import pg from 'pg';
import { applyConnectors, connectorStatus, type Connector } from '../../lib/connect/index.ts';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { millrace } from '../cli/support.ts';
import { debeziumConnector, removeConnector, topicExists } from './support/connectors.ts';
import { stack } from './support/stack.ts';

const TIMEOUT_MS = 90_000;
/** Of the connector, its slot and its table. */
const NAME = `connect_test_${process.pid}`;
const TOPIC = `${NAME}.public.${NAME}`;
const connectUrl = stack.endpoints.connectUrl!;

const connector = (changes: Record<string, unknown> = {}, name = NAME): Connector => debeziumConnector(name, [`public.${NAME}`], { 'slot.name': NAME, 'publication.name': NAME, 'topic.prefix': NAME, ...changes });

/** Debezium's nanoseconds do not fit a number. */
const bigintLong = avsc.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const buffer = Buffer.alloc(8);
    buffer.writeBigInt64LE(value);
    return buffer;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: (a: bigint, b: bigint) => (a < b ? -1 : Number(a > b)),
});

const isLong = (schema: unknown): boolean => schema === 'long' || (typeof schema === 'object' && schema !== null && 'type' in schema && schema.type === 'long');

const decode = async (bytes: Buffer | null): Promise<unknown> => {
  if (bytes === null) return null;
  expect(bytes[0]).to.equal(0);
  const answer = await fetch(`${stack.endpoints.registryUrl}/schemas/ids/${bytes.readInt32BE(1)}`);
  const { schema } = (await answer.json()) as { schema: string };
  const type = avsc.Type.forSchema(JSON.parse(schema), { wrapUnions: false, typeHook: (part) => (isLong(part) ? bigintLong : undefined) as avsc.Type });
  return type.fromBuffer(bytes.subarray(5));
};

const kafka = new Kafka({ brokers: [...stack.endpoints.brokers], logLevel: logLevel.NOTHING });

/** The first records of the topic's only partition, in order. */
const consume = async (count: number): Promise<readonly { key: unknown; value: Record<string, unknown> }[]> => {
  const consumer = kafka.consumer({ groupId: `connect-test-${process.pid}`, maxWaitTimeInMs: 100 });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic: TOPIC, fromBeginning: true });
    const raw = await new Promise<{ key: Buffer | null; value: Buffer | null }[]>((resolve, reject) => {
      const seen: { key: Buffer | null; value: Buffer | null }[] = [];
      const eachMessage = async ({ message }: { message: { key: Buffer | null; value: Buffer | null } }): Promise<void> => {
        seen.push({ key: message.key, value: message.value });
        if (seen.length === count) resolve(seen);
      };
      consumer.run({ eachMessage }).catch(reject);
    });
    return await Promise.all(raw.map(async ({ key, value }) => ({ key: await decode(key), value: (await decode(value)) as Record<string, unknown> })));
  } finally {
    await consumer.disconnect();
  }
};

describe('connectors on the local stack', function () {
  this.timeout(TIMEOUT_MS);
  const client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });

  before(async () => {
    await client.connect();
    await client.query(`create table ${NAME} (id bigint primary key, name text not null)`);
    await client.query(`insert into ${NAME} values (9007199254740993, 'before the connector')`);
    expect(await applyConnectors([connector()], { connectUrl })).to.deep.equal([{ name: NAME, outcome: 'created' }]);
    const [found] = await connectorStatus([NAME], { connectUrl, waitMs: 30_000 });
    expect(found).to.include({ running: true });
    await topicExists(TOPIC);
  });

  after(async () => {
    await removeConnector(client, NAME);
    await client.query(`drop table ${NAME}`);
    await client.end();
  });

  it('are not applied, the good ones neither, when a file is wrong: its errors are shown by field', async () => {
    const good = connector({ 'topic.prefix': 'good' }, `${NAME}-good`);
    const wrong = connector({ 'poll.interval.ms': 'often', 'topic.prefix': '' }, `${NAME}-wrong`);
    const error = await applyConnectors([good, wrong], { connectUrl }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    expect(error).to.be.instanceOf(ConfigurationError);
    const { problems } = error as ConfigurationError;
    for (const field of ['poll.interval.ms', 'topic.prefix']) expect(problems.join('\n')).to.contain(`${NAME}-wrong.json: ${field}: `);
    const found = await connectorStatus([good.name, wrong.name], { connectUrl });
    expect(found.map(({ state }) => state)).to.deep.equal(['MISSING', 'MISSING']);
  });

  it('deliver rows as Avro in the format of the registry', async () => {
    await client.query(`insert into ${NAME} values (2, 'after it')`);
    const records = await consume(2);
    expect(records.map(({ key }) => ({ ...(key as object) }))).to.deep.equal([{ id: 9007199254740993n }, { id: 2n }]);
    expect(records.map(({ value }) => ({ op: value.op, after: { ...(value.after as object) } }))).to.deep.equal([
      { op: 'r', after: { id: 9007199254740993n, name: 'before the connector' } },
      { op: 'c', after: { id: 2n, name: 'after it' } },
    ]);
  });

  it('stay as they are when they are applied again', async () => {
    expect(await applyConnectors([connector()], { connectUrl })).to.deep.equal([{ name: NAME, outcome: 'unchanged' }]);
  });

  it('keep the password out of what Connect shows', async () => {
    const shown = await (await fetch(`${connectUrl}/connectors/${NAME}/config`)).text();
    expect(shown).to.contain('${env:MILLRACE_PG_PASSWORD}');
    expect(shown).not.to.contain(stack.environment.MILLRACE_PG_PASSWORD);
  });

  it('are shown with their tasks, and with exit code 3 when one does not run', async () => {
    const { code, stdout } = await millrace(['connectors', 'status', '--connect-url', connectUrl, '--wait', '20']);
    expect({ code }).to.deep.equal({ code: 0 });
    expect(stdout).to.match(new RegExp(`^${NAME} +task 0 +RUNNING$`, 'm'));
    await fetch(`${connectUrl}/connectors/${NAME}/pause`, { method: 'PUT' });
    try {
      expect((await millrace(['connectors', 'status', '--connect-url', connectUrl])).code).to.equal(3);
    } finally {
      await fetch(`${connectUrl}/connectors/${NAME}/resume`, { method: 'PUT' });
    }
  });
});
