/** Fetch v11, read_committed, without a fetch session. */
import type { FetchLimits, Position } from '../port.ts';
import type { AbortedTransaction } from './batch-decoder.ts';
import { byTopic, type Call } from './requests.ts';
import { RequestWriter, type ResponseReader } from './wire.ts';

export interface FetchedPartition {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  /** Record batches as they came; the last one may be cut. */
  readonly records: Buffer;
}

export interface FetchAnswer {
  /** Above 0 the broker held its answer back because of a quota, and may have sent nothing for that reason. */
  readonly throttleMs: number;
  readonly error: number;
  /** In the order of the request. */
  readonly partitions: readonly FetchedPartition[];
}

const READ_COMMITTED = 1;

/** The first partition that has data answers with at least one whole batch, however large; others only with what fits. */
export const fetchRecords = (positions: readonly Position[], limits: FetchLimits): Call<FetchAnswer> => ({
  name: 'Fetch',
  apiKey: 1,
  apiVersion: 11,
  lane: 'data',
  waitMs: limits.maxWaitMs,
  body: new RequestWriter(64 + positions.length * 64)
    .int32(-1)
    .int32(limits.maxWaitMs)
    .int32(1)
    .int32(limits.maxBytes)
    .int8(READ_COMMITTED)
    .int32(0)
    .int32(-1)
    .array(byTopic(positions), ([topic, entries], w) =>
      w.string(topic).array(entries, (entry, v) => v.int32(entry.partition).int32(-1).int64(entry.offset).int64(-1).int32(limits.maxBytesPerPartition)),
    )
    .array([], () => undefined)
    .string('')
    .done(),
  decode: (reader) => {
    const throttleMs = reader.int32();
    const error = reader.int16();
    reader.int32();
    return { throttleMs, error, partitions: reader.array((r) => topicAnswer(r)).flat() };
  },
});

const topicAnswer = (reader: ResponseReader): FetchedPartition[] => {
  const topic = reader.string();
  return reader.array((r) => {
    const partition = r.int32();
    const error = r.int16();
    const highWatermark = r.int64();
    const lastStableOffset = r.int64();
    r.int64();
    const aborted = r.array((entry) => ({ producerId: entry.int64(), firstOffset: entry.int64() }));
    r.int32();
    const size = r.int32();
    return { topic, partition, error, highWatermark, lastStableOffset, aborted, records: r.raw(Math.max(0, size)) };
  });
};
