import { StopError } from '../../core/errors.ts';
import type { OutputBatch, RecordHeaders } from '../port.ts';
import type { ProducedRecords } from './broker.ts';
import type { LogRecord } from './log.ts';

interface Appended {
  readonly topic: string;
  readonly partition: number;
  readonly record: LogRecord;
  readonly bytes: number;
}

const RECORD_BYTES = 12;

const bytesOf = (content: Buffer | string | null): Buffer | null => {
  if (content === null) return null;
  return typeof content === 'string' ? Buffer.from(content, 'utf8') : Buffer.from(content);
};

/** Records in the order they were appended. */
export class MemoryOutput implements OutputBatch {
  #appended: Appended[] = [];
  #bytes = 0;
  #begun: { readonly count: number; readonly bytes: number } | null = null;
  #sent = false;

  get count(): number {
    return this.#appended.length;
  }

  get byteLength(): number {
    return this.#bytes;
  }

  append(topic: string, partition: number, key: Buffer | string | null, value: Buffer | string | null, timestamp: number, headers: RecordHeaders = []): void {
    if (this.#sent) throw new StopError('append was called on a batch that is already sent', { where: { topic, partition } });
    if (!Number.isInteger(partition) || partition < 0) throw new StopError(`Partition ${partition} is not a partition number`, { where: { topic } });
    const record = { key: bytesOf(key), value: bytesOf(value), timestamp, headers };
    const bytes = RECORD_BYTES + (record.key?.length ?? 0) + (record.value?.length ?? 0);
    this.#appended.push({ topic, partition, record, bytes });
    this.#bytes += bytes;
  }

  begin(): void {
    this.#begun = { count: this.#appended.length, bytes: this.#bytes };
  }

  rollback(): void {
    if (this.#begun === null) throw new StopError('rollback was called without begin');
    this.#appended.length = this.#begun.count;
    this.#bytes = this.#begun.bytes;
  }

  /** The records by partition; no more can be appended. */
  seal(): readonly ProducedRecords[] {
    if (this.#sent) throw new StopError('A batch was sent twice');
    this.#sent = true;
    const partitions = new Map<string, { topic: string; partition: number; records: LogRecord[] }>();
    for (const { topic, partition, record } of this.#appended) {
      const name = `${topic}/${partition}`;
      const there = partitions.get(name) ?? { topic, partition, records: [] };
      partitions.set(name, there);
      there.records.push(record);
    }
    return [...partitions.values()];
  }
}
