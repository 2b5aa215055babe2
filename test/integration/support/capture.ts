/** Tables of a test's own, captured by connectors of its own, and what those write. */
import kafkajs, { type IHeaders } from 'kafkajs';
import pg from 'pg';
import { systemClock } from '../../../lib/core/clock.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { createSerde, type Serde } from '../../../lib/serde/index.ts';
import { debeziumConfig, deleteTopics, dropSlot } from './connectors.ts';
import { eventually } from './lab.ts';
import { stack } from './stack.ts';

export interface Captured {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: IHeaders;
}

const READ_TIMEOUT_MS = 30_000;

export class Capture {
  /** Begins every name: registry, Connect and PostgreSQL remember names. */
  readonly name: string;
  readonly client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
  readonly kafka = new kafkajs.Kafka({ brokers: [...stack.endpoints.brokers], logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 500 } });
  readonly #connectors: { readonly name: string; readonly connectUrl: string }[] = [];

  constructor(name: string) {
    this.name = `${name}${process.pid}x${Math.trunc(performance.timeOrigin)}`;
  }

  async sql(text: string): Promise<readonly Record<string, unknown>[]> {
    return (await this.client.query<Record<string, unknown>>(text)).rows;
  }

  /** Creates a connector and waits until it streams: what a snapshot reads is on its topics by then. */
  async connector(suffix: string, tables: readonly string[], more: Readonly<Record<string, string>> = {}, connectUrl: string = stack.endpoints.connectUrl!): Promise<string> {
    const name = `${this.name}${suffix}`;
    this.#connectors.push({ name, connectUrl });
    const response = await fetch(`${connectUrl}/connectors/${name}/config`, { method: 'PUT', headers: { 'content-type': 'application/json' }, body: JSON.stringify(debeziumConfig(name, tables.map((table) => `public.${table}`), more)) });
    if (!response.ok) throw new Error(`Connect answers ${response.status}: ${await response.text()}`);
    const streams = async (): Promise<boolean> => (await this.client.query('SELECT FROM pg_replication_slots WHERE slot_name = $1 AND active', [name])).rowCount === 1;
    await eventually(streams, () => `the slot ${name} is active`);
    return name;
  }

  /** The first so many records of a topic of one partition. */
  async records(topic: string, count: number): Promise<readonly Captured[]> {
    const admin = this.kafka.admin();
    await admin.connect();
    await eventually(() => admin.fetchTopicOffsets(topic).then(([place]) => Number(place?.high) >= count, () => false), () => `${count} records on ${topic}`);
    await admin.disconnect();
    const consumer = this.kafka.consumer({ groupId: `${topic}.${count}`, maxWaitTimeInMs: 50, readUncommitted: false });
    await consumer.connect();
    const seen: Captured[] = [];
    const done = Promise.withResolvers<void>();
    const late = setTimeout(() => done.reject(new Error(`${seen.length} of ${count} records of ${topic}`)), READ_TIMEOUT_MS);
    try {
      await consumer.subscribe({ topic, fromBeginning: true });
      await consumer.run({
        eachMessage: async ({ message: { key, value, headers } }) => {
          seen.push({ key, value, headers: headers ?? {} });
          if (seen.length === count) done.resolve();
        },
      });
      await done.promise;
      return seen.slice(0, count);
    } finally {
      clearTimeout(late);
      await consumer.disconnect();
    }
  }

  serde(): Serde {
    return createSerde({ registryUrl: stack.endpoints.registryUrl!, clock: systemClock, log: silentLogger });
  }

  /** The schema that a record names. */
  async schemaOf(bytes: Buffer): Promise<Record<string, unknown>> {
    const response = await fetch(`${stack.endpoints.registryUrl}/schemas/ids/${bytes.readUInt32BE(1)}`);
    return JSON.parse(((await response.json()) as { readonly schema: string }).schema) as Record<string, unknown>;
  }

  async close(): Promise<void> {
    for (const { name, connectUrl } of this.#connectors) await fetch(`${connectUrl}/connectors/${name}`, { method: 'DELETE' }).catch(() => undefined);
    for (const { name } of this.#connectors) {
      await dropSlot(this.client, name);
      await this.client.query(`DROP PUBLICATION IF EXISTS ${name}`);
    }
    const tables = await this.client.query<{ name: string }>(`SELECT tablename AS name FROM pg_tables WHERE schemaname = 'public' AND tablename LIKE $1`, [`${this.name}%`]);
    for (const { name } of tables.rows) await this.client.query(`DROP TABLE ${name}`);
    await this.client.query(`DROP TYPE IF EXISTS ${this.name}_mood`);
    await this.client.end();
    await deleteTopics((topic) => topic.includes(this.name));
  }
}
