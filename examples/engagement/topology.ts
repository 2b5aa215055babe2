/** From changes in PostgreSQL to a warehouse, a partner and live figures in Redis. */
import { avro, bigquery, branch, debezium, env, http, inserts, json, keyBy, leftJoin, map, redis, scan, secret, stream, table, through, to, topology, validate, type Meta } from 'millrace/topology';
import { contentRow, type ContentRow } from '../../schemas/content.ts';
import { engagementEvent, type EngagementEvent } from '../../schemas/engagement_event.ts';
import { enrichedSchema, type Enriched } from '../../schemas/enriched.ts';
import { metricsOf } from './metrics.ts';
import { anomaliesOf, durationNotNegative, knownType, notFromTheFuture } from './rules.ts';
import { addEvent, noTotals, type Totals } from './totals.ts';

const content = table('app.public.content', debezium(contentRow), { key: 'id' });
const events = stream('app.public.engagement_events', debezium(engagementEvent, { timestamp: (row) => Date.parse(row.event_ts) }));

const withMetrics = ([event, about]: readonly [EngagementEvent, ContentRow | null], meta: Meta): Enriched => {
  const { seconds, percent } = metricsOf(event.duration_ms, about?.length_seconds ?? null);
  return {
    event_id: event.id,
    content_id: event.content_id,
    user_id: event.user_id,
    event_type: event.event_type,
    event_ts: event.event_ts,
    device: event.device,
    content_title: about?.title ?? null,
    content_type: about?.content_type ?? null,
    content_length_seconds: about?.length_seconds ?? null,
    engagement_seconds: seconds,
    engagement_pct: percent,
    processed_at: new Date(meta.now).toISOString(),
    anomalies: anomaliesOf(event, about),
  };
};

export const enriched = events.pipe(
  inserts({ snapshot: 'include' }),
  validate({ durationNotNegative, knownType, notFromTheFuture }),
  leftJoin(content, (event) => event.content_id),
  map(withMetrics),
  keyBy((event) => event.content_id),
  through('engagement.enriched', avro(enrichedSchema), { partitions: 4, retention: '7d' }),
);

const isFinish = (event: Enriched): boolean => event.event_type === 'finish';
export const { finished } = enriched.pipe(branch({ finished: isFinish }));

export const totals = enriched.pipe(scan('totals', addEvent, { state: json<Totals>(), seed: noTotals }));

const toRow = (event: Enriched) => ({ ...event, anomalies: event.anomalies.length === 0 ? null : event.anomalies.join(', ') });

const toPartner = (event: Enriched) => ({
  content_id: event.content_id,
  user_id: event.user_id,
  finished_at: event.event_ts,
  engagement_seconds: event.engagement_seconds,
  engagement_pct: event.engagement_pct,
});

const warehouse = bigquery({
  table: 'analytics.engagement_events',
  columns: {
    event_id: 'INT64', content_id: 'STRING', user_id: 'STRING', event_type: 'STRING', event_ts: 'TIMESTAMP', device: 'STRING',
    content_title: 'STRING', content_type: 'STRING', content_length_seconds: 'INT64',
    engagement_seconds: 'NUMERIC', engagement_pct: 'NUMERIC', processed_at: 'TIMESTAMP', anomalies: 'STRING',
  },
  partitionBy: { column: 'event_ts', unit: 'DAY' },
  clusterBy: ['content_type', 'content_id'],
  row: toRow,
  id: (event: Enriched) => event.event_id,
});

const partner = http({
  url: env('PARTNER_URL'),
  token: secret('PARTNER_TOKEN'),
  body: toPartner,
  idempotencyKey: (event: Enriched) => event.event_id,
});

const counted = (event: Enriched): Record<string, number> => Object.fromEntries(['events', event.event_type, ...event.anomalies].map((name) => [name, 1]));

const toRecent = (event: Enriched) => ({
  event_id: event.event_id,
  content_id: event.content_id,
  content_title: event.content_title,
  event_type: event.event_type,
  engagement_pct: event.engagement_pct,
});

export default topology('engagement',
  enriched.pipe(to('warehouse', warehouse, { batch: { records: 500, waitMs: 200 } })),
  finished.pipe(to('partner', partner)),
  totals.pipe(to('totals', redis.hash({ key: (total) => `content:${total.content_id}`, fields: (total) => ({ ...total }) }), { batch: { waitMs: 5 } })),
  totals.pipe(to('top', redis.sortedSet({ key: 'top:engagement', member: (total) => total.content_id, score: (total) => total.engagement_ms }))),
  enriched.pipe(to('counters', redis.increment({ key: 'engagement:counters', fields: counted }))),
  enriched.pipe(to('recent', redis.stream({ key: 'engagement:recent', maxLength: 1_000, fields: toRecent }), { batch: { waitMs: 5 } })),
);
