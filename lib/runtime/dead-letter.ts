import type { FetchedBatch, OutputBatch, RecordHeaders } from '../kafka/port.ts';
import { DeadLetterError, messageOf } from '../core/errors.ts';

const text = (value: string): Buffer => Buffer.from(value, 'utf8');

export interface DeadLetter {
  readonly topic: string;
  readonly partitions: number;
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
  output.append(letter.topic, record.partition % letter.partitions, record.key, record.value, timestamp, headers);
};
