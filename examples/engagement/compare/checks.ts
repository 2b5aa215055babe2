import type { Client } from 'pg';

/** One line of the comparison. */
export interface Check {
  readonly sink: string;
  readonly check: string;
  readonly expected: string;
  readonly actual: string;
}

export const agrees = (check: Check): boolean => check.expected === check.actual;

interface Rows {
  readonly sink: string;
  /** Of the relations `expected_NAME` and `actual_NAME`. */
  readonly name: string;
  /** What the rows are in, when a run can be without it. */
  readonly system?: string;
  readonly key: readonly string[];
  readonly values: readonly string[];
  /** Whether the sink keeps everything, or the newest rows only. */
  readonly keeps: 'everything' | 'the newest';
}

const ENRICHED = [
  'content_id', 'user_id', 'event_type', 'event_ts', 'device', 'content_title', 'content_type', 'content_length_seconds', 'engagement_seconds',
  'engagement_pct', 'anomalies',
];

const ROWS: readonly Rows[] = [
  { sink: 'topic engagement.enriched', name: 'enriched', key: ['event_id'], values: ENRICHED, keeps: 'everything' },
  { sink: 'BigQuery', name: 'warehouse', system: 'bigquery', key: ['event_id'], values: ENRICHED, keeps: 'everything' },
  {
    sink: 'Redis totals', name: 'totals', system: 'redis', key: ['content_id'],
    values: ['events', 'plays', 'pauses', 'finishes', 'clicks', 'engagement_ms', 'content_title', 'last_event_id'], keeps: 'everything',
  },
  { sink: 'Redis top list', name: 'top', system: 'redis', key: ['content_id'], values: ['engagement_ms'], keeps: 'everything' },
  { sink: 'Redis counters', name: 'counters', system: 'redis', key: ['name'], values: ['value'], keeps: 'everything' },
  { sink: 'Redis recent', name: 'recent', system: 'redis', key: ['event_id'], values: ['content_id', 'content_title', 'event_type', 'engagement_pct'], keeps: 'the newest' },
  {
    sink: 'partner', name: 'partner', system: 'partner', key: ['event_id'], values: ['content_id', 'user_id', 'finished_at', 'engagement_seconds', 'engagement_pct'],
    keeps: 'everything',
  },
  { sink: 'dead letters', name: 'dead_letters', key: ['stage', 'event_id'], values: ['reason'], keeps: 'everything' },
];

/** Every question is asked in SQL and answers with one expected and one actual text. */
const QUESTIONS: readonly { readonly sink: string; readonly check: string; readonly sql: string }[] = [
  {
    sink: 'BigQuery', check: 'seconds in all, sum of percentages',
    sql: `SELECT (SELECT concat_ws(', ', trim_scale(sum(engagement_seconds)), trim_scale(sum(engagement_pct))) FROM expected_warehouse) AS expected,
                 (SELECT concat_ws(', ', trim_scale(sum(engagement_seconds)), trim_scale(sum(engagement_pct))) FROM actual_warehouse) AS actual`,
  },
  {
    sink: 'BigQuery', check: 'contents with equal sums',
    sql: `WITH e AS (SELECT content_id, count(*) AS n, sum(engagement_seconds) AS s, sum(engagement_pct) AS p FROM expected_warehouse GROUP BY 1),
               a AS (SELECT content_id, count(*) AS n, sum(engagement_seconds) AS s, sum(engagement_pct) AS p FROM actual_warehouse GROUP BY 1)
          SELECT (SELECT count(*) FROM e) AS expected,
                 (SELECT count(*) FROM e JOIN a USING (content_id) WHERE (e.n, e.s, e.p) IS NOT DISTINCT FROM (a.n, a.s, a.p)) AS actual`,
  },
  {
    sink: 'BigQuery', check: 'processed between sending and now',
    sql: `SELECT count(*) AS expected, count(*) FILTER (WHERE processed_at BETWEEN coalesce(f.sent_at, '-infinity') AND clock_timestamp()) AS actual
          FROM actual_warehouse LEFT JOIN fact f USING (event_id)`,
  },
  {
    sink: 'Redis recent', check: 'entries, entries ever added',
    sql: `SELECT concat(least(count(*), (SELECT recent_length FROM run)), ', ', count(*)) AS expected,
                 concat((SELECT count(*) FROM actual_recent), ', ', (SELECT added FROM actual_recent_added)) AS actual FROM expected_recent`,
  },
  {
    sink: 'partner', check: 'connections dropped, not come back',
    sql: `SELECT concat((SELECT count(*) FROM finished WHERE dropped AND NOT refused), ', 0') AS expected, concat(dropped, ', ', waiting) AS actual FROM actual_partner_totals`,
  },
];

const examples = (sql: string): string => `(SELECT string_agg(k, ' ') FROM (SELECT k FROM ${sql} LIMIT 3) AS x)`;

const compareRows = async (client: Client, rows: Rows): Promise<Check[]> => {
  const key = `concat_ws(' ', ${rows.key.join(', ')})`;
  const values = `ROW(${rows.values.join(', ')})`;
  const missing = rows.keeps === 'everything' ? 'SELECT k FROM e EXCEPT SELECT k FROM a' : 'SELECT k FROM e WHERE false';
  const { rows: [found] } = await client.query<Record<string, string | null>>(`
    WITH e AS MATERIALIZED (SELECT ${key} AS k, ${values} AS v FROM expected_${rows.name}),
         a AS MATERIALIZED (SELECT ${key} AS k, ${values} AS v FROM actual_${rows.name}),
         missing AS (${missing}),
         twice AS (SELECT k FROM a GROUP BY k HAVING count(*) > 1),
         foreign_ AS (SELECT k FROM a EXCEPT SELECT k FROM e),
         different AS (SELECT DISTINCT k FROM e JOIN a USING (k) WHERE e.v IS DISTINCT FROM a.v)
    SELECT (SELECT count(*) FROM e) AS expected_rows, (SELECT count(*) FROM a) AS actual_rows,
           (SELECT count(*) FROM missing) AS missing, ${examples('missing')} AS missing_keys,
           (SELECT count(*) FROM twice) AS twice, ${examples('twice')} AS twice_keys,
           (SELECT count(*) FROM foreign_) AS not_expected, ${examples('foreign_')} AS not_expected_keys,
           (SELECT count(*) FROM different) AS different, ${examples('different')} AS different_keys`);
  const faults = ['missing', 'twice', 'not_expected', 'different'] as const;
  const words = faults.filter((fault) => found![fault] !== '0').map((fault) => `${found![fault]} ${fault.replace('_', ' ')} (${found![`${fault}_keys`]})`);
  const what = rows.keeps === 'everything' ? 'none missing, twice or different' : 'none twice or different';
  const checks = [{ sink: rows.sink, check: what, expected: 'none', actual: words.length === 0 ? 'none' : words.join(', ') }];
  return rows.keeps === 'everything' ? [{ sink: rows.sink, check: 'rows', expected: found!.expected_rows!, actual: found!.actual_rows! }, ...checks] : checks;
};

/** All checks of what this run is not without; `actual.sql`'s tables are filled and `expected.sql` has run. */
export const runChecks = async (client: Client, without: readonly string[]): Promise<Check[]> => {
  const checks: Check[] = [];
  for (const rows of ROWS.filter(({ system }) => system === undefined || !without.includes(system))) {
    checks.push(...(await compareRows(client, rows)));
    for (const question of QUESTIONS.filter(({ sink }) => sink === rows.sink)) {
      const { rows: [answer] } = await client.query<{ readonly expected: unknown; readonly actual: unknown }>(question.sql);
      checks.push({ sink: question.sink, check: question.check, expected: String(answer!.expected), actual: String(answer!.actual) });
    }
  }
  return checks;
};
