import { StopError } from '../core/errors.ts';
import type { FetchedBatch } from '../kafka/port.ts';

/** The key of a changelog record. Throws `StopError` where there is none. */
export const changelogKey = (batch: FetchedBatch, i: number): Buffer => {
  const key = batch.key(i);
  if (key !== null) return key;
  throw new StopError('a changelog record has no key', { where: { topic: batch.topic, partition: batch.partition, offset: batch.offset(i) }, hint: 'Something else writes to this topic' });
};
