/** Produce v8: the request is that of v7, and its answer says in words what was wrong with a batch. */
import { byTopic, type Call } from './requests.ts';
import { RequestWriter } from './wire.ts';

export interface ProducedBatch {
  readonly topic: string;
  readonly partition: number;
  /** One complete record batch; the protocol takes one per partition. */
  readonly bytes: Buffer;
  readonly count: number;
}

export interface ProduceResult {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
  readonly message: string | null;
  /** Offset of the first record. */
  readonly baseOffset: number;
}

const ALL_IN_SYNC_REPLICAS = -1;

/** `transactionalId` null: in no transaction. */
export const produce = (transactionalId: string | null, batches: readonly ProducedBatch[], timeoutMs: number): Call<readonly ProduceResult[]> => {
  const size = batches.reduce((total, batch) => total + batch.bytes.length + batch.topic.length + 32, 128);
  return {
    name: 'Produce',
    apiKey: 0,
    apiVersion: 8,
    lane: 'data',
    body: new RequestWriter(size)
      .string(transactionalId)
      .int16(ALL_IN_SYNC_REPLICAS)
      .int32(timeoutMs)
      .array(byTopic(batches), ([topic, entries], w) =>
        w.string(topic).array(entries, (entry, v) => v.int32(entry.partition).int32(entry.bytes.length).raw(entry.bytes)),
      )
      .done(),
    decode: (reader) =>
      reader
        .array((r) => {
          const topic = r.string();
          return r.array((p) => {
            const partition = p.int32();
            const error = p.int16();
            const baseOffset = p.int64();
            p.int64();
            p.int64();
            const wrong = p.array((record) => ({ index: record.int32(), message: record.nullableString() }));
            const message = p.nullableString();
            return { topic, partition, error, message: message ?? wrong[0]?.message ?? null, baseOffset };
          });
        })
        .flat(),
  };
};
