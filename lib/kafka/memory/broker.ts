import type { Clock } from '../../core/clock.ts';
import { OffsetOutOfRangeError } from '../errors.ts';
import type { CommittedPosition, FetchLimits, Isolation, Membership, Position, ProducerOwner, Sent, TopicDescription, TopicPartition, TopicSpec } from '../port.ts';
import { Group } from './groups.ts';
import type { LogEntry, LogRecord, PartitionLog } from './log.ts';
import { refusal } from './refusal.ts';
import { StoredPartition } from './stored-partition.ts';
import { TransactionCoordinator } from './transactions.ts';

export interface MemoryBrokerOptions {
  readonly clock: Clock;
  /** How long the marker that ends a transaction takes to each partition, ms. Default: up to 3. */
  readonly markerMs?: () => number;
  /** Epoch of a transactional id that is new. Default: 0. */
  readonly firstEpoch?: number;
  /** `group.initial.rebalance.delay.ms`. Default: 100. */
  readonly groupDelayMs?: number;
  /** What the broker's configuration gives topics, beside the defaults. */
  readonly config?: Readonly<Record<string, string>>;
  /** Told of every change of a committed offset. */
  readonly onOffset?: (group: string, position: Position, before: number | undefined) => void;
}

interface Topic {
  readonly id: string;
  readonly config: Readonly<Record<string, string>>;
  readonly partitions: readonly StoredPartition[];
}

/** `message.timestamp.after.max.ms` of a broker's default. */
const TIMESTAMP_AHEAD_MS = 3_600_000;
/** What a broker's own configuration gives every topic. */
const DEFAULT_CONFIG = { 'cleanup.policy': 'delete', 'max.message.bytes': '1048588', 'retention.ms': '604800000', 'delete.retention.ms': '86400000' };

/** What one partition has for a fetch. */
export interface FetchedEntries extends TopicPartition {
  readonly entries: readonly LogEntry[];
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly bytes: number;
}

export interface ProducedRecords extends TopicPartition {
  readonly records: readonly LogRecord[];
}

/**
 * A Kafka cluster in memory: logs with markers and gaps, transactions with their coordinator, groups with generations. Its
 * calls are those of the protocol; they take effect at once, and the network in front of them decides when and whether.
 */
export class MemoryBroker {
  readonly clock: Clock;
  readonly transactions: TransactionCoordinator;
  readonly #options: MemoryBrokerOptions;
  readonly #topics = new Map<string, Topic>();
  readonly #groups = new Map<string, Group>();
  /** Fetches that wait for something to come. */
  readonly #waiting = new Map<StoredPartition, Set<() => void>>();
  #sequence = 0;
  #topicIds = 0;
  #fetches = 0;

  constructor(options: MemoryBrokerOptions) {
    this.#options = options;
    this.clock = options.clock;
    this.transactions = new TransactionCoordinator({ clock: options.clock, markerMs: options.markerMs ?? (() => options.clock.random() * 3), firstEpoch: options.firstEpoch ?? 0 });
  }

  createTopics(specs: readonly TopicSpec[]): string[] {
    const fresh = specs.filter(({ topic }) => !this.#topics.has(topic));
    const sequence = (): number => (this.#sequence += 1);
    for (const spec of fresh) {
      const partitions = Array.from({ length: spec.partitions }, (_, p) => new StoredPartition(spec.topic, p, sequence, (changed) => this.#wake(changed)));
      this.#topics.set(spec.topic, { id: `topic-${(this.#topicIds += 1)}`, config: { ...DEFAULT_CONFIG, ...this.#options.config, ...spec.config }, partitions });
    }
    return fresh.map(({ topic }) => topic);
  }

  deleteTopics(names: readonly string[]): string[] {
    return names.filter((name) => this.#topics.delete(name));
  }

  readonly listTopics = (): string[] => [...this.#topics.keys()];

  readonly listGroups = (): string[] => [...this.#groups].filter(([, group]) => group.exists).map(([id]) => id);

  deleteGroups(ids: readonly string[]): string[] {
    const full = ids.find((id) => (this.#groups.get(id)?.size ?? 0) > 0);
    if (full !== undefined) throw refusal('NON_EMPTY_GROUP', `DeleteGroups of ${full}`);
    return ids.filter((id) => this.#groups.get(id)?.exists === true && this.#groups.delete(id));
  }

  describeTopics(names: readonly string[]): TopicDescription[] {
    return names.flatMap((name) => {
      const topic = this.#topics.get(name);
      return topic === undefined ? [] : [{ topic: name, id: topic.id, partitions: topic.partitions.length, config: topic.config }];
    });
  }

  #stored({ topic, partition }: TopicPartition, call: string): StoredPartition {
    const stored = this.#topics.get(topic)?.partitions[partition];
    if (stored === undefined) throw refusal('UNKNOWN_TOPIC_OR_PARTITION', call, { topic, partition });
    return stored;
  }

  /** The log of a partition, for whoever checks what is in it. */
  log(partition: TopicPartition): PartitionLog {
    return this.#stored(partition, 'log').log;
  }

  group(id: string): Group {
    let group = this.#groups.get(id);
    if (group === undefined) {
      group = new Group(id, {
        clock: this.clock, initialDelayMs: this.#options.groupDelayMs ?? 100, partitionCount: (topic) => this.#topics.get(topic)?.partitions.length ?? 0,
        onOffset: this.#options.onOffset ?? (() => {}),
      });
      this.#groups.set(id, group);
    }
    return group;
  }

  /** Where each log ends for a reader of that isolation. */
  endOffsets(partitions: readonly TopicPartition[], isolation: Isolation): Position[] {
    return partitions.map(({ topic, partition }) => {
      const { log } = this.#stored({ topic, partition }, 'ListOffsets');
      return { topic, partition, offset: isolation === 'read_committed' ? log.lastStable : log.end };
    });
  }

  startOffsets(partitions: readonly TopicPartition[]): Position[] {
    return partitions.map(({ topic, partition }) => ({ topic, partition, offset: this.#stored({ topic, partition }, 'ListOffsets').log.start }));
  }

  deleteRecordsBefore(positions: readonly Position[]): void {
    for (const position of positions) {
      const { log } = this.#stored(position, 'DeleteRecords');
      if (position.offset > log.end) throw new OffsetOutOfRangeError([position]);
      log.deleteBefore(position.offset);
    }
  }

  /** Compacts a partition as a cleaner might: up to some offset, keeping some markers. */
  compact(partition: TopicPartition, below: number, keepsMarker: () => boolean): void {
    const { log } = this.#stored(partition, 'compact');
    log.compact(below, keepsMarker, { nowMs: this.clock.now(), deleteRetentionMs: Number(this.#topics.get(partition.topic)!.config['delete.retention.ms']) });
  }

  addPartitions(id: string, owner: ProducerOwner, partitions: readonly TopicPartition[]): void {
    const stored = partitions.map((p) => this.#stored(p, 'AddPartitionsToTxn'));
    this.transactions.add(id, owner, stored, 'AddPartitionsToTxn');
  }

  addOffsets(id: string, owner: ProducerOwner, groupId: string): void {
    this.transactions.add(id, owner, [this.group(groupId)], 'AddOffsetsToTxn');
  }

  /** Appends within the open transaction. */
  produce(id: string, owner: ProducerOwner, batches: readonly ProducedRecords[]): readonly Sent[] {
    const stored = batches.map((batch) => this.#stored(batch, 'Produce'));
    const transaction = this.transactions.verify(id, owner, stored.map((s) => s.name), 'Produce');
    this.#checked(batches);
    return batches.map(({ records }, i) => {
      stored[i]!.heard(owner);
      return stored[i]!.append(records, transaction);
    });
  }

  /** Appends in no transaction; a partition refuses an owner when it has heard of a newer one. */
  produceDirect(owner: ProducerOwner, batches: readonly ProducedRecords[]): readonly Sent[] {
    const stored = batches.map((batch) => this.#stored(batch, 'Produce'));
    const fenced = stored.find((s) => s.hasNewer(owner));
    if (fenced !== undefined) throw refusal('INVALID_PRODUCER_EPOCH', 'Produce', { topic: fenced.topic, partition: fenced.partition });
    this.#checked(batches);
    return batches.map(({ records }, i) => {
      stored[i]!.heard(owner);
      return stored[i]!.append(records, null);
    });
  }

  /** Appends as a producer without transactions does. */
  append(partition: TopicPartition, records: readonly LogRecord[]): void {
    this.#checked([{ ...partition, records }]);
    this.#stored(partition, 'Produce').append(records, null);
  }

  #checked(batches: readonly ProducedRecords[]): void {
    const latest = this.clock.now() + TIMESTAMP_AHEAD_MS;
    for (const { topic, partition, records } of batches) {
      const config: Readonly<Record<string, string>> = this.#topics.get(topic)!.config;
      const maxBytes = Number(config['max.message.bytes']);
      const compacted = config['cleanup.policy']!.includes('compact');
      for (const { key, value, timestamp } of records) {
        if (timestamp > latest) throw refusal('INVALID_TIMESTAMP', 'Produce', { topic, partition });
        if (compacted && key === null) throw refusal('INVALID_RECORD', 'Produce', { topic, partition });
        const bytes = (key?.length ?? 0) + (value?.length ?? 0);
        if (bytes > maxBytes) throw refusal('MESSAGE_TOO_LARGE', 'Produce', { topic, partition }, `${bytes} bytes`);
      }
    }
  }

  sendOffsets(id: string, owner: ProducerOwner, groupId: string, positions: readonly CommittedPosition[], member: Membership | undefined): void {
    const group = this.group(groupId);
    const transaction = this.transactions.verify(id, owner, [group.name], 'TxnOffsetCommit');
    group.prepareOffsets(transaction, positions, member);
  }

  /** One round: what there is at the positions, or after the first of it has come, or nothing after `maxWaitMs`. */
  fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedEntries[]> {
    const stored = positions.map((p) => this.#stored(p, 'Fetch'));
    const there = this.#read(stored, positions, limits);
    if (there.length > 0) return Promise.resolve(there);
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        try {
          const found = this.#read(stored, positions, limits);
          if (found.length === 0) return;
          end();
          resolve(found);
        } catch (error) {
          end();
          reject(error);
        }
      };
      const end = (): void => {
        timer.cancel();
        for (const partition of stored) this.#waiting.get(partition)?.delete(settle);
      };
      const timer = this.clock.after(limits.maxWaitMs, () => {
        end();
        resolve([]);
      });
      for (const partition of stored) {
        const waiting = this.#waiting.get(partition) ?? new Set();
        this.#waiting.set(partition, waiting);
        waiting.add(settle);
      }
    });
  }

  #read(stored: readonly StoredPartition[], positions: readonly Position[], { maxBytes, maxBytesPerPartition }: FetchLimits): FetchedEntries[] {
    const gone = positions.filter(({ offset }, i) => offset < stored[i]!.log.start || offset > stored[i]!.log.end);
    if (gone.length > 0) throw new OffsetOutOfRangeError(gone);
    this.#fetches += 1;
    const found: FetchedEntries[] = [];
    let room = maxBytes;
    for (let turn = 0; turn < stored.length && (room > 0 || found.length === 0); turn += 1) {
      // Another partition comes first each time, as only the first is sure to get a batch.
      const i = (turn + this.#fetches) % stored.length;
      const { topic, partition, log } = stored[i]!;
      if (positions[i]!.offset >= log.lastStable) continue;
      const { entries, nextOffset, bytes } = log.read(positions[i]!.offset, Math.min(room, maxBytesPerPartition));
      room -= bytes;
      found.push({ topic, partition, entries, nextOffset, bytes, highWatermark: log.end, lastStableOffset: log.lastStable });
    }
    return found;
  }

  #wake(partition: StoredPartition): void {
    for (const settle of [...(this.#waiting.get(partition) ?? [])]) settle();
  }
}
