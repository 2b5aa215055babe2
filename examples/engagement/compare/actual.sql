-- What the sinks hold, filled by the program before expected.sql and the checks run.
CREATE TEMP TABLE run (first_event bigint NOT NULL, refuse_every integer NOT NULL, drop_every integer NOT NULL, recent_length integer NOT NULL, enriched_since timestamptz NOT NULL, without text[] NOT NULL);

CREATE TEMP TABLE actual_warehouse (
  event_id bigint, content_id text, user_id text, event_type text, event_ts timestamptz, device text, content_title text, content_type text,
  content_length_seconds bigint, engagement_seconds numeric, engagement_pct numeric, anomalies text, processed_at timestamptz
);
CREATE TEMP TABLE actual_enriched (LIKE actual_warehouse);
CREATE TEMP TABLE actual_totals (
  content_id text, events numeric, plays numeric, pauses numeric, finishes numeric, clicks numeric, engagement_ms numeric, content_title text, last_event_id bigint
);
CREATE TEMP TABLE actual_top (content_id text, engagement_ms numeric);
CREATE TEMP TABLE actual_counters (name text, value numeric);
CREATE TEMP TABLE actual_recent (event_id bigint, content_id text, content_title text, event_type text, engagement_pct text);
CREATE TEMP TABLE actual_recent_added (added bigint);
CREATE TEMP TABLE actual_partner (event_id bigint, content_id text, user_id text, finished_at timestamptz, engagement_seconds numeric, engagement_pct numeric);
CREATE TEMP TABLE actual_partner_totals (replayed bigint, dropped bigint, waiting bigint);
CREATE TEMP TABLE actual_dead_letters (stage text, event_id bigint, reason text);
