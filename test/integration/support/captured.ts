/** Tables with a connector, slot, publication and topics of their own, all under one name. `close` drops everything. */
import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { applyConnectors, connectorStatus } from '../../../lib/connect/index.ts';
import { debeziumConnector, deleteTopics, dropSlot } from './connectors.ts';
import { stack } from './stack.ts';

const CONNECTOR_WAIT_MS = 30_000;
const connectUrl = stack.endpoints.connectUrl!;

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
    const tables = this.#tables.map((table) => `public.${table}`);
    const connector = debeziumConnector(this.name, tables, { 'tasks.max': '1', 'transaction.boundary': 'poll', 'topic.creation.default.partitions': '4', ...config });
    await applyConnectors([connector], { connectUrl });
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
    if (!(await dropSlot(this.client, this.name))) throw new Error(`slot ${this.name} is still held`);
  }

  async close(): Promise<void> {
    await this.release();
    await this.dropSlot();
    await this.client.query(`DROP PUBLICATION IF EXISTS ${this.name}`);
    if (this.#tables.length > 0) await this.client.query(`DROP TABLE IF EXISTS ${this.#tables.join(', ')}`);
    await this.client.end();
    await deleteTopics((topic) => topic.startsWith(this.name));
  }
}
