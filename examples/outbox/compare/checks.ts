import type { Client } from 'pg';
import type { Check } from '../../../lib/cli/start/demo.ts';

interface Rows {
  readonly sink: string;
  /** What the rows are in. */
  readonly system: string;
  /** Of the relations `expected_NAME` and `actual_NAME`. */
  readonly name: string;
  readonly values: readonly string[];
}

const ROWS: readonly Rows[] = [
  { sink: 'Redis hashes', system: 'redis', name: 'hashes', values: ['fields'] },
  {
    sink: 'Cassandra', system: 'cassandra', name: 'rows',
    values: ['content_id', 'event_day', 'user_id', 'event_type', 'event_time', 'event_time_str', 'duration_ms', 'device', 'content_title', 'content_type', 'length_seconds', 'engagement_seconds', 'engagement_pct'],
  },
];

/** Every question is asked in SQL and answers with one expected and one actual number. */
const QUESTIONS: readonly { readonly sink: string; readonly system: string | null; readonly check: string; readonly sql: string }[] = [
  {
    sink: 'Redis hashes', system: 'redis', check: 'time left within bounds',
    // A second for what lies between making a result and writing it, either way.
    sql: `SELECT count(*) AS expected, count(*) FILTER (
            WHERE ttl_ms BETWEEN expire_seconds * 1000 - 1000 * extract(epoch FROM read_at - processed_at) - 1000 AND expire_seconds * 1000) AS actual
          FROM actual_hashes, run`,
  },
  {
    sink: 'Redis hashes', system: 'redis', check: 'processed between sending and now',
    sql: `SELECT count(*) AS expected, count(*) FILTER (WHERE a.processed_at BETWEEN e.sent_at AND clock_timestamp()) AS actual FROM actual_hashes a LEFT JOIN expected e USING (event_id)`,
  },
  {
    sink: 'Cassandra', system: 'cassandra', check: "written with the record's time",
    sql: `SELECT count(*) AS expected, count(*) FILTER (
            WHERE to_timestamp(written_at_us / 1000000) BETWEEN e.sent_at AND a.processed_at AND written_at_us % 1000 = 0) AS actual
          FROM actual_rows a LEFT JOIN expected e USING (event_id)`,
  },
  { sink: 'outbox table', system: null, check: 'rows left behind', sql: 'SELECT 0 AS expected, count(*) AS actual FROM outbox_events' },
];

const FAULTS = ['missing', 'twice', 'not_expected', 'different'] as const;
const some = (name: string): string => `(SELECT count(*) FROM ${name}) AS ${name}, (SELECT string_agg(event_id::text, ' ') FROM (SELECT event_id FROM ${name} LIMIT 3) AS x) AS ${name}_ids`;

const compareRows = async (client: Client, { sink, name, values }: Rows): Promise<Check[]> => {
  const row = `ROW(${values.join(', ')})`;
  const { rows: [found] } = await client.query<Record<string, string | null>>(`
    WITH e AS MATERIALIZED (SELECT event_id, ${row} AS v FROM expected_${name}),
         a AS MATERIALIZED (SELECT event_id, ${row} AS v FROM actual_${name}),
         missing AS (SELECT event_id FROM e EXCEPT SELECT event_id FROM a),
         twice AS (SELECT event_id FROM a GROUP BY event_id HAVING count(*) > 1),
         not_expected AS (SELECT event_id FROM a EXCEPT SELECT event_id FROM e),
         different AS (SELECT DISTINCT event_id FROM e JOIN a USING (event_id) WHERE e.v IS DISTINCT FROM a.v)
    SELECT (SELECT count(*) FROM e) AS expected_rows, (SELECT count(*) FROM a) AS actual_rows, ${FAULTS.map(some).join(', ')}`);
  const words = FAULTS.filter((fault) => found![fault] !== '0').map((fault) => `${found![fault]} ${fault.replace('_', ' ')} (${found![`${fault}_ids`]})`);
  return [
    { sink, check: 'rows', expected: found!.expected_rows!, actual: found!.actual_rows! },
    { sink, check: 'none missing, twice or different', expected: 'none', actual: words.length === 0 ? 'none' : words.join(', ') },
  ];
};

/** All checks of what this run is not without; `actual.sql`'s tables are filled and `expected.sql` has run. */
export const runChecks = async (client: Client, without: readonly string[]): Promise<Check[]> => {
  const checks: Check[] = [];
  for (const rows of ROWS) if (!without.includes(rows.system)) checks.push(...(await compareRows(client, rows)));
  for (const { sink, system, check, sql } of QUESTIONS) {
    if (system !== null && without.includes(system)) continue;
    const { rows: [answer] } = await client.query<{ readonly expected: unknown; readonly actual: unknown }>(sql);
    checks.push({ sink, check, expected: String(answer!.expected), actual: String(answer!.actual) });
  }
  return checks;
};
