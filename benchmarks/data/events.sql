-- Events like the generator's, the same for the same numbers: random() after setseed, ids from md5. $1: first, $2: last.
-- Index n of the contents is about 1/(n+1) as likely as index 0. A click has no duration, a play begins at 0; pauses lie within
-- the content, finishes near its end.
INSERT INTO engagement_events (content_id, user_id, event_type, event_ts, duration_ms, device, raw_payload)
SELECT md5('content ' || content)::uuid, md5('user ' || floor(u.who * 4000))::uuid, kind, at,
       CASE kind
         WHEN 'click' THEN NULL
         WHEN 'play' THEN 0
         WHEN 'pause' THEN floor(full_ms * (0.01 + 0.79 * u.part))::int
         ELSE floor(full_ms * (0.85 + 0.15 * u.part))::int
       END,
       device, jsonb_build_object('sent_at', at, 'client', jsonb_build_object('device', device))
FROM (
  SELECT i, random() AS who, random() AS hot, random() AS type, random() AS part, random() AS owns FROM generate_series($1::int, $2::int) AS i OFFSET 0
) AS u
CROSS JOIN LATERAL (
  SELECT least(4999, floor(power(5001, u.hot))::int - 1) AS content,
         CASE WHEN u.type < 0.12 THEN 'click' WHEN u.type < 0.46 THEN 'play' WHEN u.type < 0.66 THEN 'pause' ELSE 'finish' END AS kind,
         (ARRAY['ios', 'android', 'web', 'speaker', 'tv'])[1 + floor(u.owns * 5)::int] AS device,
         timestamptz '2026-01-01 00:00:00.000123Z' + u.i * interval '257.013 milliseconds' AS at
) AS v
CROSS JOIN LATERAL (
  SELECT 1000.0 * CASE WHEN coalesce(c.length_seconds, 0) = 0 THEN 5 + 2395 * u.owns ELSE c.length_seconds END AS full_ms
  FROM content AS c WHERE c.id = md5('content ' || v.content)::uuid
) AS w
ORDER BY u.i;
