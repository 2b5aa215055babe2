/**
 * Writes records straight into one growing buffer per partition, as record batches that lack only what the send knows
 * (producer, sequence, checksum). No batch passes the limit, except one that holds a single larger record.
 */
import { crc32c } from '@node-rs/crc32';
import { StopError } from '../../core/errors.ts';
import type { OutputBatch, RecordHeaders } from '../port.ts';
import * as format from './batch-format.ts';
import { sizeOfVarint, sizeOfVarlong, writeVarint, writeVarlong } from './varint.ts';
import { writeInt64 } from './wire.ts';

const FIRST_CAPACITY_BYTES = 16 * 1024;
/** Outputs of commits in a row differ a little. */
const SPARE = 1.25;
const NO_HEADERS: RecordHeaders = [];

type Bytes = Buffer | string | null;

const lengthOf = (bytes: Bytes): number => {
  if (bytes === null) return -1;
  return typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length;
};

export interface BatchOwner {
  readonly producerId: number;
  readonly epoch: number;
}

/** One record batch within a partition's buffer. */
export interface EncodedBatch {
  readonly start: number;
  readonly end: number;
  readonly count: number;
}

interface OpenBatch {
  readonly start: number;
  count: number;
  readonly baseTimestamp: number;
  maxTimestamp: number;
}

/** The output for one partition. */
export class PartitionOutput {
  readonly topic: string;
  readonly partition: number;
  readonly #maxBatchBytes: number;
  #bytes: Buffer;
  #length = 0;
  readonly #closed: EncodedBatch[] = [];
  #open: OpenBatch | undefined;
  /** Where `save` was called, in fields: an object for each record would be garbage. */
  #saved = false;
  #savedLength = 0;
  #savedClosed = 0;
  #savedOpen: OpenBatch | undefined;
  #savedCount = 0;
  #savedMaxTimestamp = 0;

  constructor(topic: string, partition: number, maxBatchBytes: number, capacityBytes = FIRST_CAPACITY_BYTES) {
    this.topic = topic;
    this.partition = partition;
    this.#maxBatchBytes = maxBatchBytes;
    this.#bytes = Buffer.allocUnsafeSlow(capacityBytes);
  }

  get byteLength(): number {
    return this.#length;
  }

  /** Remembers the present end, unless that was done since the last `forget`. Tells whether it did. */
  save(): boolean {
    if (this.#saved) return false;
    this.#saved = true;
    this.#savedLength = this.#length;
    this.#savedClosed = this.#closed.length;
    this.#savedOpen = this.#open;
    if (this.#open !== undefined) {
      this.#savedCount = this.#open.count;
      this.#savedMaxTimestamp = this.#open.maxTimestamp;
    }
    return true;
  }

  forget(): void {
    this.#saved = false;
  }

  restore(): void {
    if (!this.#saved) return;
    this.#saved = false;
    this.#length = this.#savedLength;
    this.#closed.length = this.#savedClosed;
    this.#open = this.#savedOpen;
    if (this.#open !== undefined) {
      this.#open.count = this.#savedCount;
      this.#open.maxTimestamp = this.#savedMaxTimestamp;
    }
  }

  append(key: Bytes, value: Bytes, timestamp: number, headers: RecordHeaders): void {
    const keyLength = lengthOf(key);
    const valueLength = lengthOf(value);
    let fixed = 1 + sizeOfVarint(keyLength) + Math.max(0, keyLength) + sizeOfVarint(valueLength) + Math.max(0, valueLength) + sizeOfVarint(headers.length);
    for (const [name, content] of headers) {
      const nameLength = Buffer.byteLength(name);
      fixed += sizeOfVarint(nameLength) + nameLength + sizeOfVarint(lengthOf(content)) + Math.max(0, lengthOf(content));
    }
    let open = this.#open ?? this.#begin(timestamp);
    let size = recordSize(fixed, open, timestamp);
    if (open.count > 0 && this.#length + sizeOfVarint(size) + size - open.start > this.#maxBatchBytes) {
      this.#close(open);
      open = this.#begin(timestamp);
      size = recordSize(fixed, open, timestamp);
    }
    this.#grow(sizeOfVarint(size) + size);
    let at = writeVarint(this.#bytes, size, this.#length);
    this.#bytes[at++] = 0;
    at = writeVarlong(this.#bytes, timestamp - open.baseTimestamp, at);
    at = writeVarint(this.#bytes, open.count, at);
    at = this.#put(key, keyLength, at);
    at = this.#put(value, valueLength, at);
    this.#length = headers.length === 0 ? writeVarint(this.#bytes, 0, at) : this.#putHeaders(headers, at);
    open.count += 1;
    if (timestamp > open.maxTimestamp) open.maxTimestamp = timestamp;
  }

  /** The batches written so far, complete but for `stamp`. */
  batches(): readonly EncodedBatch[] {
    if (this.#open !== undefined) this.#close(this.#open);
    return this.#closed;
  }

  /** Fills in attributes, producer, sequence and checksum and returns the batch's bytes. */
  stamp(batch: EncodedBatch, owner: BatchOwner, baseSequence: number, attributes: number = format.TRANSACTIONAL): Buffer {
    const bytes = this.#bytes.subarray(batch.start, batch.end);
    bytes.writeInt16BE(attributes, format.ATTRIBUTES);
    writeInt64(bytes, owner.producerId, format.PRODUCER_ID);
    bytes.writeInt16BE(owner.epoch, format.PRODUCER_EPOCH);
    bytes.writeInt32BE(baseSequence, format.BASE_SEQUENCE);
    bytes.writeUInt32BE(crc32c(bytes.subarray(format.ATTRIBUTES)), format.CRC);
    return bytes;
  }

  #begin(timestamp: number): OpenBatch {
    const open = { start: this.#length, count: 0, baseTimestamp: timestamp, maxTimestamp: timestamp };
    this.#grow(format.HEADER_BYTES);
    this.#length += format.HEADER_BYTES;
    this.#open = open;
    return open;
  }

  #close(open: OpenBatch): void {
    const { start } = open;
    const bytes = this.#bytes;
    writeInt64(bytes, 0, start + format.BASE_OFFSET);
    bytes.writeInt32BE(this.#length - start - format.LENGTH_OVERHEAD_BYTES, start + format.BATCH_LENGTH);
    bytes.writeInt32BE(-1, start + format.LEADER_EPOCH);
    bytes[start + format.MAGIC] = 2;
    bytes.writeInt32BE(open.count - 1, start + format.LAST_OFFSET_DELTA);
    writeInt64(bytes, open.baseTimestamp, start + format.BASE_TIMESTAMP);
    writeInt64(bytes, open.maxTimestamp, start + format.MAX_TIMESTAMP);
    bytes.writeInt32BE(open.count, start + format.RECORD_COUNT);
    this.#closed.push({ start, end: this.#length, count: open.count });
    this.#open = undefined;
  }

  #put(bytes: Bytes, length: number, from: number): number {
    const at = writeVarint(this.#bytes, length, from);
    if (length <= 0) return at;
    if (typeof bytes === 'string') this.#bytes.write(bytes, at, length);
    else bytes!.copy(this.#bytes, at);
    return at + length;
  }

  #putHeaders(headers: RecordHeaders, from: number): number {
    let at = writeVarint(this.#bytes, headers.length, from);
    for (const [name, content] of headers) {
      at = this.#put(name, Buffer.byteLength(name), at);
      at = this.#put(content, lengthOf(content), at);
    }
    return at;
  }

  #grow(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

const recordSize = (fixed: number, open: OpenBatch, timestamp: number): number =>
  fixed + sizeOfVarlong(timestamp - open.baseTimestamp) + sizeOfVarint(open.count);

/** How large the last output was, by topic and partition: the next one begins with room for as much, and seldom has to grow. */
export type Capacities = Map<string, number[]>;

/** The output of a transaction so far. */
export class EncodedOutput implements OutputBatch {
  readonly #maxBatchBytes: number;
  readonly #capacities: Capacities;
  readonly #topicLimits: ReadonlyMap<string, number>;
  readonly #partitions = new Map<string, (PartitionOutput | undefined)[]>();
  #count = 0;
  #touched: PartitionOutput[] = [];
  #countAtBegin: number | undefined;
  #sent = false;

  /** `topicLimits`: what batches of a topic may have at most, where that is less. */
  constructor(maxBatchBytes: number, capacities: Capacities = new Map(), topicLimits: ReadonlyMap<string, number> = new Map()) {
    this.#maxBatchBytes = maxBatchBytes;
    this.#capacities = capacities;
    this.#topicLimits = topicLimits;
  }

  get count(): number {
    return this.#count;
  }

  get byteLength(): number {
    let total = 0;
    for (const output of this.partitions()) total += output.byteLength;
    return total;
  }

  append(topic: string, partition: number, key: Bytes, value: Bytes, timestamp: number, headers: RecordHeaders = NO_HEADERS): void {
    if (this.#sent) throw new StopError('append was called on a batch that is already sent', { where: { topic, partition } });
    const output = this.#partitions.get(topic)?.[partition] ?? this.#add(topic, partition);
    if (this.#countAtBegin !== undefined && output.save()) this.#touched.push(output);
    output.append(key, value, timestamp, headers);
    this.#count += 1;
  }

  begin(): void {
    for (const output of this.#touched) output.forget();
    this.#touched.length = 0;
    this.#countAtBegin = this.#count;
  }

  rollback(): void {
    if (this.#countAtBegin === undefined) throw new StopError('rollback was called without begin');
    for (const output of this.#touched) output.restore();
    this.#touched.length = 0;
    this.#count = this.#countAtBegin;
  }

  *partitions(): Generator<PartitionOutput> {
    for (const outputs of this.#partitions.values()) {
      for (const output of outputs) if (output !== undefined && output.byteLength > 0) yield output;
    }
  }

  /** No more records: a batch is sent once. */
  seal(): void {
    if (this.#sent) throw new StopError('A batch was sent twice');
    this.#sent = true;
    for (const { topic, partition, byteLength } of this.partitions()) {
      let sizes = this.#capacities.get(topic);
      if (sizes === undefined) this.#capacities.set(topic, (sizes = []));
      sizes[partition] = Math.max(FIRST_CAPACITY_BYTES, Math.ceil(byteLength * SPARE));
    }
  }

  #add(topic: string, partition: number): PartitionOutput {
    if (!Number.isInteger(partition) || partition < 0) throw new StopError(`Partition ${partition} is not a partition number`, { where: { topic } });
    let outputs = this.#partitions.get(topic);
    if (outputs === undefined) this.#partitions.set(topic, (outputs = []));
    const maxBytes = Math.min(this.#maxBatchBytes, this.#topicLimits.get(topic) ?? Infinity);
    return (outputs[partition] = new PartitionOutput(topic, partition, maxBytes, this.#capacities.get(topic)?.[partition]));
  }
}
