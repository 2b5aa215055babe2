/** Tables with a connector, slot, publication and topics of their own, all under one name. `close` drops everything. */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs from 'kafkajs';
import pg from 'pg';
import { applyConnectors, connectorStatus, parseConnector } from '../../../lib/connect/index.ts';
import { stack } from './stack.ts';

const CONNECTOR_WAIT_MS = 30_000;
const CLEAN_ATTEMPTS = 100;
const CLEAN_PAUSE_MS = 100;
const connectUrl = stack.endpoints.connectUrl!;

const converter = (side: 'key' | 'value'): Record<string, string> => ({
  [`${side}.converter`]: 'io.apicurio.registry.utils.converter.AvroConverter',
  [`${side}.converter.apicurio.registry.url`]: '${env:MILLRACE_REGISTRY_CONVERTER_URL}',
  [`${side}.converter.apicurio.registry.auto-register`]: 'true',
  [`${side}.converter.apicurio.registry.as-confluent`]: 'true',
  [`${side}.converter.apicurio.registry.use-id`]: 'contentId',
  [`${side}.converter.apicurio.registry.headers.enabled`]: 'false',
  [`${side}.converter.apicurio.registry.artifact-resolver-strategy`]: 'io.apicurio.registry.serde.strategy.TopicIdStrategy',
});

export class Captured {
  /** Of the connector, its slot, its publication; begins the names of tables and topics. Connect remembers positions by it, so each run has one of its own. */
  readonly name: string;
  readonly client: pg.Client;
  readonly #tables: readonly string[];

  private constructor(name: string, client: pg.Client, tables: readonly string[]) {
    this.name = name;
    this.client = client;
    this.#tables = tables;
  }

  /** @param tables name -> its columns, as in CREATE TABLE */
  static async create(prefix: string, tables: Readonly<Record<string, string>>): Promise<Captured> {
    const name = `${prefix}_${randomBytes(4).toString('hex')}`;
    const client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
    client.on('error', () => undefined);
    await client.connect();
    const captured = new Captured(name, client, Object.keys(tables).map((table) => `${name}_${table}`));
    for (const [table, columns] of Object.entries(tables)) await client.query(`CREATE TABLE ${captured.table(table)} (${columns})`);
    return captured;
  }

  /** A table's name in PostgreSQL. */
  table(table: string): string {
    return `${this.name}_${table}`;
  }

  topic(table: string): string {
    return `${this.name}.public.${this.table(table)}`;
  }

  /** The record that Debezium writes rows of the table as. */
  namespace(table: string): string {
    return this.topic(table);
  }

  /** Applies the connector; one that was stopped stays so. */
  async apply(config: Readonly<Record<string, string>> = {}): Promise<void> {
    const text = JSON.stringify({
      name: this.name,
      config: {
        'connector.class': 'io.debezium.connector.postgresql.PostgresConnector',
        'tasks.max': '1',
        'exactly.once.support': 'required',
        'transaction.boundary': 'poll',
        'poll.interval.ms': '20',
        'database.hostname': '${env:MILLRACE_PG_HOST}',
        'database.port': '${env:MILLRACE_PG_PORT}',
        'database.user': '${env:MILLRACE_PG_USER}',
        'database.password': '${env:MILLRACE_PG_PASSWORD}',
        'database.dbname': '${env:MILLRACE_PG_DATABASE}',
        'plugin.name': 'pgoutput',
        'slot.name': this.name,
        'publication.name': this.name,
        'publication.autocreate.mode': 'filtered',
        'topic.prefix': this.name,
        'table.include.list': this.#tables.map((table) => `public.${table}`).join(','),
        'schema.name.adjustment.mode': 'avro',
        'topic.creation.default.replication.factor': '1',
        'topic.creation.default.partitions': '4',
        ...converter('key'),
        ...converter('value'),
        ...config,
      },
    });
    await applyConnectors([parseConnector(text, `${this.name}.json`)], { connectUrl });
  }

  /** Applies the connector and waits until it runs. */
  async capture(config: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.apply(config);
    const [found] = await connectorStatus([this.name], { connectUrl, waitMs: CONNECTOR_WAIT_MS });
    if (found?.running !== true) throw new Error(`connector ${this.name} does not run: ${JSON.stringify(found)}`);
  }

  /** Ends the connector; its topics and Connect's memory of its position stay. */
  async release(): Promise<void> {
    await fetch(`${connectUrl}/connectors/${this.name}`, { method: 'DELETE' });
  }

  /** Drops the slot, as soon as nobody holds it. */
  async dropSlot(): Promise<void> {
    for (let attempt = 0; attempt < CLEAN_ATTEMPTS; attempt += 1) {
      const left = await this.client.query('SELECT FROM pg_replication_slots WHERE slot_name = $1', [this.name]);
      if (left.rowCount === 0 || (await this.client.query('SELECT pg_drop_replication_slot($1)', [this.name]).then(() => true, () => false))) return;
      await delay(CLEAN_PAUSE_MS);
    }
    throw new Error(`slot ${this.name} is still held`);
  }

  async close(): Promise<void> {
    await this.release();
    await this.dropSlot();
    await this.client.query(`DROP PUBLICATION IF EXISTS ${this.name}`);
    if (this.#tables.length > 0) await this.client.query(`DROP TABLE IF EXISTS ${this.#tables.join(', ')}`);
    await this.client.end();
    const admin = new kafkajs.Kafka({ brokers: [...stack.endpoints.brokers], logLevel: kafkajs.logLevel.NOTHING }).admin();
    await admin.connect();
    try {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.name));
      if (topics.length > 0) await admin.deleteTopics({ topics });
    } finally {
      await admin.disconnect();
    }
  }
}
