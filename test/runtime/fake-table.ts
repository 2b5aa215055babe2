/** A table over a topic that the test writes itself. */
import { debezium as debeziumCodec, json, schema, table } from '../../topology/index.ts';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig, type Config } from '../../lib/core/config.ts';
import { DeadLetterError, StopError } from '../../lib/core/errors.ts';
import { RateLimitedLog, silentLogger } from '../../lib/core/logger.ts';
import type { BatchReader, FetchedBatch, KafkaPort, Position, TopicPartition } from '../../lib/kafka/port.ts';
import type { Serdes } from '../../lib/runtime/serdes.ts';
import { TableReader } from '../../lib/runtime/table.ts';
import { NO_VALUE } from '../../lib/serde/index.ts';

export interface Message {
  readonly key: unknown;
  /** Null: a tombstone. */
  readonly value: unknown;
  readonly timestamp?: number;
}

/** One topic whose ends are answered when the test says so. */
export class FakeTopic {
  readonly logs: Message[][];
  /** What each `endOffsets(..., 'read_uncommitted')` waits for. */
  readonly questions: ((ends: readonly number[]) => void)[] = [];
  failure: Error | null = null;

  constructor(partitions: number) {
    this.logs = Array.from({ length: partitions }, () => []);
  }

  append(partition: number, ...messages: Message[]): void {
    this.logs[partition]!.push(...messages);
  }

  port(): KafkaPort {
    const reader: BatchReader = {
      fetch: async (positions) => {
        if (this.failure !== null) throw this.failure;
        const batches = positions.flatMap((position) => this.#batch(position));
        if (batches.length === 0) await systemClock.sleep(2);
        return batches;
      },
      endOffsets: (partitions, isolation) => (isolation === 'read_committed'
        ? Promise.resolve(this.#positions(partitions, this.logs.map((log) => log.length)))
        : new Promise((resolve) => {
          this.questions.push((ends) => resolve(this.#positions(partitions, ends)));
        })),
      startOffsets: (partitions) => Promise.resolve(this.#positions(partitions, partitions.map(() => 0))),
      close: () => Promise.resolve(),
    };
    return { reader: () => reader } as unknown as KafkaPort;
  }

  #positions(partitions: readonly TopicPartition[], offsets: readonly number[]): Position[] {
    return partitions.map((place) => ({ ...place, offset: offsets[place.partition]! }));
  }

  #batch({ topic, partition, offset }: Position): FetchedBatch[] {
    const messages = this.logs[partition]!.slice(offset);
    if (messages.length === 0) return [];
    const end = offset + messages.length;
    const bytes = (value: unknown): Buffer | null => (value === null || Buffer.isBuffer(value) ? value : Buffer.from(JSON.stringify(value)));
    return [{
      topic, partition, count: messages.length, nextOffset: end, highWatermark: end, lastStableOffset: end, byteLength: 1,
      offset: (i) => offset + i, timestamp: (i) => messages[i]!.timestamp ?? 0, key: (i) => bytes(messages[i]!.key), value: (i) => bytes(messages[i]!.value), headers: () => [],
    }];
  }
}

/** What the decoder is made to throw. */
export const thrown: Readonly<Record<string, Error>> = { unreadable: new DeadLetterError('no row'), bug: new TypeError('a bug'), stop: new StopError('decoding before prepare') };
const parsed = (bytes: Buffer | null): unknown => {
  const value = bytes === null ? NO_VALUE : JSON.parse(String(bytes)) as { readonly throws?: string } | null;
  if (value !== NO_VALUE && value?.throws !== undefined) throw thrown[value.throws]!;
  return value;
};
const serdes = {
  tableValues: () => ({ prepare: () => undefined, decode: parsed }),
  tableKeys: () => ({ prepare: () => undefined, decode: (bytes: Buffer | null) => (bytes === null ? null : JSON.parse(String(bytes)) as unknown) }),
} as unknown as Serdes;

export interface Row {
  readonly id: number;
  readonly lang: string;
  readonly text: string;
}

export const NOT_SENT = '__debezium_unavailable_value';
/** `text` may be null, `lang` may not. */
const rowSchema = schema<Row>({ type: 'record', name: 'Row', fields: [{ name: 'id', type: 'int' }, { name: 'lang', type: 'string' }, { name: 'text', type: ['null', 'string'], default: null }] });

export const open = (topic: FakeTopic, { debezium = false, key = 'id' as 'id' | readonly ('id' | 'lang')[], settings = {} as Partial<Config>, now = 0, log = silentLogger, unavailable = NOT_SENT } = {}) => {
  const stopping = new AbortController();
  const node = table('rows', json<Row>(), { key: key as 'id' }).node;
  const clock = Object.assign(Object.create(systemClock) as typeof systemClock, { now: () => now });
  const reader = new TableReader({
    node: debezium ? { ...node, codec: debeziumCodec(rowSchema, { unavailable }) } : node, partitions: topic.logs.length, port: topic.port(), serdes, config: readConfig({}, settings), clock,
    log, limited: new RateLimitedLog(log, clock), signal: stopping.signal,
  });
  const close = (): Promise<void> => {
    stopping.abort(new Error('done'));
    return reader.close();
  };
  return { reader, close };
};
export const change = (op: string, after: Partial<Row> | null, snapshot = 'false') => ({ op, before: null, after, source: { snapshot } });
