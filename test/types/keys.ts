/** Keys: what `keyBy` takes, and what a join is looked up by. */
import { debezium, inserts, join, json, keyBy, leftJoin, stream, table, type Stream } from 'millrace/topology';
import { sameType } from './expect.ts';
import { contentRow, engagementEvent, type Content, type EngagementEvent } from './rows.ts';

const events = stream('events', debezium(engagementEvent)).pipe(inserts({ snapshot: 'include' }));

const text = events.pipe(keyBy((event) => event.user_id));
sameType<typeof text, Stream<EngagementEvent, string>>(true);
const all = events.pipe(keyBy('all', () => 'all'));
sameType<typeof all, Stream<EngagementEvent, 'all'>>(true);
const tuple = events.pipe(keyBy('by-type', (event) => [event.user_id, event.event_type]));
sameType<typeof tuple, Stream<EngagementEvent, [string, 'play' | 'pause' | 'finish' | 'click']>>(true);
interface ByUser { readonly user: string }
const object = events.pipe(keyBy((event): ByUser => ({ user: event.user_id })));
sameType<typeof object, Stream<EngagementEvent, ByUser>>(true);
const exact = events.pipe(keyBy((event) => String(event.id)));
sameType<typeof exact, Stream<EngagementEvent, string>>(true);
const twice = text.pipe(keyBy((event, meta) => `${meta.key}/${event.content_id}`));
sameType<typeof twice, Stream<EngagementEvent, string>>(true);
const plain = stream('plain', json<{ readonly id: string; readonly at?: number }>()).pipe(keyBy('by-id', (value) => value.id, { codec: json() }));
sameType<typeof plain, Stream<{ readonly id: string; readonly at?: number }, string>>(true);

// @ts-expect-error a bigint key is made text: String(id)
events.pipe(keyBy((event) => event.id));
// @ts-expect-error inside an array too
events.pipe(keyBy('named', (event) => [event.user_id, event.id]));
// @ts-expect-error a Date is no key
events.pipe(keyBy((event) => new Date(event.event_ts)));
// @ts-expect-error a missing field is no key
stream('plain', json<{ readonly id?: string }>()).pipe(keyBy((value) => value.id));
// @ts-expect-error the repartition codec carries the stream's values
events.pipe(keyBy('named', (event) => event.user_id, { codec: json<EngagementEvent>() }));

const content = table('content', debezium(contentRow), { key: 'id' });
const joined = text.pipe(join(content, (event) => event.content_id));
sameType<typeof joined, Stream<readonly [EngagementEvent, Content], string>>(true);
const maybe = text.pipe(leftJoin(content, (event, meta) => (meta.offset > 5 ? event.content_id : null)));
sameType<typeof maybe, Stream<readonly [EngagementEvent, Content | null], string>>(true);
const contentIdOf = (value: { readonly content_id: string }): string => value.content_id;
const wide = text.pipe(leftJoin(content, contentIdOf));
sameType<typeof wide, Stream<readonly [EngagementEvent, Content | null], string>>(true);

// @ts-expect-error the table's key is text
text.pipe(leftJoin(content, (event) => event.id));
// @ts-expect-error the table's key is text
text.pipe(join(content, (event) => event.duration_ms));
// @ts-expect-error a forgotten return is no key
text.pipe(join(content, (event) => void event.content_id));
// @ts-expect-error a table is joined, not a stream
text.pipe(join(events, (event) => event.content_id));

const byTwo = table('content', debezium(contentRow), { key: ['id', 'slug'] });
const composite = text.pipe(join(byTwo, (event) => [event.content_id, event.user_id]));
sameType<typeof composite, Stream<readonly [EngagementEvent, Content], string>>(true);
// @ts-expect-error the key has two columns
text.pipe(join(byTwo, (event) => [event.content_id]));
