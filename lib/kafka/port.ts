/**
 * What the runtime sees of Kafka. It speaks in batches: a fetched batch answers for record `i` without an object per
 * record, and output is encoded as it is appended, so the engine never depends on how a client represents records.
 *
 * Offsets are numbers: Kafka's are 64 bit, and no partition reaches 2^53.
 * Every call rejects with `RetryError` for a passing fault (the caller backs off and asks again), `RejoinError` when the
 * transactional id has a newer owner, and `StopError` for what no retry mends.
 */
import type { Observable } from 'rxjs';

export type RecordHeaders = readonly (readonly [name: string, value: Buffer | null])[];

export interface TopicPartition {
  readonly topic: string;
  readonly partition: number;
}

export interface Position extends TopicPartition {
  /** The next offset to read or to process. */
  readonly offset: number;
}

/** A group's position, and what whoever committed it has noted beside it. */
export interface CommittedPosition extends Position {
  /** At most 4,096 bytes unless brokers are told otherwise (`offset.metadata.max.bytes`); absent: nothing. */
  readonly metadata?: string;
}

/** The committed records of one partition, from one fetch. Buffers are views: they stay valid while the batch is held. */
export interface FetchedBatch extends TopicPartition {
  /** Records in the batch; may be 0 when only markers or aborted records were passed. */
  readonly count: number;
  /** Where to read on: past the last record, marker or gap that this batch covers. Greater than the offset asked for unless nothing came. */
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  /** Bytes of the records as they came, for bounding queues. */
  readonly byteLength: number;
  offset(i: number): number;
  /** Milliseconds since the epoch. */
  timestamp(i: number): number;
  key(i: number): Buffer | null;
  value(i: number): Buffer | null;
  headers(i: number): RecordHeaders;
}

export interface FetchLimits {
  /** How long the broker may wait for the first byte. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
  readonly maxBytesPerPartition: number;
}

export type Isolation = 'read_committed' | 'read_uncommitted';

/**
 * Reads partitions at positions the caller keeps; no group. Always read_committed: aborted records and markers are
 * dropped, and offsets step over them. Survives the empty batches that compaction leaves behind.
 */
export interface BatchReader {
  /** One round: at most one batch per partition that had something; rejects with `OffsetOutOfRangeError` when a position is gone. */
  fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedBatch[]>;
  /** Log end, in the order of the partitions: the last stable offset (read_committed) or the high watermark (read_uncommitted). */
  endOffsets(partitions: readonly TopicPartition[], isolation: Isolation): Promise<readonly Position[]>;
  /** In the order of the partitions. */
  startOffsets(partitions: readonly TopicPartition[]): Promise<readonly Position[]>;
  close(): Promise<void>;
}

/** Records on their way out, encoded per partition as they are appended. */
export interface OutputBatch {
  readonly count: number;
  readonly byteLength: number;
  /** `timestamp` in ms. A null value is a tombstone. */
  append(topic: string, partition: number, key: Buffer | string | null, value: Buffer | string | null, timestamp: number, headers?: RecordHeaders): void;
  /** Marks the start of one input record's output... */
  begin(): void;
  /** ...so that all of it can be taken back when a later step fails. */
  rollback(): void;
}

/** Where the records of one partition went. */
export interface Sent extends Position {
  /** Of the first of them; `offset` is the one behind the last. */
  readonly firstOffset: number;
  /** They are in a transaction: the offset behind the last is its marker's, so that another writer's records come later still. */
  readonly marked: boolean;
}

export interface ProducerOptions {
  readonly transactionTimeoutMs: number;
  /** `max.message.bytes` by topic, where it is known. */
  readonly maxMessageBytes?: ReadonlyMap<string, number>;
}

/** The owner that `init` made: only grows for one transactional id, so it orders owners. */
export interface ProducerOwner {
  readonly producerId: number;
  readonly epoch: number;
}

/**
 * What a task writes with, one per task. The order of calls is `init`, then any number of (`send`, `sendOffsets`, `commit`).
 * After a rejected call the outcome is unknown and the producer is dead: `close` it, make a new one, `init`, read the offsets.
 */
export interface TaskProducer {
  readonly transactionalId: string;
  /** InitProducerId: ends the open transaction of the previous owner and shuts it out. Must return before committed offsets are read. */
  init(): Promise<ProducerOwner>;
  batch(): OutputBatch;
  /** Sends a batch; split so that no record batch passes `maxBatchBytes`, nor its topic's limit, unless one record does. Resolves when the brokers have it, with where it went, partition by partition. */
  send(batch: OutputBatch): Promise<readonly Sent[]>;
  /** `positions` are the next offsets to process. `member` fences by generation where it is given. */
  sendOffsets(groupId: string, positions: readonly CommittedPosition[], member?: Membership): Promise<void>;
  commit(): Promise<void>;
  close(): Promise<void>;
}

/** Exactly once: what is sent counts when it is committed, all of it or nothing. A transaction begins with its first `send` or `sendOffsets`. */
export interface TransactionalProducer extends TaskProducer {
  abort(): Promise<void>;
}

export interface Membership {
  readonly memberId: string;
  readonly generation: number;
}

export type GroupEvent =
  /** A join is complete: these partitions and no others belong to this member until the next event. */
  | { readonly type: 'assigned'; readonly membership: Membership; readonly partitions: readonly TopicPartition[] }
  /** A rebalance began. Kept partitions may go on; nothing waits. */
  | { readonly type: 'rebalancing' }
  /** Membership ended by a fault: close every task. The member joins again by itself. */
  | { readonly type: 'lost'; readonly cause: string };

export interface GroupOptions {
  readonly groupId: string;
  readonly topics: readonly string[];
  readonly sessionTimeoutMs: number;
  readonly heartbeatIntervalMs: number;
  readonly rebalanceTimeoutMs: number;
  /** Partition numbers whose state lies on this member's disk, asked for at each join: what must move goes to who has it. Default: none. */
  readonly onDisk?: () => readonly number[];
}

/**
 * Membership of a consumer group: it hands out partitions and nothing else. Partition p of all the topics goes to one
 * member, and a member keeps what it holds where balance allows.
 */
export interface GroupMember {
  readonly events$: Observable<GroupEvent>;
  join(): Promise<void>;
  /**
   * Whether the group's coordinator counts this membership as one of the present generation, asked now: no other member then has its
   * partitions. False during a rebalance too.
   */
  isCurrent(membership: Membership): Promise<boolean>;
  leave(): Promise<void>;
}

export interface TopicSpec {
  readonly topic: string;
  readonly partitions: number;
  readonly replicationFactor: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface TopicDescription {
  readonly topic: string;
  /** A topic that is made anew under the same name has another one. */
  readonly id: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

export interface KafkaAdmin {
  /** Creates those that do not exist; returns the names it created. */
  createTopics(topics: readonly TopicSpec[]): Promise<readonly string[]>;
  /** Deletes those that exist, with their records, and returns their names. They are gone when it resolves. */
  deleteTopics(topics: readonly string[]): Promise<readonly string[]>;
  /** Names of all topics but Kafka's own, as far as this client may see them. */
  listTopics(): Promise<readonly string[]>;
  /** Those of the names that exist. */
  describeTopics(topics: readonly string[]): Promise<readonly TopicDescription[]>;
  /** The group's committed positions; a partition without one is left out. Waits for transactions that hold offsets of them back. */
  committed(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[]>;
  /** The same without that wait: null while a transaction is open that may still change them, as one that a killed worker has left. */
  committedNow(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[] | null>;
  /** Names of all groups, as far as this client may see them. */
  listGroups(): Promise<readonly string[]>;
  /** Members of each group now, in the order of the groups; 0 where there is none of that name. */
  groupSizes(groupIds: readonly string[]): Promise<readonly number[]>;
  /** Deletes groups with their committed positions and returns the names of those that existed. Rejects with `StopError` when one has members. */
  deleteGroups(groupIds: readonly string[]): Promise<readonly string[]>;
  endOffsets(partitions: readonly TopicPartition[], isolation: Isolation): Promise<readonly Position[]>;
  startOffsets(partitions: readonly TopicPartition[]): Promise<readonly Position[]>;
  /**
   * Where to look for the first record of each partition, by offset, whose timestamp is `timestampMs` or later: no such record lies before. Brokers take the marker
   * of a transaction, which has their own time, for a record: it may be one. Where there is nothing so late, the log's end (last stable offset).
   */
  offsetsAtTime(partitions: readonly TopicPartition[], timestampMs: number): Promise<readonly Position[]>;
  /** Deletes what lies before the positions (repartition topics behind the committed offset). */
  deleteRecordsBefore(positions: readonly Position[]): Promise<void>;
  close(): Promise<void>;
}

/** The way to one Kafka cluster. */
export interface KafkaPort {
  admin(): KafkaAdmin;
  /** `stage`: for whom it reads, where it reads what a stage processes (and not a table, or to look). */
  reader(stage?: string): BatchReader;
  producer(transactionalId: string, options: ProducerOptions): TransactionalProducer;
  /**
   * At least once: records and offsets count as soon as they are sent, `commit` does nothing more. An older owner is shut out by the
   * group's generation when it commits offsets, and of each partition as soon as a newer one has written there.
   * `membership` is asked at each `sendOffsets`; null: not a member now.
   */
  directProducer(transactionalId: string, options: ProducerOptions & { readonly membership: () => Membership | null }): TaskProducer;
  group(options: GroupOptions): GroupMember;
  close(): Promise<void>;
}
