import type { Client } from 'pg';

export type Row = Readonly<Record<string, unknown>>;

const BATCH_ROWS = 1_000;

/** Copies rows into a table, by the names of its columns; other properties are left out. @returns how many */
export const fill = async (client: Client, table: string, rows: AsyncIterable<Row>): Promise<number> => {
  let count = 0;
  let batch: Row[] = [];
  const flush = async (): Promise<void> => {
    if (batch.length === 0) return;
    const json = JSON.stringify(batch, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
    await client.query(`INSERT INTO ${table} SELECT (jsonb_populate_record(null::${table}, r)).* FROM jsonb_array_elements($1::jsonb) AS r`, [json]);
    count += batch.length;
    batch = [];
  };
  for await (const row of rows) {
    batch.push(row);
    if (batch.length === BATCH_ROWS) await flush();
  }
  await flush();
  return count;
};
