/** From a transactional outbox in PostgreSQL to a hash per event in Redis and a row per event in Cassandra. */
import { avro, cassandra, debezium, json, keyBy, leftJoin, map, redis, stream, table, through, to, topology, type Meta, type Schema } from 'millrace/topology';
import { contentRow, type ContentRow } from '../../schemas/content.ts';
import { metricsOf } from './metrics.ts';
import { EXPIRE_SECONDS } from './names.ts';
import { parsePayload, type Payload } from './payload.ts';

/** Debezium's EventRouter publishes the payload alone: JSON text, which its converter writes as an Avro string. */
const payloadText: Schema<string> = { name: 'payload', avro: 'string' };

export const content = table('outbox.public.content', debezium(contentRow), { key: 'id' });
export const events = stream('outbox.event.engagement', avro(payloadText));

export interface EventMetrics extends Omit<Payload, 'id'> {
  readonly event_id: string;
  readonly content_title: string | null;
  readonly content_type: string | null;
  readonly length_seconds: number | null;
  readonly engagement_seconds: string | null;
  /** A ratio, not per cent. */
  readonly engagement_pct: string | null;
  readonly processed_at: string;
}

const withMetrics = ([{ id, ...event }, about]: readonly [Payload, ContentRow | null], meta: Meta): EventMetrics => {
  const { seconds, ratio } = metricsOf(event.duration_ms, about?.length_seconds ?? null);
  return {
    event_id: id,
    ...event,
    content_title: about?.title ?? null,
    content_type: about?.content_type ?? null,
    length_seconds: about?.length_seconds ?? null,
    engagement_seconds: seconds,
    engagement_pct: ratio,
    processed_at: new Date(meta.now).toISOString(),
  };
};

export const metrics = events.pipe(
  map(parsePayload),
  leftJoin(content, (event) => event.content_id),
  map(withMetrics),
  keyBy((event) => event.content_id),
  through('outbox.metrics', json<EventMetrics>(), { partitions: 4, retention: '7d' }),
);

/** Text throughout; what is null is left out of the hash. */
const toFields = ({ event_time: time, duration_ms: duration, engagement_seconds: seconds, ...rest }: EventMetrics) =>
  ({ ...rest, event_time_str: time, duration_ms_str: duration, engagement_seconds_str: seconds });

const hash = redis.hash({ key: (event: EventMetrics) => `engagement_events:event:${event.event_id}`, fields: toFields, expireSeconds: EXPIRE_SECONDS });

/** A day of a content is a partition. Cassandra keeps milliseconds, so the exact time stands beside it as text. */
const row = cassandra({
  table: 'content_analytics.engagement_metrics',
  columns: {
    content_id: 'uuid', event_day: 'date', event_id: 'bigint', user_id: 'uuid', event_type: 'text', event_time: 'timestamp', event_time_str: 'text', duration_ms: 'int', device: 'text',
    content_title: 'text', content_type: 'text', length_seconds: 'int', engagement_seconds: 'decimal', engagement_pct: 'decimal', processed_at: 'timestamp',
  },
  partitionKey: ['content_id', 'event_day'],
  clusteringKey: ['event_id'],
  key: (event: EventMetrics) => ({ content_id: event.content_id, event_day: event.event_time.slice(0, 10), event_id: BigInt(event.event_id) }),
  set: ({ content_id: _content, event_id: _event, ...event }) =>
    ({ ...event, event_time: Date.parse(event.event_time), event_time_str: event.event_time, processed_at: Date.parse(event.processed_at) }),
});

export default topology('outbox',
  metrics.pipe(to('events', hash, { batch: { waitMs: 5 } })),
  metrics.pipe(to('metrics', row, { batch: { records: 500, waitMs: 50 } })),
);
