/**
 * Reads the record batches of one fetched partition in place. Per record it keeps seven numbers in typed arrays, no
 * object: keys and values become views of the response only when somebody asks.
 */
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { StopError } from '../../core/errors.ts';
import type { FetchedBatch, RecordHeaders } from '../port.ts';
import * as format from './batch-format.ts';
import { VarintCursor } from './varint.ts';
import { readInt64 } from './wire.ts';

export interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
}

export interface PartitionData {
  readonly topic: string;
  readonly partition: number;
  /** Records below it are dropped: a batch may begin earlier. */
  readonly askedOffset: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly aborted: readonly AbortedTransaction[];
  readonly records: Buffer;
}

/** Bounds what one compressed batch may unpack to, so that a corrupt one cannot take all memory. */
const MAX_UNPACKED_BYTES = 512 * 1024 * 1024;
const CODECS = ['none', 'gzip', 'snappy', 'lz4', 'zstd'];
/** Length, attributes, two deltas, key length, value length, header count: a record has at least a byte of each. */
const MIN_RECORD_BYTES = 7;

/** Columns of `#fields`, in this order for each record. */
const FIELDS = 5;
const KEY = 0;
const KEY_LENGTH = 1;
const VALUE = 2;
const VALUE_LENGTH = 3;
const HEADERS = 4;

const NO_HEADERS: RecordHeaders = [];

/** The records that a caller may see of one partition's response. */
export class RecordColumns implements FetchedBatch {
  readonly topic: string;
  readonly partition: number;
  readonly highWatermark: number;
  readonly lastStableOffset: number;
  readonly byteLength: number;
  readonly nextOffset: number;
  readonly count: number;
  readonly #bytes: Buffer;
  readonly #fields: Int32Array;
  readonly #offsets: Float64Array;
  readonly #timestamps: Float64Array;

  constructor(data: PartitionData) {
    this.topic = data.topic;
    this.partition = data.partition;
    this.highWatermark = data.highWatermark;
    this.lastStableOffset = data.lastStableOffset;
    this.byteLength = data.records.length;
    const walked = walk(data);
    this.nextOffset = walked.nextOffset;
    this.#bytes = walked.bytes;
    this.#fields = new Int32Array(walked.recordLimit * FIELDS);
    this.#offsets = new Float64Array(walked.recordLimit);
    this.#timestamps = new Float64Array(walked.recordLimit);
    let count = 0;
    for (const segment of walked.segments) count = this.#index(segment, data.askedOffset, count);
    this.count = count;
  }

  offset(i: number): number {
    return this.#offsets[i]!;
  }

  timestamp(i: number): number {
    return this.#timestamps[i]!;
  }

  key(i: number): Buffer | null {
    return this.#view(i * FIELDS + KEY);
  }

  value(i: number): Buffer | null {
    return this.#view(i * FIELDS + VALUE);
  }

  headers(i: number): RecordHeaders {
    const cursor = new VarintCursor(this.#bytes, this.#fields[i * FIELDS + HEADERS]!);
    const count = cursor.varint();
    if (count <= 0) return NO_HEADERS;
    const headers: [string, Buffer | null][] = [];
    for (let h = 0; h < count; h += 1) {
      const nameLength = cursor.varint();
      const name = this.#bytes.toString('utf8', cursor.at, cursor.at + nameLength);
      cursor.at += nameLength;
      const length = cursor.varint();
      headers.push([name, length < 0 ? null : this.#bytes.subarray(cursor.at, cursor.at + length)]);
      if (length > 0) cursor.at += length;
    }
    return headers;
  }

  #view(field: number): Buffer | null {
    const length = this.#fields[field + 1]!;
    if (length < 0) return null;
    const start = this.#fields[field]!;
    return this.#bytes.subarray(start, start + length);
  }

  #index(segment: Segment, askedOffset: number, from: number): number {
    const cursor = new VarintCursor(this.#bytes, segment.start);
    const fields = this.#fields;
    let count = from;
    for (let r = 0; r < segment.count; r += 1) {
      const length = cursor.varint();
      const end = cursor.at + length;
      if (length < MIN_RECORD_BYTES - 1 || end > segment.end) throw corrupt(this, segment.baseOffset);
      cursor.at += 1;
      const timestampDelta = cursor.varlong();
      const offset = segment.baseOffset + cursor.varint();
      if (offset >= askedOffset) {
        const at = count * FIELDS;
        const keyLength = cursor.varint();
        fields[at + KEY] = cursor.at;
        fields[at + KEY_LENGTH] = keyLength;
        if (keyLength > 0) cursor.at += keyLength;
        const valueLength = cursor.varint();
        fields[at + VALUE] = cursor.at;
        fields[at + VALUE_LENGTH] = valueLength;
        if (valueLength > 0) cursor.at += valueLength;
        if (cursor.at >= end) throw corrupt(this, segment.baseOffset);
        fields[at + HEADERS] = cursor.at;
        this.#offsets[count] = offset;
        this.#timestamps[count] = segment.appendTime ?? segment.baseTimestamp + timestampDelta;
        count += 1;
      }
      cursor.at = end;
    }
    return count;
  }
}

/** The records of one batch within the bytes. */
interface Segment {
  start: number;
  end: number;
  readonly count: number;
  readonly baseOffset: number;
  readonly baseTimestamp: number;
  /** Set when the broker's clock stamped the batch: then all its records carry this time. */
  readonly appendTime: number | undefined;
  readonly unpacked: Buffer | undefined;
}

interface Walk {
  readonly bytes: Buffer;
  readonly segments: readonly Segment[];
  readonly nextOffset: number;
  readonly recordLimit: number;
}

const walk = (data: PartitionData): Walk => {
  const bytes = data.records;
  const aborts = new AbortedProducers(data.aborted);
  const segments: Segment[] = [];
  let nextOffset = data.askedOffset;
  let recordLimit = 0;
  let at = 0;
  while (bytes.length - at > format.MAGIC) {
    const size = bytes.readInt32BE(at + format.BATCH_LENGTH) + format.LENGTH_OVERHEAD_BYTES;
    const magic = bytes[at + format.MAGIC]!;
    if (magic !== 2) throw oldFormat(data, magic);
    if (at + size > bytes.length) break;
    const baseOffset = readInt64(bytes, at);
    if (size < format.HEADER_BYTES) throw corrupt(data, baseOffset);
    const lastOffset = baseOffset + bytes.readInt32BE(at + format.LAST_OFFSET_DELTA);
    if (lastOffset >= nextOffset) nextOffset = lastOffset + 1;
    if (lastOffset >= data.askedOffset && aborts.shows(bytes, at, lastOffset)) {
      const segment = segmentAt(data, at, size, baseOffset);
      recordLimit += segment.count;
      if (segment.count > 0) segments.push(segment);
    } else {
      aborts.pass(bytes, at, lastOffset);
    }
    at += size;
  }
  return { bytes: joined(bytes, segments), segments, nextOffset, recordLimit };
};

const segmentAt = (data: PartitionData, at: number, size: number, baseOffset: number): Segment => {
  const bytes = data.records;
  const attributes = bytes.readInt16BE(at + format.ATTRIBUTES);
  const count = bytes.readInt32BE(at + format.RECORD_COUNT);
  const codec = attributes & format.CODEC_MASK;
  const start = at + format.HEADER_BYTES;
  const end = at + size;
  const unpacked = codec === 0 || count === 0 ? undefined : unpack(data, codec, bytes.subarray(start, end));
  const length = unpacked === undefined ? end - start : unpacked.length;
  if (count < 0 || count * MIN_RECORD_BYTES > length) throw corrupt(data, baseOffset);
  return {
    start,
    end,
    count,
    baseOffset,
    baseTimestamp: readInt64(bytes, at + format.BASE_TIMESTAMP),
    appendTime: (attributes & format.LOG_APPEND_TIME) === 0 ? undefined : readInt64(bytes, at + format.MAX_TIMESTAMP),
    unpacked,
  };
};

/** With compressed batches all records move into one buffer, so that a record needs no reference to its own. */
const joined = (bytes: Buffer, segments: readonly Segment[]): Buffer => {
  if (segments.every((segment) => segment.unpacked === undefined)) return bytes;
  const parts: Buffer[] = [];
  let at = 0;
  for (const segment of segments) {
    const part = segment.unpacked ?? bytes.subarray(segment.start, segment.end);
    parts.push(part);
    segment.start = at;
    at += part.length;
    segment.end = at;
  }
  return Buffer.concat(parts, at);
};

const unpack = (data: PartitionData, codec: number, packed: Buffer): Buffer => {
  const name = CODECS[codec] ?? `codec ${codec}`;
  try {
    if (name === 'gzip') return gunzipSync(packed, { maxOutputLength: MAX_UNPACKED_BYTES });
    if (name === 'zstd') return zstdDecompressSync(packed, { maxOutputLength: MAX_UNPACKED_BYTES });
  } catch (cause) {
    throw new StopError(`A batch compressed with ${name} cannot be unpacked`, { where: place(data), cause });
  }
  throw new StopError(`Topic ${data.topic} holds batches compressed with ${name}, which this reader does not know`, {
    where: place(data),
    hint: 'Let its producers use none, gzip or zstd',
  });
};

/** Which producers' records belong to an aborted transaction, at the present place in the log. */
class AbortedProducers {
  readonly #upcoming: AbortedTransaction[];
  #next = 0;
  readonly #open = new Set<number>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#upcoming = aborted.toSorted((a, b) => a.firstOffset - b.firstOffset);
  }

  /** Whether the batch holds records for the caller: neither markers nor aborted ones. */
  shows(bytes: Buffer, at: number, lastOffset: number): boolean {
    this.#advance(lastOffset);
    const attributes = bytes.readInt16BE(at + format.ATTRIBUTES);
    if ((attributes & format.CONTROL) !== 0) return false;
    return (attributes & format.TRANSACTIONAL) === 0 || !this.#open.has(readInt64(bytes, at + format.PRODUCER_ID));
  }

  /** A marker ends its producer's aborted transaction; a later one of the same producer has its own entry. */
  pass(bytes: Buffer, at: number, lastOffset: number): void {
    this.#advance(lastOffset);
    const attributes = bytes.readInt16BE(at + format.ATTRIBUTES);
    if ((attributes & format.CONTROL) !== 0) this.#open.delete(readInt64(bytes, at + format.PRODUCER_ID));
  }

  #advance(lastOffset: number): void {
    for (;;) {
      const next = this.#upcoming[this.#next];
      if (next === undefined || next.firstOffset > lastOffset) return;
      this.#open.add(next.producerId);
      this.#next += 1;
    }
  }
}

const place = (data: { readonly topic: string; readonly partition: number }, offset?: number) => ({
  topic: data.topic,
  partition: data.partition,
  ...(offset === undefined ? {} : { offset }),
});

const corrupt = (data: { readonly topic: string; readonly partition: number }, offset: number): StopError =>
  new StopError('A fetched record batch contradicts itself', { where: place(data, offset) });

const oldFormat = (data: PartitionData, magic: number): StopError =>
  new StopError(`Topic ${data.topic} holds messages in the old format v${magic}`, {
    where: place(data, data.askedOffset),
    hint: 'Only record batches (format v2, Kafka 0.11 and later) can be read',
  });
