/** Small requests to any broker or coordinator, one function each. Versions are the last ones without "flexible" fields where that is enough. */
import { NONE } from './protocol-errors.ts';
import { RequestWriter, type ResponseReader } from './wire.ts';

export interface Call<T> {
  readonly name: string;
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly body: Buffer;
  /** Big requests and long polls go their own way. */
  readonly lane: 'control' | 'data';
  /** How long the broker itself may wait, beyond the request's timeout. */
  readonly waitMs?: number;
  decode(reader: ResponseReader): T;
}

export type CoordinatorKind = 'group' | 'transaction';

/** Null: of all topics. */
export const metadata = (topics: readonly string[] | null): Call<{
  readonly brokers: readonly { readonly nodeId: number; readonly host: string; readonly port: number }[];
  readonly topics: readonly {
    readonly error: number;
    readonly topic: string;
    /** One of Kafka's own. */
    readonly internal: boolean;
    readonly partitions: readonly { readonly partition: number; readonly leader: number }[];
  }[];
}> => ({
  name: 'Metadata',
  apiKey: 3,
  apiVersion: 4,
  lane: 'control',
  body: (topics === null ? new RequestWriter().int32(-1) : new RequestWriter().array(topics, (topic, w) => w.string(topic))).bool(false).done(),
  decode: (reader) => {
    reader.int32();
    const brokers = reader.array((r) => {
      const broker = { nodeId: r.int32(), host: r.string(), port: r.int32() };
      r.nullableString();
      return broker;
    });
    reader.nullableString();
    reader.int32();
    return { brokers, topics: reader.array(topicMetadata) };
  },
});

const topicMetadata = (reader: ResponseReader) => {
  const error = reader.int16();
  const topic = reader.string();
  const internal = reader.int8() !== 0;
  const partitions = reader.array((r) => {
    r.int16();
    const entry = { partition: r.int32(), leader: r.int32() };
    r.array((replicas) => replicas.int32());
    r.array((inSync) => inSync.int32());
    return entry;
  });
  return { error, topic, internal, partitions };
};

export const findCoordinator = (kind: CoordinatorKind, key: string): Call<{ readonly error: number; readonly message: string | null; readonly nodeId: number }> => ({
  name: 'FindCoordinator',
  apiKey: 10,
  apiVersion: 2,
  lane: 'control',
  body: new RequestWriter().string(key).int8(kind === 'group' ? 0 : 1).done(),
  decode: (reader) => {
    reader.int32();
    return { error: reader.int16(), message: reader.nullableString(), nodeId: reader.int32() };
  },
});

export interface PartitionError {
  readonly topic: string;
  readonly partition: number;
  readonly error: number;
}

/** Entries by topic, as requests nest them. Keeps the order in which topics first appear. */
export const byTopic = <P extends { readonly topic: string }>(entries: readonly P[]): [topic: string, entries: P[]][] => {
  const topics = new Map<string, P[]>();
  for (const entry of entries) {
    const list = topics.get(entry.topic);
    if (list === undefined) topics.set(entry.topic, [entry]);
    else list.push(entry);
  }
  return [...topics];
};

const partitionErrors = (reader: ResponseReader): PartitionError[] =>
  reader
    .array((r) => {
      const topic = r.string();
      return r.array((p) => ({ topic, partition: p.int32(), error: p.int16() }));
    })
    .flat();

export const initProducerId = (transactionalId: string, transactionTimeoutMs: number): Call<{ readonly error: number; readonly producerId: number; readonly epoch: number }> => ({
  name: 'InitProducerId',
  apiKey: 22,
  apiVersion: 1,
  lane: 'control',
  body: new RequestWriter().string(transactionalId).int32(transactionTimeoutMs).done(),
  decode: (reader) => {
    reader.int32();
    return { error: reader.int16(), producerId: reader.int64(), epoch: reader.int16() };
  },
});

/** Who acts in a transaction. */
export interface TransactionOwner {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly epoch: number;
}

const ownerOf = (owner: TransactionOwner): RequestWriter => new RequestWriter().string(owner.transactionalId).int64(owner.producerId).int16(owner.epoch);

export const addPartitionsToTxn = (
  owner: TransactionOwner,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
): Call<readonly PartitionError[]> => ({
  name: 'AddPartitionsToTxn',
  apiKey: 24,
  apiVersion: 1,
  lane: 'control',
  body: ownerOf(owner)
    .array(byTopic(partitions), ([topic, entries], w) => w.string(topic).array(entries, (entry, v) => v.int32(entry.partition)))
    .done(),
  decode: (reader) => {
    reader.int32();
    return partitionErrors(reader);
  },
});

const errorOnly = (reader: ResponseReader): number => {
  reader.int32();
  return reader.int16();
};

export const addOffsetsToTxn = (owner: TransactionOwner, groupId: string): Call<number> => ({
  name: 'AddOffsetsToTxn',
  apiKey: 25,
  apiVersion: 1,
  lane: 'control',
  body: ownerOf(owner).string(groupId).done(),
  decode: errorOnly,
});

export const endTxn = (owner: TransactionOwner, outcome: 'commit' | 'abort'): Call<number> => ({
  name: 'EndTxn',
  apiKey: 26,
  apiVersion: 1,
  lane: 'control',
  body: ownerOf(owner).bool(outcome === 'commit').done(),
  decode: errorOnly,
});

/** Version 3 carries member and generation, so that the coordinator itself refuses a member of an older generation. */
export const txnOffsetCommit = (
  owner: TransactionOwner,
  groupId: string,
  member: { readonly memberId: string; readonly generation: number },
  positions: readonly { readonly topic: string; readonly partition: number; readonly offset: number; readonly metadata?: string }[],
): Call<readonly PartitionError[]> => ({
  name: 'TxnOffsetCommit',
  apiKey: 28,
  apiVersion: 3,
  lane: 'control',
  body: new RequestWriter()
    .noTags()
    .compactString(owner.transactionalId)
    .compactString(groupId)
    .int64(owner.producerId)
    .int16(owner.epoch)
    .int32(member.generation)
    .compactString(member.memberId)
    .compactString(null)
    .compactArray(byTopic(positions), ([topic, entries], w) =>
      w.compactString(topic).compactArray(entries, (entry, v) => v.int32(entry.partition).int64(entry.offset).int32(-1).compactString(entry.metadata ?? '').noTags()).noTags(),
    )
    .noTags()
    .done(),
  decode: (reader) => {
    reader.skipTags();
    reader.int32();
    return reader
      .compactArray((r) => {
        const topic = r.compactString();
        const entries = r.compactArray((p) => {
          const entry = { topic, partition: p.int32(), error: p.int16() };
          p.skipTags();
          return entry;
        });
        r.skipTags();
        return entries;
      })
      .flat();
  },
});

export const heartbeat = (groupId: string, member: { readonly memberId: string; readonly generation: number }): Call<number> => ({
  name: 'Heartbeat',
  apiKey: 12,
  apiVersion: 1,
  lane: 'control',
  body: new RequestWriter().string(groupId).int32(member.generation).string(member.memberId).done(),
  decode: errorOnly,
});

export interface CommittedOffset extends PartitionError {
  /** -1 when the group has committed none. */
  readonly offset: number;
  readonly metadata: string | null;
}

/** Version 7 can ask for stable offsets only: one that an open transaction is about to change answers with an error, not with the old value. */
export const offsetFetch = (
  groupId: string,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
): Call<{ readonly error: number; readonly offsets: readonly CommittedOffset[] }> => ({
  name: 'OffsetFetch',
  apiKey: 9,
  apiVersion: 7,
  lane: 'control',
  body: new RequestWriter()
    .noTags()
    .compactString(groupId)
    .compactArray(byTopic(partitions), ([topic, entries], w) => w.compactString(topic).compactArray(entries, (entry, v) => v.int32(entry.partition)).noTags())
    .bool(true)
    .noTags()
    .done(),
  decode: (reader) => {
    reader.skipTags();
    reader.int32();
    const offsets = reader
      .compactArray((r) => {
        const topic = r.compactString();
        const entries = r.compactArray((p) => {
          const partition = p.int32();
          const offset = p.int64();
          p.int32();
          const metadata = p.compactNullableString();
          const error = p.int16();
          p.skipTags();
          return { topic, partition, offset, metadata, error };
        });
        r.skipTags();
        return entries;
      })
      .flat();
    return { offsets, error: reader.int16() };
  },
});

export interface ListedOffset extends PartitionError {
  readonly offset: number;
}

/** ListOffsets' two special times. */
export const EARLIEST = -2;
export const LATEST = -1;

export const listOffsets = (
  isolation: 'read_committed' | 'read_uncommitted',
  time: number,
  partitions: readonly { readonly topic: string; readonly partition: number }[],
): Call<readonly ListedOffset[]> => ({
  name: 'ListOffsets',
  apiKey: 2,
  apiVersion: 2,
  lane: 'control',
  body: new RequestWriter()
    .int32(-1)
    .int8(isolation === 'read_committed' ? 1 : 0)
    .array(byTopic(partitions), ([topic, entries], w) => w.string(topic).array(entries, (entry, v) => v.int32(entry.partition).int64(time)))
    .done(),
  decode: (reader) => {
    reader.int32();
    return reader
      .array((r) => {
        const topic = r.string();
        return r.array((p) => {
          const partition = p.int32();
          const error = p.int16();
          p.int64();
          return { topic, partition, error, offset: p.int64() };
        });
      })
      .flat();
  },
});

/** The first error among partitions, if any; "not attempted" only says that another one failed. */
export const firstError = <P extends { readonly error: number }>(entries: readonly P[], notAttempted: number): P | undefined => {
  const failed = entries.filter((entry) => entry.error !== NONE);
  return failed.find((entry) => entry.error !== notAttempted) ?? failed[0];
};
