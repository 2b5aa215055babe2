import type { Meta } from '../meta.ts';
import type { HttpSink, Setting } from '../sinks.ts';

export interface HttpOptions<V, K> {
  /** `http:` or `https:`, the same for every record. */
  readonly url: string | Setting;
  /** Becomes the JSON body; must not hold a bigint. */
  readonly body: (value: V, meta: Meta<K>) => unknown;
  /** The same for every attempt of a record, and for no other record: with a server that honours it a repeated request has no second effect. */
  readonly idempotencyKey: (value: V, meta: Meta<K>) => string | number | bigint;
  /** Sent as `Authorization: Bearer`. */
  readonly token?: Setting;
  /** Default: POST. */
  readonly method?: 'POST' | 'PUT' | 'PATCH';
  /** More headers, the same for every request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Requests with equal values go one after the other. Default: by the record's key. */
  readonly orderBy?: (value: V, meta: Meta<K>) => string | number | bigint;
  /** Requests under way at once per task. Default: 8. */
  readonly concurrency?: number;
  /** Longest time of one attempt, ms. Default: 10,000. */
  readonly timeoutMs?: number;
}

/** A request per record. At least once on the wire; once in effect when the server honours `Idempotency-Key`. */
export const http = <V, K>(options: HttpOptions<V, K>): HttpSink<V, K> => ({
  kind: 'http',
  url: options.url,
  method: options.method ?? 'POST',
  token: options.token ?? null,
  headers: options.headers ?? {},
  body: options.body,
  idempotencyKey: options.idempotencyKey,
  orderBy: options.orderBy ?? null,
  concurrency: options.concurrency ?? 8,
  timeoutMs: options.timeoutMs ?? 10_000,
});
