/**
 * Decoders and encoders as the runtime uses them. Both are synchronous on the record path; what they need from the
 * registry is fetched in `prepare`, once per schema id.
 */

import { DeadLetterError, type ErrorDetails } from '../core/errors.ts';

/**
 * No value written with this schema can be read, though it is a version of ours: not the record is at fault, and those behind it are like it. A stage waits at
 * such a record; where nothing can wait, it is a dead letter.
 */
export class UnreadableSchemaError extends DeadLetterError {
  readonly schemaId: number;
  constructor(message: string, schemaId: number, details: ErrorDetails = {}) {
    super(message, details);
    this.schemaId = schemaId;
  }
}

/** The part of a fetched batch that a decoder looks at. */
export interface RecordBytes {
  readonly count: number;
  key(i: number): Buffer | null;
  value(i: number): Buffer | null;
}

/** Decoding says this in place of a value for what carries none (a tombstone). */
export const NO_VALUE: unique symbol = Symbol('no value');
export type NoValue = typeof NO_VALUE;

export interface ValueDecoder<V> {
  /**
   * Fetches the schemas that the batch names and that are not known yet; undefined when there is nothing to wait for.
   * Rejects with `RetryError` while the registry cannot be reached. An id the registry does not know is remembered for a
   * while, and decoding its records throws `DeadLetterError`.
   */
  prepare(batch: RecordBytes): Promise<void> | undefined;
  /** Throws `DeadLetterError` on bytes that cannot be read, `UnreadableSchemaError` when that is so of everything written with their schema; `prepare` then asks for that schema anew. */
  decode(bytes: Buffer | null): V | NoValue;
}

export interface KeyDecoder {
  prepare(batch: RecordBytes): Promise<void> | undefined;
  /** A single-column key is its scalar, a key of several columns an array in the schema's order, text is text, null is null. Throws `DeadLetterError`. */
  decode(bytes: Buffer | null): unknown;
}

export interface ValueEncoder<V> {
  /** Registers the schema (Avro) before the first write; rejects with `RetryError` while the registry cannot be reached, `StopError` when it refuses the schema. */
  prepare(): Promise<void>;
  /** Throws `DeadLetterError` on a value that does not fit. */
  encode(value: V): Buffer | string;
}
