import type { FetchedBatch, OutputBatch, RecordHeaders } from '../kafka/port.ts';
import { DeadLetterError, messageOf, StopError } from '../core/errors.ts';

/** A message of the user's may hold half the record; all headers together stay below what dead-letter topics take beyond their records. */
const HEADER_CHARACTERS = 4_000;

const HEADER_OVERHEAD_BYTES = 10;
const BATCH_OVERHEAD_BYTES = 128;

const text = (value: string): Buffer => Buffer.from(value.slice(0, HEADER_CHARACTERS), 'utf8');

export interface DeadLetter {
  readonly topic: string;
  readonly partitions: number;
  readonly maxBytes: number;
  readonly stage: string;
  readonly node: string | null;
  readonly error: unknown;
  readonly now: number;
}

/** The record as it was read, wherever it came from. */
export interface OriginalRecord {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly timestamp: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: RecordHeaders;
}

export const originalOf = (batch: FetchedBatch, i: number): OriginalRecord => ({
  topic: batch.topic,
  partition: batch.partition,
  offset: batch.offset(i),
  timestamp: batch.timestamp(i),
  key: batch.key(i),
  value: batch.value(i),
  headers: batch.headers(i),
});

/**
 * Appends a record to the dead-letter topic: key, value and headers byte for byte, and why it is there. The
 * `__streams.errors.*` headers are those of Kafka Streams (KIP-1034), so that its tools read them; the `__millrace.errors.*`
 * ones add the stage, the node and the rule.
 */
export const appendDeadLetter = (output: OutputBatch, record: OriginalRecord, letter: DeadLetter): void => {
  const { error } = letter;
  const headers: [string, Buffer | null][] = [
    ...record.headers.map(([name, value]): [string, Buffer | null] => [name, value]),
    ['__streams.errors.exception', text(error instanceof Error ? error.name : typeof error)],
    ['__streams.errors.message', text(messageOf(error))],
    ['__streams.errors.topic', text(record.topic)],
    ['__streams.errors.partition', text(String(record.partition))],
    ['__streams.errors.offset', text(String(record.offset))],
    ['__millrace.errors.stage', text(letter.stage)],
  ];
  if (error instanceof Error && error.stack !== undefined && !(error instanceof DeadLetterError)) headers.push(['__streams.errors.stacktrace', text(error.stack)]);
  if (letter.node !== null) headers.push(['__millrace.errors.node', text(letter.node)]);
  if (error instanceof DeadLetterError && error.rule !== undefined) headers.push(['__millrace.errors.rule', text(error.rule)]);
  // Brokers refuse timestamps ahead of their clock; the original's stands in its own topic.
  const timestamp = Math.min(record.timestamp, letter.now);
  const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0) + headers.reduce((sum, [name, value]) => sum + name.length + (value?.length ?? 0) + HEADER_OVERHEAD_BYTES, BATCH_OVERHEAD_BYTES);
  if (bytes > letter.maxBytes) {
    throw new StopError(`a dead letter of ${bytes} bytes does not fit into topic ${letter.topic}`, { where: record, hint: `Raise its max.message.bytes, which is ${letter.maxBytes}` });
  }
  output.append(letter.topic, record.partition % letter.partitions, record.key, record.value, timestamp, headers);
};
