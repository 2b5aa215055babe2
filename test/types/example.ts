/** The example of the documentation: it compiles with no annotation beyond those of the user's own functions. */
import {
  avro, bigquery, branch, debezium, env, filter, http, inserts, json, kafka, keyBy, leftJoin, map, otherwise, redis, scan, secret, stream, table, tap, through, to,
  topology, validate, type Change, type Stream, type Table, type Topology,
} from 'millrace/topology';
import { sameType } from './expect.ts';
import { contentRow, engagementEvent, enrichedSchema, type Content, type Enriched, type EngagementEvent } from './rows.ts';

const parseTime = (text: string): number => Number(text);
const durationNotNegative = (event: { readonly duration_ms: number | null }): boolean => event.duration_ms === null || event.duration_ms >= 0;
const knownType = (event: EngagementEvent): boolean => ['play', 'pause', 'finish', 'click'].includes(event.event_type);
const withMetrics = ([event, content]: readonly [EngagementEvent, Content | null]): Enriched => ({
  event_id: String(event.id), content_id: event.content_id, event_type: event.event_type, seconds: event.duration_ms, title: content?.title ?? null,
});
type Finish = Enriched & { readonly event_type: 'finish' };
const isFinish = (event: Enriched): event is Finish => event.event_type === 'finish';

interface Total { readonly content_id: string; readonly events: number; readonly seconds: number }
const addEngagement = (total: Total, event: Enriched): Total => ({ ...total, events: total.events + 1, seconds: total.seconds + (event.seconds ?? 0) });

const content = table('app.public.content', debezium(contentRow), { key: 'id' });
sameType<typeof content, Table<Content, string>>(true);

const events = stream('app.public.engagement_events', debezium(engagementEvent, { timestamp: (row) => parseTime(row.event_ts) }));
sameType<typeof events, Stream<Change<EngagementEvent>, unknown>>(true);

const enriched = events.pipe(
  inserts({ snapshot: 'include' }),
  validate({ durationNotNegative, knownType }),
  leftJoin(content, (event) => event.content_id),
  map(withMetrics),
  keyBy((e) => e.content_id),
  through('engagement.enriched', avro(enrichedSchema), { retention: '7d' }),
);
sameType<typeof enriched, Stream<Enriched, string>>(true);

const { finished, rest } = enriched.pipe(branch({ finished: isFinish, rest: otherwise }));
sameType<typeof finished, Stream<Finish, string>>(true);
sameType<typeof rest, Stream<Enriched, string>>(true);

const totals = enriched.pipe(scan('totals', addEngagement, { state: json<Total>(), seed: (id) => ({ content_id: id, events: 0, seconds: 0 }) }));
sameType<typeof totals, Stream<Total, string>>(true);

const engagement = topology('engagement',
  enriched.pipe(to('warehouse', bigquery({
    table: 'analytics.engagement_events',
    columns: { event_id: 'STRING', event_type: 'STRING', seconds: 'FLOAT64' },
    row: (e) => ({ event_id: e.event_id, event_type: e.event_type, seconds: e.seconds }),
    id: (e) => e.event_id,
  }), { batch: { records: 500, waitMs: 200 } })),
  finished.pipe(to('partner', http({
    url: env('PARTNER_URL'), token: secret('PARTNER_TOKEN'), idempotencyKey: (e) => e.event_id, body: (e, meta) => ({ type: sameType<typeof e, Finish>(true), key: meta.key.length }),
  }))),
  totals.pipe(to('totals', redis.hash({ key: (_, meta) => `content:${meta.key.toUpperCase()}`, fields: ({ events, seconds }) => ({ events, seconds }) }))),
  totals.pipe(filter((total) => total.events > 10), tap((total) => void total.seconds), to('popular', redis.sortedSet({ key: 'popular', member: (t) => t.content_id, score: (t) => t.seconds, keep: 100 }))),
  rest.pipe(to('others', kafka('engagement.others', json()))),
);
sameType<typeof engagement, Topology>(true);
