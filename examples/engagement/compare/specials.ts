import type { Client } from 'pg';

/** The special things of a run: each must have happened at least once, or the run has not shown what it is for. */
export interface Specials {
  readonly edits: number;
  readonly nullLengths: number;
  readonly ruleBreaks: number;
  /** Absent without the partner, as `replays`. */
  readonly refusals?: number;
  readonly replays?: number;
  readonly deadLetters: number;
  readonly overHundred: number;
  readonly beforePublication: number;
}

const SQL = `
  WITH first AS (SELECT first_event AS id FROM run)
  SELECT (SELECT count(*) FROM content_history h, first
          WHERE h.after_event >= first.id AND EXISTS (SELECT FROM content_history o WHERE o.content_id = h.content_id AND o.version < h.version)) AS edits,
         (SELECT count(*) FROM expected_warehouse e, first WHERE e.event_id >= first.id AND e.content_length_seconds IS NULL) AS "nullLengths",
         (SELECT count(*) FROM fact f, first WHERE f.event_id >= first.id AND f.broken_rule IS NOT NULL) AS "ruleBreaks",
         (SELECT count(*) FROM actual_dead_letters d, first WHERE d.event_id >= first.id AND d.reason = 'refused') AS refusals,
         (SELECT count(*) FROM finished e JOIN actual_partner p USING (event_id), first WHERE e.event_id >= first.id AND e.dropped) AS replays,
         (SELECT count(*) FROM actual_dead_letters d, first WHERE d.event_id >= first.id) AS "deadLetters",
         (SELECT count(*) FROM witness a, first WHERE a.event_id >= first.id AND a.anomalies LIKE '%over 100 \\%%') AS "overHundred",
         (SELECT count(*) FROM witness a, first WHERE a.event_id >= first.id AND a.anomalies LIKE '%before publication%') AS "beforePublication"`;

/** Counted after the checks' tables are there; replays are connections that were dropped and whose call came again with the same key. */
export const countSpecials = async (client: Client, without: readonly string[]): Promise<Specials> => {
  const { rows } = await client.query<Record<string, string>>(SQL);
  const { refusals, replays, ...others } = rows[0]!;
  const counted = without.includes('partner') ? others : { ...others, refusals, replays };
  return Object.fromEntries(Object.entries(counted).map(([name, count]) => [name, Number(count)])) as unknown as Specials;
};
