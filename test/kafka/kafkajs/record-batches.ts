import { EncodedOutput } from '../../../lib/kafka/kafkajs/batch-encoder.ts';
import { RecordColumns, type PartitionData } from '../../../lib/kafka/kafkajs/batch-decoder.ts';
import type { FetchedBatch, RecordHeaders } from '../../../lib/kafka/port.ts';

export const OWNER = { producerId: 4_000, epoch: 3 };

export interface Plain {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: number;
  readonly headers: RecordHeaders;
}

export const decode = (records: Buffer, options: Partial<PartitionData> = {}): FetchedBatch =>
  new RecordColumns({ topic: 't', partition: 0, askedOffset: 0, highWatermark: 1_000, lastStableOffset: 1_000, aborted: [], records, ...options });

export const plain = (batch: FetchedBatch): Plain[] =>
  Array.from({ length: batch.count }, (_, i) => ({ key: batch.key(i), value: batch.value(i), timestamp: batch.timestamp(i), headers: batch.headers(i) }));

export const offsets = (batch: FetchedBatch): number[] => Array.from({ length: batch.count }, (_, i) => batch.offset(i));

export const fromHex = (hex: string): Buffer => Buffer.from(hex, 'hex');

/** Encodes as one producer would, and puts the batches one behind the other as the log would. */
export const encode = (records: readonly Partial<Plain>[], maxBatchBytes = 1_000_000): Buffer[] => {
  const output = new EncodedOutput(maxBatchBytes);
  for (const { key = null, value = null, timestamp = 0, headers = [] } of records) output.append('t', 0, key, value, timestamp, headers);
  return [...output.partitions()].flatMap((partition) => {
    let sequence = 0;
    return partition.batches().map((batch) => {
      const bytes = Buffer.from(partition.stamp(batch, OWNER, sequence));
      sequence += batch.count;
      return bytes;
    });
  });
};

export const at = (batch: Buffer, baseOffset: number): Buffer => {
  const copy = Buffer.from(batch);
  copy.writeBigInt64BE(BigInt(baseOffset), 0);
  return copy;
};

export const by = (batch: Buffer, producerId: number): Buffer => {
  const copy = Buffer.from(batch);
  copy.writeBigInt64BE(BigInt(producerId), 43);
  return copy;
};

export const values = (...texts: string[]): Buffer => encode(texts.map((text) => ({ value: Buffer.from(text) })))[0]!;

/** A transaction's end as the broker writes it: version and type in the key, version and coordinator epoch in the value. */
export const marker = (producerId: number, baseOffset: number): Buffer => {
  const batch = by(at(encode([{ key: fromHex('00000000'), value: fromHex('000000000000') }])[0]!, baseOffset), producerId);
  batch.writeInt16BE(0x30, 21);
  return batch;
};

export const texts = (batch: FetchedBatch): (string | undefined)[] => plain(batch).map(({ value }) => value?.toString());

/** The same batch with its records packed. */
export const packed = (batch: Buffer, codec: number, pack: (bytes: Buffer) => Buffer): Buffer => {
  const result = Buffer.concat([batch.subarray(0, 61), pack(batch.subarray(61))]);
  result.writeInt32BE(result.length - 12, 8);
  result.writeInt16BE(batch.readInt16BE(21) | codec, 21);
  return result;
};
