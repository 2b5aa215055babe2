-- The tables of the engagement example. Running this again changes nothing.

CREATE TABLE IF NOT EXISTS content (
  id             uuid PRIMARY KEY,
  slug           text NOT NULL UNIQUE,
  title          text NOT NULL,
  content_type   text NOT NULL CHECK (content_type IN ('podcast', 'newsletter', 'video')),
  length_seconds integer CHECK (length_seconds >= 0),
  publish_ts     timestamptz NOT NULL
);

-- Updates carry the whole old row, so that a long title that did not change still reaches Kafka.
ALTER TABLE content REPLICA IDENTITY FULL;

-- event_type and duration_ms are not checked here on purpose: impossible values are what the topology's rules are for.
CREATE TABLE IF NOT EXISTS engagement_events (
  id          bigserial PRIMARY KEY,
  content_id  uuid NOT NULL REFERENCES content (id),
  user_id     uuid NOT NULL,
  event_type  text NOT NULL,
  event_ts    timestamptz NOT NULL,
  duration_ms integer,
  device      text,
  raw_payload jsonb
);

-- Which version of a content held when an event was written. The pipeline never sees this table: the comparison of the
-- sinks with SQL needs it, since a content may be edited after its events.
CREATE TABLE IF NOT EXISTS content_history (
  version        bigserial PRIMARY KEY,
  content_id     uuid NOT NULL,
  title          text NOT NULL,
  content_type   text NOT NULL,
  length_seconds integer,
  publish_ts     timestamptz NOT NULL,
  -- The last event id that was given out before this version.
  after_event    bigint NOT NULL,
  changed_at     timestamptz NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX IF NOT EXISTS content_history_by_content ON content_history (content_id, after_event);

CREATE OR REPLACE FUNCTION remember_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO content_history (content_id, title, content_type, length_seconds, publish_ts, after_event)
  SELECT NEW.id, NEW.title, NEW.content_type, NEW.length_seconds, NEW.publish_ts, CASE WHEN s.is_called THEN s.last_value ELSE 0 END
  FROM engagement_events_id_seq AS s;
  RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER remember_content AFTER INSERT OR UPDATE ON content
  FOR EACH ROW EXECUTE FUNCTION remember_content();

-- A row in it asks the connector to read a table again (millrace snapshot); Debezium writes here too, around each chunk that it reads.
CREATE TABLE IF NOT EXISTS debezium_signal (
  id   text PRIMARY KEY,
  type text NOT NULL,
  data text
);

-- Made here and not by the connector, whose user then needs no more than REPLICATION and SELECT.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'engagement') THEN
    CREATE PUBLICATION engagement FOR TABLE content, engagement_events, debezium_signal;
  ELSIF NOT EXISTS (SELECT FROM pg_publication_tables WHERE pubname = 'engagement' AND tablename = 'debezium_signal') THEN
    ALTER PUBLICATION engagement ADD TABLE debezium_signal;
  END IF;
END
$$;
