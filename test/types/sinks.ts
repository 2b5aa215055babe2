/** Compile-time facts about sinks: what infers, and what must not compile. Checked by `npm run typecheck`. */
import { json } from '../../topology/codecs.ts';
import { bigquery } from '../../topology/sinks/bigquery.ts';
import { http } from '../../topology/sinks/http.ts';
import { kafka } from '../../topology/sinks/kafka.ts';
import { redis } from '../../topology/sinks/redis.ts';
import { env, secret } from '../../topology/sinks.ts';
import { to } from '../../topology/operators/to.ts';
import type { Stream } from '../../topology/stream.ts';

interface Play {
  readonly id: string;
  readonly userId: number;
  readonly amount: bigint;
  readonly at: string;
  readonly note: string | null;
}

declare const plays: Stream<Play, string>;
const isString = (value: string): string => value;
const isNumber = (value: number): number => value;

export const good = [
  plays.pipe(to('hash', redis.hash({ key: (v, meta) => isString(meta.key) + isNumber(v.userId), fields: (v) => ({ amount: v.amount, note: v.note }), expireSeconds: 60 }))),
  plays.pipe(to('top', redis.sortedSet({ key: 'top', member: (v) => v.id, score: (v) => v.userId, keep: 10 }))),
  plays.pipe(to('counters', redis.increment({ key: 'counters', fields: (v) => ({ plays: 1, amount: v.amount }) }))),
  plays.pipe(to('last', redis.stream({ key: (_v, meta) => isString(meta.key), fields: (v) => ({ id: v.id }), maxLength: 100, url: secret('OTHER_REDIS') }))),
  plays.pipe(to('warehouse', bigquery({
    table: 'a.plays',
    columns: { id: 'STRING', user_id: 'INT64', amount: 'NUMERIC', at: 'TIMESTAMP' },
    row: (v, meta) => ({ id: isString(meta.key), user_id: isNumber(v.userId), amount: v.amount, at: v.note }),
    id: (v) => isString(v.id),
    partitionBy: { column: 'at', unit: 'DAY' },
    clusterBy: ['id', 'user_id'],
  }), { batch: { records: 500 } })),
  plays.pipe(to('partner', http({ url: env('PARTNER_URL'), token: secret('PARTNER_TOKEN'), body: (v) => ({ id: isString(v.id) }), idempotencyKey: (v) => v.id, orderBy: (v) => isNumber(v.userId) }))),
  (null as unknown as Stream<{ readonly id: string }, string>).pipe(to('topic', kafka('plays', json(), { retention: '7d', headers: (_v, meta) => meta.headers }))),
];

interface Row {
  readonly id: string;
}

const columns = { id: 'STRING', n: 'INT64' } as const;
const row = (v: Play) => ({ id: v.id, n: v.userId });

export const bad = [
  // @ts-expect-error a row without an id is not repeatable
  plays.pipe(to('w', bigquery({ table: 'a.b', columns, row }))),
  // @ts-expect-error column n is missing in the row
  plays.pipe(to('w', bigquery({ table: 'a.b', columns, row: (v) => ({ id: v.id }), id: (v) => v.id }))),
  // @ts-expect-error more is not a column
  plays.pipe(to('w', bigquery({ table: 'a.b', columns, row: (v) => ({ id: v.id, n: v.userId, more: 1 }), id: (v) => v.id }))),
  // @ts-expect-error a BOOL does not fit a STRING column
  plays.pipe(to('w', bigquery({ table: 'a.b', columns, row: (v) => ({ id: v.id === '', n: 1 }), id: (v) => v.id }))),
  // @ts-expect-error partitioning goes by a column of time
  plays.pipe(to('w', bigquery({ table: 'a.b', columns, row, id: (v) => v.id, partitionBy: { column: 'id', unit: 'DAY' } }))),
  // @ts-expect-error clustering goes by columns
  plays.pipe(to('w', bigquery({ table: 'a.b', columns, row, id: (v) => v.id, clusterBy: ['nothing'] }))),
  // @ts-expect-error a request without an idempotency key is not repeatable
  plays.pipe(to('p', http({ url: 'http://localhost/', body: (v) => v }))),
  // @ts-expect-error a token is a setting, never text in the source
  plays.pipe(to('p', http({ url: 'http://localhost/', body: (v) => v, idempotencyKey: (v) => v.id, token: 'abc' }))),
  // @ts-expect-error no such field in the value
  plays.pipe(to('r', redis.hash({ key: (v) => v.nothing, fields: () => ({}) }))),
  // @ts-expect-error a Date is no value of Redis
  plays.pipe(to('r', redis.hash({ key: 'k', fields: (v) => ({ at: new Date(v.at) }) }))),
  // @ts-expect-error an increment is a number
  plays.pipe(to('r', redis.increment({ key: 'k', fields: (v) => ({ n: v.id }) }))),
  // @ts-expect-error a stream is bounded
  plays.pipe(to('r', redis.stream({ key: 'k', fields: (v) => ({ id: v.id }) }))),
  // @ts-expect-error a sink of another type of value
  plays.pipe(to('r', redis.hash({ key: (v: { readonly other: number }) => String(v.other), fields: () => ({}) }))),
  // @ts-expect-error the codec carries another type
  plays.pipe(to('k', kafka('plays', json<{ readonly other: number }>()))),
  // @ts-expect-error json() cannot carry a bigint
  plays.pipe(to('k', kafka('plays', json()))),
];

/** A sink made apart from the stream, for less than the stream carries. */
export const apart = plays.pipe(to('apart', redis.hash({ key: (v: Row) => v.id, fields: () => ({ seen: true }) })));
