import type { Client } from 'pg';
import type { Content, ContentType } from './content.ts';
import type { EngagementEvent } from './load.ts';

interface ContentRow {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly content_type: ContentType;
  readonly length_seconds: number | null;
  readonly publish_ts: Date;
}

const INSERT_EVENTS = `
  INSERT INTO engagement_events (content_id, user_id, event_type, event_ts, duration_ms, device, raw_payload)
  SELECT content_id, user_id, event_type, event_ts, duration_ms, device,
         jsonb_build_object('sent_at', sent_at, 'client', jsonb_build_object('device', device))
  FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::timestamptz[], $5::int[], $6::text[], $7::text[])
       AS t (content_id, user_id, event_type, event_ts, duration_ms, device, sent_at)
  RETURNING id`;

/** Contents in PostgreSQL, oldest first. */
export const readContents = async (client: Client): Promise<readonly Content[]> => {
  const { rows } = await client.query<ContentRow>(
    'SELECT c.* FROM content c JOIN (SELECT content_id, min(version) AS first FROM content_history GROUP BY content_id) h ON h.content_id = c.id ORDER BY h.first',
  );
  return rows.map((row) => ({
    id: row.id, slug: row.slug, title: row.title, contentType: row.content_type, lengthSeconds: row.length_seconds, publishMs: row.publish_ts.getTime(),
  }));
};

export const writeContents = async (client: Client, contents: readonly Content[]): Promise<void> => {
  await client.query(
    `INSERT INTO content (id, slug, title, content_type, length_seconds, publish_ts)
     SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[])
     ON CONFLICT (id) DO UPDATE SET title = excluded.title, length_seconds = excluded.length_seconds`,
    [
      contents.map((c) => c.id), contents.map((c) => c.slug), contents.map((c) => c.title), contents.map((c) => c.contentType),
      contents.map((c) => c.lengthSeconds), contents.map((c) => new Date(c.publishMs).toISOString()),
    ],
  );
};

/** Writes events in one transaction; gives their ids once it is committed. */
export const writeEvents = async (client: Client, events: readonly EngagementEvent[]): Promise<readonly number[]> => {
  const { rows } = await client.query<{ readonly id: string }>(INSERT_EVENTS, [
    events.map((e) => e.contentId), events.map((e) => e.userId), events.map((e) => e.eventType), events.map((e) => e.eventTs),
    events.map((e) => e.durationMs), events.map((e) => e.device), events.map((e) => e.sentAt),
  ]);
  return rows.map((row) => Number(row.id));
};
