import type { Clock } from '../../core/clock.ts';
import type { CommittedPosition, Isolation, KafkaAdmin, Position, TopicDescription, TopicPartition, TopicSpec } from '../port.ts';
import type { MemoryBroker } from './broker.ts';
import type { Network } from './network.ts';
import { patiently } from './patience.ts';
import { isRefusal } from './refusal.ts';

export interface AdminOptions {
  readonly broker: MemoryBroker;
  readonly network: Network;
  readonly clock: Clock;
  readonly coordinatorWaitMs: number;
}

export class MemoryAdmin implements KafkaAdmin {
  readonly #options: AdminOptions;

  constructor(options: AdminOptions) {
    this.#options = options;
  }

  async createTopics(topics: readonly TopicSpec[]): Promise<readonly string[]> {
    return topics.length === 0 ? [] : this.#call('CreateTopics', (broker) => broker.createTopics(topics));
  }

  async deleteTopics(topics: readonly string[]): Promise<readonly string[]> {
    return topics.length === 0 ? [] : this.#call('DeleteTopics', (broker) => broker.deleteTopics(topics));
  }

  async listTopics(): Promise<readonly string[]> {
    return this.#call('Metadata', (broker) => broker.listTopics());
  }

  async listGroups(): Promise<readonly string[]> {
    return this.#call('ListGroups', (broker) => broker.listGroups());
  }

  async groupSizes(groupIds: readonly string[]): Promise<readonly number[]> {
    return Promise.all(groupIds.map((groupId) => this.#call('DescribeGroups', (broker) => (broker.listGroups().includes(groupId) ? broker.group(groupId).size : 0))));
  }

  async deleteGroups(groupIds: readonly string[]): Promise<readonly string[]> {
    return groupIds.length === 0 ? [] : this.#call('DeleteGroups', (broker) => broker.deleteGroups(groupIds));
  }

  async describeTopics(topics: readonly string[]): Promise<readonly TopicDescription[]> {
    return topics.length === 0 ? [] : this.#call('DescribeTopics', (broker) => broker.describeTopics(topics));
  }

  async committed(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[]> {
    const { clock, coordinatorWaitMs } = this.#options;
    if (partitions.length === 0) return [];
    return patiently(clock, coordinatorWaitMs, () => this.#call('OffsetFetch', (broker) => broker.group(groupId).committed(partitions)));
  }

  async committedNow(groupId: string, partitions: readonly TopicPartition[]): Promise<readonly CommittedPosition[] | null> {
    if (partitions.length === 0) return [];
    return this.#call('OffsetFetch', (broker) => broker.group(groupId).committed(partitions)).catch((error: unknown) => {
      if (isRefusal(error, 'UNSTABLE_OFFSET_COMMIT')) return null;
      throw error;
    });
  }

  async endOffsets(partitions: readonly TopicPartition[], isolation: Isolation): Promise<readonly Position[]> {
    return partitions.length === 0 ? [] : this.#call('ListOffsets', (broker) => broker.endOffsets(partitions, isolation));
  }

  async startOffsets(partitions: readonly TopicPartition[]): Promise<readonly Position[]> {
    return partitions.length === 0 ? [] : this.#call('ListOffsets', (broker) => broker.startOffsets(partitions));
  }

  async offsetsAtTime(partitions: readonly TopicPartition[], timestampMs: number): Promise<readonly Position[]> {
    return partitions.length === 0 ? [] : this.#call('ListOffsets', (broker) => partitions.map((place) => ({ ...place, offset: broker.log(place).offsetAtTime(timestampMs) })));
  }

  async deleteRecordsBefore(positions: readonly Position[]): Promise<void> {
    if (positions.length > 0) await this.#call('DeleteRecords', (broker) => broker.deleteRecordsBefore(positions));
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }

  #call<T>(name: string, apply: (broker: MemoryBroker) => T): Promise<T> {
    const { broker, network } = this.#options;
    return network.call(name, () => apply(broker));
  }
}
