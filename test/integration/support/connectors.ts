/** A connector for tables of the test's own, and its end: with its slot, publication and topics. */
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import type pg from 'pg';
import { parseConnector, type Connector } from '../../../lib/connect/index.ts';
import { stack } from './stack.ts';

const DROP_ATTEMPTS = 100;
const DROP_PAUSE_MS = 100;

const converter = (side: 'key' | 'value'): Record<string, string> => ({
  [`${side}.converter`]: 'io.apicurio.registry.utils.converter.AvroConverter',
  [`${side}.converter.apicurio.registry.url`]: '${env:MILLRACE_REGISTRY_CONVERTER_URL}',
  [`${side}.converter.apicurio.registry.auto-register`]: 'true',
  [`${side}.converter.apicurio.registry.as-confluent`]: 'true',
  [`${side}.converter.apicurio.registry.use-id`]: 'contentId',
  [`${side}.converter.apicurio.registry.headers.enabled`]: 'false',
  [`${side}.converter.apicurio.registry.artifact-resolver-strategy`]: 'io.apicurio.registry.serde.strategy.TopicIdStrategy',
});

/** Slot, publication and topics have the connector's name; Connect remembers positions by it, so each run needs one of its own. */
export const debeziumConfig = (name: string, tables: readonly string[], changes: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
  'database.hostname': '${env:MILLRACE_PG_HOST}',
  'database.port': '${env:MILLRACE_PG_PORT}',
  'database.user': '${env:MILLRACE_PG_USER}',
  'database.password': '${env:MILLRACE_PG_PASSWORD}',
  'database.dbname': '${env:MILLRACE_PG_DATABASE}',
  'plugin.name': 'pgoutput',
  'slot.name': name,
  'publication.name': name,
  'publication.autocreate.mode': 'filtered',
  'topic.prefix': name,
  'table.include.list': tables.join(','),
  'schema.name.adjustment.mode': 'avro',
  'poll.interval.ms': '20',
  'topic.creation.default.replication.factor': '1',
  'topic.creation.default.partitions': '1',
  ...converter('key'),
  ...converter('value'),
  ...changes,
});

/** Exactly once, unless the changes say otherwise. */
export const debeziumConnector = (name: string, tables: readonly string[], changes: Readonly<Record<string, unknown>> = {}): Connector =>
  parseConnector(JSON.stringify({ name, config: debeziumConfig(name, tables, { 'exactly.once.support': 'required', ...changes }) }), `${name}.json`);

/** Drops a slot as soon as nobody holds it; false when somebody does to the end. */
export const dropSlot = async (client: pg.Client, slot: string): Promise<boolean> => {
  for (let attempt = 0; attempt < DROP_ATTEMPTS; attempt += 1) {
    const left = await client.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [slot]);
    if (left.rowCount === 0 || (await client.query('SELECT pg_drop_replication_slot($1)', [slot]).then(() => true, () => false))) return true;
    await delay(DROP_PAUSE_MS);
  }
  return false;
};

export const deleteTopics = async (isOwn: (topic: string) => boolean): Promise<void> => {
  const admin = new kafkajs.Kafka({ brokers: [...stack.endpoints.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    const topics = (await admin.listTopics()).filter(isOwn);
    if (topics.length > 0) await admin.deleteTopics({ topics });
  } finally {
    await admin.disconnect();
  }
};

/** Deletes the connector, and drops its slot as soon as nobody holds it, its publication and its topics. */
export const removeConnector = async (client: pg.Client, name: string, slot = name): Promise<void> => {
  await fetch(`${stack.endpoints.connectUrl}/connectors/${name}`, { method: 'DELETE' });
  await dropSlot(client, slot);
  await client.query(`DROP PUBLICATION IF EXISTS ${slot}`);
  await deleteTopics((topic) => topic.startsWith(`${name}.`) || topic === `__debezium-heartbeat.${name}`);
};

/** Connect makes a topic with its first record. */
export const topicExists = async (topic: string): Promise<void> => {
  const admin = new kafkajs.Kafka({ brokers: [...stack.endpoints.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    while (!(await admin.listTopics()).includes(topic)) await delay(DROP_PAUSE_MS);
  } finally {
    await admin.disconnect();
  }
};
