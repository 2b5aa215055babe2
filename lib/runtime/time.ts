import type { Change } from '../../topology/codecs.ts';
import { DeadLetterError } from '../core/errors.ts';
import type { EntryPlan } from '../plan/types.ts';

/** How an entry's codec takes the event time from a row, or null when it leaves that to the Kafka record. */
export const timeOf = (entry: EntryPlan): ((value: unknown) => number) | null => {
  if (entry.codec === 'internal' || entry.codec.kind !== 'debezium' || entry.codec.timestamp === null) return null;
  const timestamp = entry.codec.timestamp as (row: unknown) => number;
  return (value) => {
    const { after, before } = value as Change<unknown>;
    const row = after ?? before;
    const ms = row === null ? 0 : timestamp(row);
    if (!Number.isFinite(ms)) throw new DeadLetterError(`the event time of a row of ${entry.topic} is ${ms}, not milliseconds`);
    return Math.trunc(ms);
  };
};
