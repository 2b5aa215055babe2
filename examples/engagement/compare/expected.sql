-- What every sink must hold, from the rows in PostgreSQL alone: no code of the topology has a part in it.

-- Each event with the rule it breaks and the version of its content that held when it was written.
CREATE TEMP TABLE fact AS
SELECT e.id AS event_id, e.content_id, e.user_id, e.event_type, e.event_ts, e.duration_ms, e.device, h.version,
       (e.raw_payload ->> 'sent_at')::timestamptz AS sent_at,
       CASE
         WHEN e.duration_ms < 0 THEN 'durationNotNegative'
         WHEN e.event_type NOT IN ('play', 'pause', 'finish', 'click') THEN 'knownType'
         WHEN e.event_ts > coalesce((e.raw_payload ->> 'sent_at')::timestamptz, now()) + interval '1 hour' THEN 'notFromTheFuture'
       END AS broken_rule
FROM engagement_events e
LEFT JOIN LATERAL (
  SELECT version FROM content_history h WHERE h.content_id = e.content_id AND h.after_event < e.id ORDER BY version DESC LIMIT 1
) h ON true;
CREATE UNIQUE INDEX ON fact (event_id);
CREATE INDEX ON actual_warehouse (event_id);
CREATE INDEX ON actual_enriched (event_id);
ANALYZE fact;
ANALYZE actual_warehouse;
ANALYZE actual_enriched;

-- What the enriched row of an event may be. Events of this run have one right answer: contents changed only while nothing was
-- under way. Before that, with edits at any time, a version is right that held at some moment until the event was processed.
CREATE TEMP TABLE candidate AS
SELECT f.event_id, h.version, f.content_id::text, f.user_id::text, f.event_type, f.event_ts, f.device,
       h.title AS content_title, h.content_type, h.length_seconds::bigint AS content_length_seconds,
       CASE WHEN h.length_seconds > 0 THEN f.duration_ms::numeric / 1000 END AS engagement_seconds,
       CASE WHEN h.length_seconds > 0 THEN round(f.duration_ms::numeric / 1000 / h.length_seconds * 100, 2) END AS engagement_pct,
       nullif(concat_ws(', ',
         CASE WHEN h.length_seconds > 0 AND f.duration_ms > h.length_seconds::bigint * 1000 THEN 'over 100 %' END,
         CASE WHEN f.event_ts < h.publish_ts THEN 'before publication' END), '') AS anomalies
FROM fact f
CROSS JOIN run r
JOIN content_history h ON h.content_id = f.content_id AND (
  h.version = f.version
  OR f.event_id < r.first_event AND h.version > f.version AND h.changed_at <= (SELECT max(a.processed_at) FROM witness a WHERE a.event_id = f.event_id)
)
WHERE f.broken_rule IS NULL;

-- The one that the witness has (the warehouse, or without it the enriched topic), else the one that held when the event was written.
CREATE TEMP TABLE expected_warehouse AS
SELECT DISTINCT ON (c.event_id) c.*
FROM candidate c
LEFT JOIN witness a ON a.event_id = c.event_id AND (a.content_title, a.content_type) = (c.content_title, c.content_type)
  AND a.content_length_seconds IS NOT DISTINCT FROM c.content_length_seconds
ORDER BY c.event_id, (a.event_id IS NOT NULL) DESC, c.version;
CREATE UNIQUE INDEX ON expected_warehouse (event_id);
ANALYZE expected_warehouse;

CREATE TEMP VIEW expected_enriched AS SELECT e.* FROM expected_warehouse e CROSS JOIN run r WHERE e.event_ts >= r.enriched_since;

CREATE TEMP VIEW expected_totals AS
SELECT e.content_id,
       count(*)::numeric AS events,
       count(*) FILTER (WHERE e.event_type = 'play')::numeric AS plays,
       count(*) FILTER (WHERE e.event_type = 'pause')::numeric AS pauses,
       count(*) FILTER (WHERE e.event_type = 'finish')::numeric AS finishes,
       count(*) FILTER (WHERE e.event_type = 'click')::numeric AS clicks,
       coalesce(sum(e.engagement_seconds) * 1000, 0) AS engagement_ms,
       (array_agg(e.content_title ORDER BY e.event_id DESC))[1] AS content_title,
       max(e.event_id) AS last_event_id
FROM expected_warehouse e GROUP BY e.content_id;

CREATE TEMP VIEW expected_top AS SELECT content_id, engagement_ms FROM expected_totals;

CREATE TEMP VIEW expected_counters AS
SELECT 'events' AS name, count(*)::numeric AS value FROM expected_warehouse HAVING count(*) > 0
UNION ALL SELECT event_type, count(*)::numeric FROM expected_warehouse GROUP BY event_type
UNION ALL SELECT a, count(*)::numeric FROM expected_warehouse, unnest(string_to_array(anomalies, ', ')) AS a GROUP BY a;

CREATE TEMP VIEW expected_recent AS
SELECT event_id, content_id, content_title, event_type, engagement_pct::text FROM expected_warehouse;

-- The partner turns down some keys for good, always the same: one in so many by the key's MD5.
CREATE TEMP VIEW finished AS
SELECT e.*, r.refuse_every > 0 AND ('x' || substr(md5(e.event_id::text), 1, 8))::bit(32)::bigint % nullif(r.refuse_every, 0) = 0 AS refused,
       r.drop_every > 0 AND ('x' || substr(md5(e.event_id::text), 9, 8))::bit(32)::bigint % nullif(r.drop_every, 0) = 0 AS dropped
FROM expected_warehouse e CROSS JOIN run r WHERE e.event_type = 'finish';

CREATE TEMP VIEW expected_partner AS
SELECT event_id, content_id, user_id, event_ts AS finished_at, engagement_seconds, engagement_pct FROM finished WHERE NOT refused;

CREATE TEMP VIEW expected_dead_letters AS
SELECT 'app.public.engagement_events' AS stage, event_id, broken_rule AS reason FROM fact WHERE broken_rule IS NOT NULL
UNION ALL SELECT 'partner', event_id, 'refused' FROM finished, run WHERE refused AND NOT 'partner' = ANY (run.without);
