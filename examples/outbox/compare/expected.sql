-- What the sinks must hold, from the rows in PostgreSQL alone: no code of the topology has a part in it.
CREATE INDEX ON actual_hashes (event_id);
CREATE INDEX ON actual_rows (event_id);
ANALYZE actual_hashes;
ANALYZE actual_rows;

-- What tells when an event was processed, and with which version of its content.
CREATE TEMP VIEW witness AS
SELECT event_id, content_title, content_type, length_seconds, processed_at FROM actual_rows
UNION ALL
SELECT event_id, fields ->> 'content_title', fields ->> 'content_type', (fields ->> 'length_seconds')::bigint, processed_at
FROM actual_hashes WHERE (SELECT 'cassandra' = ANY (without) FROM run);

-- Events of this run have one right answer: contents changed only while nothing was under way. Before that, with edits at any time, a
-- version of the content is right that held at some moment until the event was processed.
CREATE TEMP TABLE candidate AS
SELECT e.id AS event_id, h.version, e.content_id::text, e.user_id::text, e.event_type, e.event_ts, e.duration_ms::bigint, e.device, (e.raw_payload ->> 'sent_at')::timestamptz AS sent_at,
       h.title AS content_title, h.content_type, h.length_seconds::bigint,
       CASE WHEN e.duration_ms >= 0 THEN round(e.duration_ms::numeric / 1000, 3) END AS engagement_seconds,
       CASE WHEN e.duration_ms >= 0 AND h.length_seconds > 0 THEN round(e.duration_ms::numeric / 1000 / h.length_seconds, 4) END AS engagement_pct
FROM engagement_events e
CROSS JOIN run r
CROSS JOIN LATERAL (SELECT max(v.version) AS version FROM content_history v WHERE v.content_id = e.content_id AND v.after_event < e.id) AS first
JOIN content_history h ON h.content_id = e.content_id AND (
  h.version = first.version
  OR e.id < r.first_event AND h.version > first.version AND h.changed_at <= (SELECT max(w.processed_at) FROM witness w WHERE w.event_id = e.id)
);

CREATE TEMP TABLE expected AS
SELECT DISTINCT ON (c.event_id) c.*
FROM candidate c
LEFT JOIN witness w ON w.event_id = c.event_id AND (w.content_title, w.content_type) = (c.content_title, c.content_type) AND w.length_seconds IS NOT DISTINCT FROM c.length_seconds
ORDER BY c.event_id, (w.event_id IS NOT NULL) DESC, c.version;
CREATE UNIQUE INDEX ON expected (event_id);
ANALYZE expected;

-- Every hash of this run; of earlier ones those that have not expired yet. What is null has no field, and there are no other fields.
CREATE TEMP VIEW expected_hashes AS
SELECT event_id, jsonb_strip_nulls(jsonb_build_object(
         'event_id', event_id::text, 'content_id', content_id, 'user_id', user_id, 'event_type', event_type, 'device', device,
         'event_time_str', to_char(event_ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), 'duration_ms_str', duration_ms::text,
         'engagement_seconds_str', engagement_seconds::text, 'engagement_pct', engagement_pct::text,
         'content_title', content_title, 'content_type', content_type, 'length_seconds', length_seconds::text)) AS fields
FROM expected
WHERE event_id >= (SELECT first_event FROM run) OR event_id IN (SELECT event_id FROM actual_hashes);

CREATE TEMP VIEW expected_rows AS
SELECT content_id, (event_ts AT TIME ZONE 'UTC')::date AS event_day, event_id, user_id, event_type, date_trunc('milliseconds', event_ts) AS event_time,
       to_char(event_ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS event_time_str, duration_ms, device, content_title, content_type, length_seconds,
       engagement_seconds, engagement_pct
FROM expected;
