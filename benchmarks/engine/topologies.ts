/** The engine's programs, through the public API alone. */
import { avro, debezium, inserts, json, kafka, keyBy, leftJoin, map, scan, stream, table, to, topology, type Topology } from 'millrace/topology';
import { contentRow } from '../../schemas/content.ts';
import { engagementEvent } from '../../schemas/engagement_event.ts';
import { outputOf, type Event, type Output } from './output.ts';

export interface ProgramOptions {
  /** Begins the names of groups and internal topics. */
  readonly app: string;
  readonly topic: string;
  /** Called with each record that reaches the program's first own function. */
  readonly seen: () => void;
}

const content = table('app.public.content', debezium(contentRow), { key: 'id' });
const rows = stream('app.public.engagement_events', debezium(engagementEvent, { int64: 'number' })).pipe(inserts({ snapshot: 'include' }));

/** The join with a table that every worker has whole; nothing is re-partitioned. */
const global = ({ app, topic, seen }: ProgramOptions): Topology => topology(app,
  rows.pipe(
    leftJoin(content, (event) => {
      seen();
      return event.content_id;
    }),
    map(([event, about]): Output => outputOf(event, about)),
    keyBy((output) => output.content_id),
    to('out', kafka(topic, json<Output>())),
  ));

/** Running totals of a content, and the event that has just been added. */
interface Totals {
  readonly events: number;
  readonly engaged_ms: number;
  readonly event: Event;
}

const add = (totals: Totals | null, event: Event): Totals | null => ({
  events: (totals?.events ?? 0) + 1,
  engaged_ms: (totals?.engaged_ms ?? 0) + (event.duration_ms ?? 0),
  event,
});

type OutputWithTotals = Output & { readonly content_events: number; readonly content_engaged_ms: number };

/** A new key, a repartition topic, a state per key with its changelog, the join, the output. */
const repartition = ({ app, topic, seen }: ProgramOptions): Topology => topology(app,
  rows.pipe(
    keyBy('by-content', (event) => {
      seen();
      return event.content_id;
    }, { codec: avro(engagementEvent, { int64: 'number' }) }),
    scan('totals', add, { state: json<Totals | null>(), seed: null }),
    leftJoin(content, (totals) => totals!.event.content_id),
    map(([totals, about]): OutputWithTotals => ({ ...outputOf(totals!.event, about), content_events: totals!.events, content_engaged_ms: totals!.engaged_ms })),
    to('out', kafka(topic, json<OutputWithTotals>())),
  ));

export const programs = { global, repartition } as const;

export type ProgramName = keyof typeof programs;
