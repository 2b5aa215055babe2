import { StopError } from '../../core/errors.ts';
import type { BatchReader, FetchedBatch, FetchLimits, Isolation, Position, RecordHeaders, TopicPartition } from '../port.ts';
import type { FetchedEntries, MemoryBroker } from './broker.ts';
import type { Network } from './network.ts';

class EntryBatch implements FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly count: number;
  readonly nextOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly byteLength: number;
  readonly #entries: FetchedEntries['entries'];

  constructor(fetched: FetchedEntries) {
    this.topic = fetched.topic;
    this.partition = fetched.partition;
    this.count = fetched.entries.length;
    this.nextOffset = fetched.nextOffset;
    this.highWatermark = fetched.highWatermark;
    this.lastStableOffset = fetched.lastStableOffset;
    this.byteLength = fetched.bytes;
    this.#entries = fetched.entries;
  }

  offset(i: number): number {
    return this.#entries[i]!.offset;
  }

  timestamp(i: number): number {
    return this.#entries[i]!.record!.timestamp;
  }

  key(i: number): Buffer | null {
    return this.#entries[i]!.record!.key;
  }

  value(i: number): Buffer | null {
    return this.#entries[i]!.record!.value;
  }

  headers(i: number): RecordHeaders {
    return this.#entries[i]!.record!.headers;
  }
}

export class MemoryReader implements BatchReader {
  readonly #broker: MemoryBroker;
  readonly #network: Network;
  readonly #requestTimeoutMs: number;
  #busy = false;
  #closed = false;

  constructor(broker: MemoryBroker, network: Network, requestTimeoutMs: number) {
    this.#broker = broker;
    this.#network = network;
    this.#requestTimeoutMs = requestTimeoutMs;
  }

  async fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedBatch[]> {
    if (this.#busy) throw new StopError('fetch was called while another is under way on the same reader');
    if (this.#closed) throw new StopError('fetch was called on a closed reader');
    if (positions.length === 0) return [];
    this.#busy = true;
    try {
      const found = await this.#network.call('Fetch', () => this.#broker.fetch(positions, limits), this.#requestTimeoutMs + limits.maxWaitMs);
      return found.map((fetched) => new EntryBatch(fetched));
    } finally {
      this.#busy = false;
    }
  }

  async endOffsets(partitions: readonly TopicPartition[], isolation: Isolation): Promise<readonly Position[]> {
    if (partitions.length === 0) return [];
    return this.#network.call('ListOffsets', () => this.#broker.endOffsets(partitions, isolation));
  }

  async startOffsets(partitions: readonly TopicPartition[]): Promise<readonly Position[]> {
    if (partitions.length === 0) return [];
    return this.#network.call('ListOffsets', () => this.#broker.startOffsets(partitions));
  }

  async close(): Promise<void> {
    this.#closed = true;
  }
}
