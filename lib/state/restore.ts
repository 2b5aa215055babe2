import type { Clock } from '../core/clock.ts';
import { StopError } from '../core/errors.ts';
import type { BatchReader, FetchLimits } from '../kafka/port.ts';
import type { RestorableStore, StorePosition } from './store.ts';

export interface Changelog {
  readonly topic: string;
  readonly partition: number;
  /** Null where it is not known. */
  readonly topicId: string | null;
  /** `delete.retention.ms`: for so long a delete can be read. */
  readonly deleteRetentionMs: number;
}

export interface RestoreOptions {
  readonly reader: BatchReader;
  readonly changelog: Changelog;
  readonly store: RestorableStore;
  readonly limits: FetchLimits;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Called with the offsets still to read, at the beginning and after each batch. */
  readonly onProgress?: (remaining: number) => void;
  /** Told why what the store has is thrown away. */
  readonly onWiped?: (reason: string) => void;
}

export interface Restored {
  /** Records read. */
  readonly records: number;
  /** Where it began. */
  readonly from: number;
}

/** The brokers' clocks are not this one. */
const RETENTION_SHARE = 0.9;
/** Further in the future a position was written by a clock that went wrong. */
const AHEAD_MS = 60_000;

/** Nothing is in the changelog behind that position, nor ever was. */
const isAtEnd = ({ offset, marked }: StorePosition, end: number): boolean => end === offset || (marked && end === offset + 1);

const seconds = (ms: number): number => Math.round(ms / 1_000);

/** Why a store cannot be brought up from where it stands; null when it can. */
const whyWhole = (position: StorePosition, { topicId, deleteRetentionMs }: Changelog, start: number, end: number, nowMs: number): string | null => {
  if (position.topicId !== null && topicId !== null && position.topicId !== topicId) return 'its changelog was made anew';
  if (position.offset > end) return `it stands at offset ${position.offset}, and its changelog ends at ${end}`;
  if (position.offset < start) return `it stands at offset ${position.offset}, and its changelog begins at ${start}`;
  if (position.validAtMs > nowMs + AHEAD_MS) return 'it is dated later than now';
  if (isAtEnd(position, end) || nowMs - position.validAtMs < deleteRetentionMs * RETENTION_SHARE) return null;
  return `it is ${seconds(nowMs - position.validAtMs)} s old, and its changelog keeps deletes for ${seconds(deleteRetentionMs)} s: deleted keys would come back`;
};

/** How often a changelog is read whole because deletes may have gone while it was read. */
const ATTEMPTS = 2;

/**
 * Brings a store up to its changelog partition, read_committed, to the last stable offset: from where it stands, or from the beginning.
 * By position, never by counting: markers and compaction leave gaps. Must run after the task's InitProducerId, so that no former owner can
 * add to it. Rejects with `StopError` when the changelog keeps deletes for less time than reading it takes.
 */
export const restore = async (options: RestoreOptions): Promise<Restored> => {
  const { changelog, store, clock } = options;
  for (let attempt = 1; ; attempt += 1) {
    const { restored, sinceMs } = await readOn(options);
    const tookMs = clock.now() - sinceMs;
    if (tookMs <= changelog.deleteRetentionMs * RETENTION_SHARE) return restored;
    const reason = `what was read of its changelog is ${seconds(tookMs)} s old, and deletes are kept for ${seconds(changelog.deleteRetentionMs)} s: deleted keys may have come back`;
    if (attempt === ATTEMPTS) {
      throw new StopError(`store ${store.name} cannot be restored from ${changelog.topic}/${changelog.partition}: ${reason}`, { hint: `Raise delete.retention.ms of ${changelog.topic}` });
    }
    options.onWiped?.(reason);
    store.wipe();
  }
};

/**
 * What is read on the way is as old as where the reading began: a delete further on may be compacted away before it is read. Only at the
 * end the store is as new as the moment in which the end was asked for. Says since when deletes had to be there to be read.
 */
const readOn = async (options: RestoreOptions): Promise<{ readonly restored: Restored; readonly sinceMs: number }> => {
  const { reader, changelog, store, clock, signal } = options;
  const { topic, partition, topicId } = changelog;
  const beganMs = clock.now();
  const [start] = await reader.startOffsets([{ topic, partition }]);
  const [end] = await reader.endOffsets([{ topic, partition }], 'read_committed');
  const reason = store.position === null ? null : whyWhole(store.position, changelog, start!.offset, end!.offset, beganMs);
  if (reason !== null) {
    options.onWiped?.(reason);
    store.wipe();
  }
  const from = store.position?.offset ?? start!.offset;
  const validAtMs = store.position === null || isAtEnd(store.position, end!.offset) ? beganMs : Math.min(beganMs, store.position.validAtMs);
  let offset = from;
  let records = 0;
  options.onProgress?.(Math.max(0, end!.offset - offset));
  while (offset < end!.offset) {
    if (signal.aborted) {
      // The next opening need not read that again.
      store.restored({ topicId, offset, marked: false, validAtMs });
      throw signal.reason;
    }
    const [batch] = await reader.fetch([{ topic, partition, offset }], options.limits);
    if (batch === undefined) continue;
    const ready = store.prepare(batch);
    if (ready !== undefined) await ready;
    offset = batch.nextOffset;
    store.restore(batch, { topicId, offset, marked: false, validAtMs });
    records += batch.count;
    options.onProgress?.(Math.max(0, end!.offset - offset));
  }
  const sinceMs = offset === from ? clock.now() : validAtMs;
  store.restored({ topicId, offset, marked: false, validAtMs: beganMs });
  return { restored: { records, from }, sinceMs };
};
