import { setTimeout as sleep } from 'node:timers/promises';
import { BigQuery } from '@google-cloud/bigquery';
import { OAuth2Client } from 'google-auth-library';
import { names } from '../names.ts';
import type { Row } from './fill.ts';
import { required } from './topics.ts';

const PAGE_ROWS = 5_000;
const ATTEMPTS = 5;
const PAUSE_MS = 300;

const COLUMNS = `CAST(event_id AS STRING) AS event_id, content_id, user_id, event_type, CAST(UNIX_MICROS(event_ts) AS STRING) AS event_us, device, content_title,
  content_type, CAST(content_length_seconds AS STRING) AS content_length_seconds, CAST(engagement_seconds AS STRING) AS engagement_seconds,
  CAST(engagement_pct AS STRING) AS engagement_pct, anomalies, CAST(UNIX_MICROS(processed_at) AS STRING) AS processed_us`;

/** Microseconds since the epoch as ISO text. */
export const isoOfMicros = (text: string | null): string | null => {
  if (text === null) return null;
  const micros = BigInt(text);
  const below = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return new Date(Number((micros - below) / 1_000n)).toISOString().replace('.000Z', `.${String(below).padStart(6, '0')}Z`);
};

/** Asks again when the connection breaks: the client's own retries take minutes. */
const asked = async <T>(ask: () => Promise<T>): Promise<T> => {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask();
    } catch (error) {
      if (attempt === ATTEMPTS || !/socket hang up|ECONNRESET|ECONNREFUSED|premature close/i.test(String(error))) throw error;
      await sleep(PAUSE_MS);
    }
  }
};

const client = (environment: Readonly<Record<string, string | undefined>>): BigQuery => {
  const projectId = required(environment, 'MILLRACE_BIGQUERY_PROJECT');
  const apiEndpoint = environment.MILLRACE_BIGQUERY_ENDPOINT ?? '';
  if (apiEndpoint === '') return new BigQuery({ projectId });
  const authClient = new OAuth2Client();
  authClient.setCredentials({ access_token: 'emulator' });
  return new BigQuery({ projectId, apiEndpoint, authClient, autoRetry: false } as ConstructorParameters<typeof BigQuery>[0]);
};

const tableName = `\`${names.warehouse.dataset}.${names.warehouse.table}\``;

const exists = async (bigquery: BigQuery): Promise<boolean> => (await asked(() => bigquery.dataset(names.warehouse.dataset).table(names.warehouse.table).exists()))[0];

export const countWarehouse = async (environment: Readonly<Record<string, string | undefined>>): Promise<number> => {
  const bigquery = client(environment);
  if (!(await exists(bigquery))) return 0;
  const [rows] = (await asked(() => bigquery.query({ query: `SELECT CAST(count(*) AS STRING) AS n FROM ${tableName}` }))) as unknown as [{ readonly n: string }[]];
  return Number(rows[0]!.n);
};

interface WarehouseRow extends Row {
  readonly event_id: string;
  readonly event_us: string | null;
  readonly processed_us: string | null;
}

export async function* readWarehouse(environment: Readonly<Record<string, string | undefined>>): AsyncGenerator<Row> {
  const bigquery = client(environment);
  if (!(await exists(bigquery))) return;
  // By position, not by id: a row that is there twice must be seen twice.
  for (let offset = 0; ; offset += PAGE_ROWS) {
    const query = `SELECT ${COLUMNS} FROM ${tableName} AS t ORDER BY t.event_id LIMIT ${PAGE_ROWS} OFFSET ${offset}`;
    const [rows] = (await asked(() => bigquery.query({ query }))) as unknown as [WarehouseRow[]];
    for (const row of rows) yield { ...row, event_ts: isoOfMicros(row.event_us), processed_at: isoOfMicros(row.processed_us) };
    if (rows.length < PAGE_ROWS) return;
  }
}
