/** The BigQuery table of a scene, asked in SQL. */
import { setTimeout as delay } from 'node:timers/promises';
import { BigQuery } from '@google-cloud/bigquery';
import { OAuth2Client } from 'google-auth-library';

export interface WarehouseCounts {
  readonly rows: number;
  /** Distinct ids. */
  readonly records: number;
}

export interface CategorySum {
  readonly category: string;
  readonly n: number;
  readonly cents: number;
}

const ATTEMPTS = 5;
const PAUSE_MS = 300;

export class Warehouse {
  readonly #client: BigQuery;
  readonly #dataset: string;

  constructor(environment: Readonly<Record<string, string | undefined>>, dataset: string) {
    const authClient = new OAuth2Client();
    authClient.setCredentials({ access_token: 'emulator' });
    this.#client = new BigQuery({ projectId: environment.MILLRACE_BIGQUERY_PROJECT!, apiEndpoint: environment.MILLRACE_BIGQUERY_ENDPOINT!, authClient, autoRetry: false } as ConstructorParameters<typeof BigQuery>[0]);
    this.#dataset = dataset;
  }

  async #ask(sql: string): Promise<Record<string, unknown>[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return (await this.#client.query({ query: sql }))[0] as Record<string, unknown>[];
      } catch (error) {
        // The workers are at it at the same time; the emulator has one writer.
        if (attempt === ATTEMPTS) throw error;
        await delay(PAUSE_MS);
      }
    }
  }

  async counts(): Promise<WarehouseCounts> {
    const [row] = await this.#ask(`SELECT COUNT(*) AS n, COUNT(DISTINCT place) AS ids FROM ${this.#dataset}.sales`);
    return { rows: Number(row!.n), records: Number(row!.ids) };
  }

  /** What SQL makes of the distinct rows: a row that came twice counts once, one that came twice and differently counts twice. */
  async sums(): Promise<CategorySum[]> {
    const rows = await this.#ask(`SELECT category, COUNT(*) AS n, SUM(cents) AS cents FROM (SELECT DISTINCT place, category, cents FROM ${this.#dataset}.sales) AS sold GROUP BY category`);
    return rows.map(({ category, n, cents }) => ({ category: String(category), n: Number(n), cents: Number(cents) }));
  }

  async drop(): Promise<void> {
    await this.#client.dataset(this.#dataset).delete({ force: true }).catch(() => undefined);
  }
}
