/** Generated from engagement_event.avsc by `millrace schemas types`: change that file and run it again. */
import { schema } from 'millrace/topology';

/** A row of public.engagement_events as Debezium writes it with topic.prefix=app. */
export interface EngagementEvent {
  readonly id: bigint;
  readonly content_id: string;
  readonly user_id: string;
  /** play, pause, finish or click; the table does not check it. */
  readonly event_type: string;
  /** ISO 8601 text in UTC, up to six digits of a second; 'infinity' and '-infinity' are possible. */
  readonly event_ts: string;
  readonly duration_ms: number | null;
  readonly device: string | null;
  /** JSON text. */
  readonly raw_payload: string | null;
}

export const engagementEvent = schema<EngagementEvent>({
  type: 'record',
  name: 'Value',
  namespace: 'app.public.engagement_events',
  doc: 'A row of public.engagement_events as Debezium writes it with topic.prefix=app.',
  fields: [
    { name: 'id', type: { type: 'long', 'connect.default': 0 } },
    { name: 'content_id', type: { type: 'string', 'connect.version': 1, 'connect.name': 'io.debezium.data.Uuid' } },
    { name: 'user_id', type: { type: 'string', 'connect.version': 1, 'connect.name': 'io.debezium.data.Uuid' } },
    { name: 'event_type', type: 'string', doc: 'play, pause, finish or click; the table does not check it.' },
    { name: 'event_ts', type: { type: 'string', 'connect.version': 1, 'connect.name': 'io.debezium.time.ZonedTimestamp' } },
    { name: 'duration_ms', type: ['null', 'int'], default: null },
    { name: 'device', type: ['null', 'string'], default: null },
    { name: 'raw_payload', type: ['null', { type: 'string', 'connect.version': 1, 'connect.name': 'io.debezium.data.Json' }], default: null },
  ],
  'connect.name': 'app.public.engagement_events.Value',
});
