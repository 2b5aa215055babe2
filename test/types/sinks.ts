/** What a stream carries flows into a sink's callbacks; a sink of other values, or without what makes its write repeatable, does not compile. */
import { avro, bigquery, cassandra, http, json, kafka, keyBy, redis, stream, to, topology, type End } from 'millrace/topology';
import { sameType } from './expect.ts';
import { enrichedSchema, type Enriched } from './rows.ts';

interface Total { readonly id: string; readonly count: number }
const totals = stream('totals', json<Total>()).pipe(keyBy((total) => total.id));
const fieldsOfEnriched = (value: Enriched) => ({ seconds: value.seconds });

const end = totals.pipe(to('totals', redis.hash({ key: ({ id }, meta) => `${id}${meta.key.length}`, fields: ({ count }) => ({ count }) })));
sameType<typeof end, End>(true);
totals.pipe(to('top', redis.sortedSet({ key: 'top', member: (total) => total.id, score: (total) => total.count }), { batch: { waitMs: 5 } }));
totals.pipe(to('rows', bigquery({ table: 'd.t', columns: { id: 'STRING', count: 'INT64' }, row: ({ id, count }) => ({ id, count }), id: (total) => total.id })));
totals.pipe(to('calls', http({ url: 'http://127.0.0.1/', body: (total) => ({ id: total.id }), idempotencyKey: (total, meta) => `${total.id}/${meta.offset}` })));
totals.pipe(to('copy', kafka('copy', json())));
const counts = { table: 'k.t', columns: { id: 'text', count: 'int', note: 'text' }, partitionKey: ['id'] } as const;
totals.pipe(to('counts', cassandra({ ...counts, key: ({ id }) => ({ id }), set: ({ count }, meta) => (count === 0 ? null : { count, note: meta.key }) })));

// @ts-expect-error the sink is of other values
totals.pipe(to('totals', redis.hash({ key: 'k', fields: fieldsOfEnriched })));
// @ts-expect-error the codec is of other values
totals.pipe(to('copy', kafka('copy', avro(enrichedSchema))));
// @ts-expect-error the sink's key is of another type
totals.pipe(to('totals', redis.hash({ key: (_: Total, meta: { readonly key: number }) => String(meta.key), fields: ({ count }) => ({ count }) })));
// @ts-expect-error without an idempotency key a call cannot be repeated
totals.pipe(to('calls', http({ url: 'http://127.0.0.1/', body: (total: Total) => total })));
// @ts-expect-error without an id a row cannot be told from its repetition
totals.pipe(to('rows', bigquery({ table: 'd.t', columns: { id: 'STRING' }, row: ({ id }: Total) => ({ id }) })));
// @ts-expect-error without its key a row cannot be written twice
totals.pipe(to('counts', cassandra({ ...counts, set: ({ count }: Total) => ({ id: '', count, note: null }) })));
// @ts-expect-error the whole primary key is needed
totals.pipe(to('counts', cassandra({ ...counts, clusteringKey: ['note'], key: ({ id }: Total) => ({ id }), set: ({ count }) => ({ count }) })));
// @ts-expect-error no part of the key is null
totals.pipe(to('counts', cassandra({ ...counts, key: (_: Total) => ({ id: null }), set: ({ count }) => ({ count, note: null }) })));
// @ts-expect-error a column is missing
totals.pipe(to('counts', cassandra({ ...counts, key: ({ id }: Total) => ({ id }), set: ({ count }) => ({ count }) })));
// @ts-expect-error the table has no such column
totals.pipe(to('counts', cassandra({ ...counts, key: ({ id }: Total) => ({ id }), set: ({ count }) => ({ count, note: null, more: 1 }) })));
// @ts-expect-error a repeated increment counts twice
totals.pipe(to('counts', cassandra({ ...counts, columns: { id: 'text', count: 'counter' }, key: ({ id }: Total) => ({ id }), set: ({ count }) => ({ count }) })));
// @ts-expect-error a batch is bounded by records and time
totals.pipe(to('copy', kafka('copy', json<Total>()), { batch: { bytes: 5 } }));
// @ts-expect-error a topology is made of ends
topology('app', totals);
