import type { Change } from '../../topology/codecs.ts';
import { DeadLetterError } from '../core/errors.ts';
import type { EntryPlan } from '../plan/types.ts';

/**
 * How an entry's codec takes the event time from a row, or null when it leaves that to the Kafka record. A change without a new row has the record's time too: what Debezium sends of a deleted row is
 * its key with nulls and zero values around it.
 */
export const timeOf = (entry: EntryPlan): ((value: unknown, recordTime: number) => number) | null => {
  if (entry.codec === 'internal' || entry.codec.kind !== 'debezium' || entry.codec.timestamp === null) return null;
  const timestamp = entry.codec.timestamp as (row: unknown) => number;
  return (value, recordTime) => {
    const { after } = value as Change<unknown>;
    const ms = after === null ? recordTime : timestamp(after);
    if (!Number.isFinite(ms)) throw new DeadLetterError(`the event time of a row of ${entry.topic} is ${ms}, not milliseconds`);
    return Math.trunc(ms);
  };
};
