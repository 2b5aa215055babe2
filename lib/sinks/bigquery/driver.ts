import { BigQuery, type Table } from '@google-cloud/bigquery';
import { OAuth2Client } from 'google-auth-library';
import type { Config } from '../../core/config.ts';
import { RetryError } from '../../core/errors.ts';
import type { BigQuerySink } from '../../../topology/sinks.ts';
import type { SinkContext, SinkDriver, SinkTask, SinkWriter } from '../contract.ts';
import { within } from '../outcome.ts';
import { bigqueryError } from './errors.ts';
import { ensureTable, parseTableName, tableOf, type TableName } from './table.ts';
import { BigQueryWriter } from './writer.ts';

/** An emulator wants a token but does not look at it; without one the client would search for real credentials. */
const emulatorAuth = (): OAuth2Client => {
  const client = new OAuth2Client();
  client.setCredentials({ access_token: 'emulator' });
  return client;
};

const createClient = (config: Config): BigQuery => new BigQuery({
  projectId: config.bigqueryProject,
  // Its own retries take about 15 s a call and hide an outage from the runtime, which retries by itself.
  autoRetry: false,
  ...(config.bigqueryEndpoint === '' ? {} : { apiEndpoint: config.bigqueryEndpoint, authClient: emulatorAuth() }),
});

export class BigQueryDriver implements SinkDriver {
  readonly #sink: BigQuerySink;
  readonly #context: SinkContext;
  readonly #client: BigQuery;
  readonly #name: TableName;
  readonly #table: Table;
  #ready: Promise<void> | null = null;

  /** The real service with the usual credentials, unless the configuration names an emulator's endpoint. */
  constructor(sink: BigQuerySink, context: SinkContext, config: Config) {
    this.#sink = sink;
    this.#context = context;
    this.#client = createClient(config);
    this.#name = parseTableName(sink.table, config.bigqueryProject);
    this.#table = tableOf(this.#client, this.#name);
  }

  /** Makes the table ready once; again after `forget`, or when it failed. */
  open(): Promise<void> {
    const { clock, log, timeoutMs } = this.#context;
    this.#ready ??= within(ensureTable(this.#client, this.#sink, this.#name, log), timeoutMs, clock, `the preparation of table ${this.#sink.table}`).catch((thrown: unknown) => {
      this.#ready = null;
      throw thrown;
    });
    return this.#ready;
  }

  async writer(task: SinkTask): Promise<SinkWriter> {
    return Promise.resolve(new BigQueryWriter(this.#sink, this.#table, this.#context, task, { open: () => this.open(), forget: () => void (this.#ready = null) }));
  }

  async health(): Promise<void> {
    try {
      await within(this.#table.getMetadata(), this.#context.timeoutMs, this.#context.clock, 'a look at the table');
    } catch (thrown) {
      throw thrown instanceof RetryError ? thrown : bigqueryError(thrown, `a look at table ${this.#sink.table}`);
    }
  }

  /** The client holds idle connections only, which do not keep the process alive. */
  async close(): Promise<void> {
    return Promise.resolve();
  }
}
