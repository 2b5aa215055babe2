-- The outbox, beside the tables of examples/engagement/setup.sql. Running this again changes nothing.

CREATE TABLE IF NOT EXISTS outbox_events (
  id             uuid PRIMARY KEY DEFAULT gen_random_uuid(),
  -- Names the topic: outbox.event.<aggregate_type>.
  aggregate_type text NOT NULL,
  -- The record's key: events of one content keep their order.
  aggregate_id   text NOT NULL,
  event_type     text NOT NULL,
  payload        jsonb NOT NULL
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);

-- Inserts and deletes in the event's own transaction: the write-ahead log carries the insert to Debezium, and the table stays empty.
-- An id is text, since a number in JSON is exact up to 2^53 only.
CREATE OR REPLACE FUNCTION publish_engagement() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  published uuid[];
BEGIN
  WITH outbox AS (
    INSERT INTO outbox_events (aggregate_type, aggregate_id, event_type, payload)
    SELECT 'engagement', e.content_id, e.event_type, jsonb_build_object(
      'id', e.id::text, 'content_id', e.content_id, 'user_id', e.user_id, 'event_type', e.event_type,
      'event_time', to_char(e.event_ts AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
      'duration_ms', e.duration_ms, 'device', e.device)
    FROM inserted AS e ORDER BY e.id
    RETURNING id
  )
  SELECT array_agg(id) INTO published FROM outbox;
  DELETE FROM outbox_events WHERE id = ANY (published);
  RETURN NULL;
END
$$;

CREATE OR REPLACE TRIGGER publish_engagement AFTER INSERT ON engagement_events
  REFERENCING NEW TABLE AS inserted FOR EACH STATEMENT EXECUTE FUNCTION publish_engagement();

DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = 'outbox') THEN
    CREATE PUBLICATION outbox FOR TABLE content, outbox_events, debezium_signal;
  ELSIF NOT EXISTS (SELECT FROM pg_publication_tables WHERE pubname = 'outbox' AND tablename = 'debezium_signal') THEN
    ALTER PUBLICATION outbox ADD TABLE debezium_signal;
  END IF;
END
$$;
