/** A Cassandra of a test's own, in a folder that is deleted with it. */
import cassandra, { type Client } from 'cassandra-driver';
import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { clean, up } from '../../../lib/stack/index.ts';

/** Away from the ports of the test runner's stack. */
const PORT_OFFSET = 25_000;

export class CassandraNode {
  readonly #dir: string;
  readonly host = '127.0.0.1';
  readonly port: number;
  readonly client: Client;

  private constructor(dir: string, port: number) {
    this.#dir = dir;
    this.port = port;
    this.client = new cassandra.Client({ contactPoints: [`${this.host}:${port}`], localDataCenter: 'datacenter1' });
  }

  static async start(): Promise<CassandraNode> {
    const dir = await mkdtemp(join(tmpdir(), 'millrace-cassandra-'));
    try {
      const stack = await up({ dir, services: ['cassandra'], portOffset: PORT_OFFSET });
      return new CassandraNode(dir, stack.service('cassandra').ports['client']!);
    } catch (error) {
      await clean({ dir });
      throw error;
    }
  }

  async rows(cql: string, params: readonly unknown[] = []): Promise<Record<string, unknown>[]> {
    const { rows } = await this.client.execute(cql, [...params], { prepare: true });
    return (rows ?? []).map((row) => Object.fromEntries(row.keys().map((name) => [name, row.get(name) as unknown])));
  }

  async stop(): Promise<void> {
    await this.client.shutdown();
    await clean({ dir: this.#dir });
  }
}
