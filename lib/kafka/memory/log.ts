import type { RecordHeaders } from '../port.ts';

export interface LogRecord {
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly timestamp: number;
  readonly headers: RecordHeaders;
}

/** A transaction as the logs know it. */
export interface Transaction {
  readonly transactionalId: string;
  readonly producerId: number;
  readonly epoch: number;
  outcome: 'open' | 'committed' | 'aborted';
}

export interface LogEntry {
  readonly offset: number;
  /** Null: a control marker. */
  readonly record: LogRecord | null;
  readonly transaction: Transaction | null;
  /** Orders appends over all partitions. */
  readonly appendedAt: number;
  /** When it came below the last stable offset, on the same scale; -1 until then. */
  visibleAt: number;
  readonly bytes: number;
}

/** Of a record's frame. */
const OVERHEAD_BYTES = 12;

const bytesOf = ({ key, value, headers }: LogRecord): number =>
  OVERHEAD_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + headers.reduce((sum, [name, content]) => sum + name.length + (content?.length ?? 0), 0);

export interface Slice {
  readonly entries: readonly LogEntry[];
  readonly nextOffset: number;
  readonly bytes: number;
}

/** What a cleaner goes by when it takes tombstones. */
export interface CleaningTime {
  readonly nowMs: number;
  readonly deleteRetentionMs: number;
}

/** One partition: records and markers by offset, with gaps where compaction took something away. */
export class PartitionLog {
  #entries: LogEntry[] = [];
  readonly #history: LogEntry[] = [];
  #start = 0;
  #end = 0;
  #stable = 0;
  /** First offset of each open transaction. */
  readonly #open = new Map<Transaction, number>();
  /** When a cleaner first left a tombstone, by its offset: its delete horizon is counted from then. */
  readonly #cleanedAtMs = new Map<number, number>();

  /** Everything that is there, markers and aborted records too. */
  get entries(): readonly LogEntry[] {
    return this.#entries;
  }

  /** The first record below the last stable offset that is so late; without one, the last stable offset. */
  offsetAtTime(timestampMs: number): number {
    const stable = this.lastStable;
    return this.#entries.find(({ offset, record }) => offset < stable && record !== null && record.timestamp >= timestampMs)?.offset ?? stable;
  }

  /** Everything that ever was there, for whoever checks it: also what was deleted or compacted away. */
  get history(): readonly LogEntry[] {
    return this.#history;
  }

  get start(): number {
    return this.#start;
  }

  /** The high watermark: everything appended is replicated. */
  get end(): number {
    return this.#end;
  }

  get lastStable(): number {
    return this.#stable;
  }

  append(records: readonly LogRecord[], transaction: Transaction | null, sequence: () => number): void {
    if (transaction !== null && !this.#open.has(transaction)) this.#open.set(transaction, this.#end);
    for (const record of records) this.#add(record, transaction, sequence());
    this.#settle(sequence);
  }

  /** Ends a transaction in this partition. */
  mark(transaction: Transaction, sequence: () => number): void {
    this.#open.delete(transaction);
    this.#add(null, transaction, sequence());
    this.#settle(sequence);
  }

  #add(record: LogRecord | null, transaction: Transaction | null, appendedAt: number): void {
    const entry: LogEntry = { offset: this.#end, record, transaction, appendedAt, visibleAt: -1, bytes: record === null ? OVERHEAD_BYTES : bytesOf(record) };
    this.#entries.push(entry);
    this.#history.push(entry);
    this.#end += 1;
  }

  #settle(sequence: () => number): void {
    let stable = this.#end;
    for (const first of this.#open.values()) stable = Math.min(stable, first);
    if (stable === this.#stable) return;
    const now = sequence();
    for (let i = this.#indexOf(this.#stable); i < this.#entries.length && this.#entries[i]!.offset < stable; i += 1) this.#entries[i]!.visibleAt = now;
    this.#stable = stable;
  }

  /** Index of the first entry at or behind the offset. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#entries.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#entries[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The committed records from an offset on, as many as fit into `maxBytes`, at least one; what lies between is passed over. */
  read(offset: number, maxBytes: number): Slice {
    const entries: LogEntry[] = [];
    let bytes = 0;
    for (let i = this.#indexOf(offset); i < this.#entries.length; i += 1) {
      const entry = this.#entries[i]!;
      if (entry.offset >= this.#stable) break;
      if (entry.record === null || entry.transaction?.outcome === 'aborted') continue;
      if (bytes > 0 && bytes + entry.bytes > maxBytes) return { entries, nextOffset: entry.offset, bytes };
      entries.push(entry);
      bytes += entry.bytes;
    }
    return { entries, nextOffset: Math.max(offset, this.#stable), bytes };
  }

  deleteBefore(offset: number): void {
    this.#entries = this.#entries.slice(this.#indexOf(offset));
    this.#start = Math.max(this.#start, offset);
  }

  /**
   * What a cleaner leaves below an offset (never more than what is stable): the latest record of each key and no aborted records;
   * tombstones for `delete.retention.ms` from the first time that one passes them. `keepsMarker` decides on each marker; what is gone leaves a gap.
   */
  compact(below: number, keepsMarker: () => boolean, { nowMs, deleteRetentionMs }: CleaningTime): void {
    const bound = Math.min(below, this.#stable);
    const latest = new Map<string, number>();
    for (const entry of this.#entries) {
      if (entry.offset < bound && entry.record !== null && entry.transaction?.outcome !== 'aborted') latest.set(entry.record.key!.toString('latin1'), entry.offset);
    }
    this.#entries = this.#entries.filter(({ offset, record, transaction }) => {
      if (offset >= bound) return true;
      if (record === null) return keepsMarker();
      if (transaction?.outcome === 'aborted' || latest.get(record.key!.toString('latin1')) !== offset) return false;
      return record.value !== null || this.#keepsTombstone(offset, nowMs, deleteRetentionMs);
    });
  }

  #keepsTombstone(offset: number, nowMs: number, deleteRetentionMs: number): boolean {
    const cleanedAtMs = this.#cleanedAtMs.get(offset) ?? nowMs;
    this.#cleanedAtMs.set(offset, cleanedAtMs);
    const keeps = nowMs - cleanedAtMs <= deleteRetentionMs;
    if (!keeps) this.#cleanedAtMs.delete(offset);
    return keeps;
  }
}
