/** The operators without an own file here: what they take and what they give. */
import { avro, debezium, inserts, json, map, merge, scan, stream, tap, through, validate, keyBy, type Change, type Stream } from 'millrace/topology';
import { sameType } from './expect.ts';
import { engagementEvent, enrichedSchema, type Enriched, type EngagementEvent } from './rows.ts';

const changes = stream('events', debezium(engagementEvent));
const events = changes.pipe(inserts({ snapshot: 'exclude' }));
sameType<typeof events, Stream<EngagementEvent, unknown>>(true);
// @ts-expect-error only changes can be inserts
events.pipe(inserts({ snapshot: 'include' }));
// @ts-expect-error whether a snapshot counts is a decision
changes.pipe(inserts({}));

const wide = (value: { readonly content_id: string }): boolean => value.content_id !== '';
const still = events.pipe(tap(wide), validate({ wide, timed: (event, meta) => event.event_ts !== '' && meta.timestamp > 0 }));
sameType<typeof still, Stream<EngagementEvent, unknown>>(true);
// @ts-expect-error a rule says yes or no
events.pipe(validate({ typed: (event) => event.event_type }));
// @ts-expect-error a rule is about the stream's values
events.pipe(validate({ titled: (value: { readonly title: string }) => value.title !== '' }));

const keyed = events.pipe(keyBy((event) => event.user_id));
const mapped = keyed.pipe(map((event, meta) => ({ type: event.event_type, user: meta.key })));
sameType<typeof mapped, Stream<{ type: 'play' | 'pause' | 'finish' | 'click'; user: string }, string>>(true);
const named = keyed.pipe(map((event: { readonly user_id: string }): number => event.user_id.length));
sameType<typeof named, Stream<number, string>>(true);
// @ts-expect-error the function is of another value
keyed.pipe(map((value: { readonly title: string }) => value.title));

const both = keyed.pipe(merge(mapped, named));
sameType<typeof both, Stream<EngagementEvent | { type: 'play' | 'pause' | 'finish' | 'click'; user: string } | number, string>>(true);
const withUnkeyed = named.pipe(merge('together', changes));
sameType<typeof withUnkeyed, Stream<number | Change<EngagementEvent>, unknown>>(true);
// @ts-expect-error merging needs another stream
keyed.pipe(merge());

interface Total { readonly events: number; readonly last?: string }
const add = (total: Total, event: { readonly event_ts: string }): Total => ({ events: total.events + 1, last: event.event_ts });
const byName = keyed.pipe(scan('totals', add, { state: json<Total>(), seed: { events: 0 } }));
sameType<typeof byName, Stream<Total, string>>(true);
const byLambda = keyed.pipe(scan('totals', (total, event, meta) => ({ events: total.events + 1, last: event.event_ts + meta.key }), { state: json<Total>(), seed: (key) => ({ events: key.length }) }));
sameType<typeof byLambda, Stream<Total, string>>(true);
const count = keyed.pipe(scan('count', (n) => n + 1, { state: json<number>(), seed: 0 }));
sameType<typeof count, Stream<number, string>>(true);
// @ts-expect-error a seed is a state
keyed.pipe(scan('totals', add, { state: json<Total>(), seed: {} }));
// @ts-expect-error the reducer returns a state
keyed.pipe(scan('count', (n) => String(n), { state: json<number>(), seed: 0 }));
// @ts-expect-error JSON has no bigint, in a state either
keyed.pipe(scan('sum', (sum, event) => sum + event.id, { state: json<bigint>(), seed: 0n }));
// @ts-expect-error the state has a codec
keyed.pipe(scan('totals', add, { seed: { events: 0 } }));

const enriched = keyed.pipe(map((event) => ({ event_id: String(event.id), content_id: event.content_id, event_type: event.event_type, seconds: null, title: null, more: 1 })));
const product = enriched.pipe(through('enriched', avro(enrichedSchema), { retention: '7d', partitions: 4 }));
sameType<typeof product, Stream<Enriched, string>>(true);
const asJson = keyed.pipe(map((event) => ({ user: event.user_id })), through('users', json()));
sameType<typeof asJson, Stream<{ user: string }, string>>(true);
// @ts-expect-error the value lacks fields of the schema
keyed.pipe(map((event) => ({ event_id: String(event.id) })), through('enriched', avro(enrichedSchema)));
// @ts-expect-error JSON has no bigint
keyed.pipe(through('events', json<EngagementEvent>()));
// @ts-expect-error JSON has no bigint, when it is taken from the stream either
keyed.pipe(through('events', json()));
