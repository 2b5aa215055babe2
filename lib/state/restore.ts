import type { FetchLimits, BatchReader } from '../kafka/port.ts';
import type { Clock } from '../core/clock.ts';
import { StopError } from '../core/errors.ts';
import { NO_VALUE, type ValueDecoder } from '../serde/serde.ts';
import type { Store } from './store.ts';

export interface RestoreOptions {
  readonly reader: BatchReader;
  readonly changelog: string;
  readonly partition: number;
  readonly decoder: ValueDecoder<unknown>;
  readonly store: Store;
  readonly limits: FetchLimits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called with the offsets still to read, at the beginning and after each batch. */
  readonly onProgress?: (remaining: number) => void;
}

/**
 * Reads a changelog partition into a store, read_committed, from its beginning to the last stable offset. By position,
 * never by counting: markers and compaction leave gaps. Must run after the task's InitProducerId, so that no former
 * owner can add to it. Returns the records read.
 */
export const restore = async (options: RestoreOptions): Promise<number> => {
  const { reader, changelog: topic, partition, decoder, store, signal } = options;
  const [start] = await reader.startOffsets([{ topic, partition }]);
  const [end] = await reader.endOffsets([{ topic, partition }], 'read_committed');
  let offset = start!.offset;
  let records = 0;
  options.onProgress?.(Math.max(0, end!.offset - offset));
  while (offset < end!.offset) {
    signal.throwIfAborted();
    const [batch] = await reader.fetch([{ topic, partition, offset }], options.limits);
    if (batch === undefined) continue;
    const ready = decoder.prepare(batch);
    if (ready !== undefined) await ready;
    for (let i = 0; i < batch.count; i += 1) {
      const key = batch.key(i);
      if (key === null) throw new StopError('a changelog record has no key', { where: { topic, partition, offset: batch.offset(i) }, hint: 'Something else writes to this topic' });
      const value = decoder.decode(batch.value(i));
      store.restore(key.toString('utf8'), value === NO_VALUE ? undefined : value);
    }
    records += batch.count;
    offset = batch.nextOffset;
    options.onProgress?.(Math.max(0, end!.offset - offset));
  }
  return records;
};
