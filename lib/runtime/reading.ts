import { PauseError } from '../core/errors.ts';
import type { FetchedBatch } from '../kafka/port.ts';
import { UnreadableSchemaError, type NoValue, type ValueDecoder } from '../serde/index.ts';

/** A record whose schema cannot be read: it and those behind it wait. */
export class UnreadableError extends PauseError {}

/** The record's value. Throws `UnreadableError` when its schema is at fault, before anything of the record has been done. */
export const valueOf = (values: ValueDecoder<unknown>, batch: FetchedBatch, i: number): unknown | NoValue => {
  try {
    return values.decode(batch.value(i));
  } catch (error) {
    if (!(error instanceof UnreadableSchemaError)) throw error;
    throw new UnreadableError(error.message, { where: { topic: batch.topic, partition: batch.partition, offset: batch.offset(i) }, cause: error });
  }
};
