/** One record as a request, ready to be sent any number of times. */
import { DeadLetterError } from '../../core/errors.ts';
import type { HttpSink } from '../../../topology/sinks.ts';
import type { SinkRecord } from '../contract.ts';

export interface HttpRequest {
  /** Index in the batch. */
  readonly index: number;
  readonly body: string;
  readonly idempotencyKey: string;
  /** Requests with equal values go one after the other; null: no order. */
  readonly order: string | null;
}

/**
 * The header's value: a string of RFC 9651, as draft-ietf-httpapi-idempotency-key-header-07 wants it, so in quotes. What such a
 * string cannot carry is percent-encoded.
 */
export const idempotencyKeyHeader = (key: string): string => {
  const ascii = key.replace(/[^\x20-\x7e]+/gu, (part) => encodeURIComponent(part.toWellFormed()));
  return `"${ascii.replace(/["\\]/g, '\\$&')}"`;
};

const orderOf = (sink: HttpSink, record: SinkRecord): string | null => {
  if (sink.orderBy !== null) return String(sink.orderBy(record.value as never, record as never));
  return record.key === null || record.key === undefined ? null : JSON.stringify(record.key);
};

/** Throws what a callback throws, or `DeadLetterError` for what cannot be sent. */
export const requestOf = (sink: HttpSink, record: SinkRecord, index: number): HttpRequest => {
  const key = sink.idempotencyKey(record.value as never, record as never) as unknown;
  if (key === null || key === undefined || key === '') throw new DeadLetterError('The record has no idempotency key');
  const body = JSON.stringify(sink.body(record.value as never, record as never)) as string | undefined;
  if (body === undefined) throw new DeadLetterError('The record has no body that JSON can carry');
  return { index, body, idempotencyKey: idempotencyKeyHeader(String(key)), order: orderOf(sink, record) };
};
