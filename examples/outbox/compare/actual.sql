-- What the sinks hold, filled by the program before expected.sql and the checks run.
CREATE TEMP TABLE run (first_event bigint NOT NULL, expire_seconds integer NOT NULL, without text[] NOT NULL);

CREATE TEMP TABLE actual_hashes (event_id bigint, fields jsonb, processed_at timestamptz, ttl_ms bigint, read_at timestamptz);

CREATE TEMP TABLE actual_rows (
  content_id text, event_day date, event_id bigint, user_id text, event_type text, event_time timestamptz, event_time_str text, duration_ms bigint, device text, content_title text,
  content_type text, length_seconds bigint, engagement_seconds numeric, engagement_pct numeric, processed_at timestamptz, written_at_us numeric
);
