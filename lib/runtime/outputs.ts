import { DeadLetterError } from '../core/errors.ts';
import type { Headers } from '../../topology/meta.ts';
import type { OutputBatch, RecordHeaders } from '../kafka/port.ts';
import { partitionOf } from '../kafka/partitioner.ts';
import type { StageMeta } from '../plan/compile.ts';
import type { OutputPlan } from '../plan/types.ts';
import { keyText } from '../serde/key.ts';
import type { ValueEncoder } from '../serde/serde.ts';
import type { StageContext } from './context.ts';

type OutputNode = OutputPlan['node'];

interface Output {
  readonly topic: string;
  readonly partitions: number;
  readonly encoder: ValueEncoder<unknown>;
  /** Repartition topics keep equal keys together, null included; elsewhere a null key stays null. */
  readonly nullKey: 'null-bytes' | 'encoded';
  readonly maxBytes: number;
  /** Headers are for the readers of a kafka sink; on the way between stages there are none. */
  readonly headersOf: ((value: unknown, meta: StageMeta) => RecordHeaders) | undefined;
}

/** What a record batch and its one record take beside key and value. */
const BATCH_OVERHEAD_BYTES = 128;
/** Of one UTF-16 code unit in UTF-8. */
const MOST_BYTES_A_UNIT = 3;

const sizeOf = (bytes: Buffer | string | null): number => (bytes === null ? 0 : typeof bytes === 'string' ? Buffer.byteLength(bytes) : bytes.length);

/** Throws `DeadLetterError` for a record that the brokers would refuse with the whole transaction. */
export const refuseTooLarge = (topic: string, maxBytes: number, key: Buffer | string | null, value: Buffer | string | null): void => {
  if (((key?.length ?? 0) + (value?.length ?? 0)) * MOST_BYTES_A_UNIT + BATCH_OVERHEAD_BYTES <= maxBytes) return;
  const bytes = sizeOf(key) + sizeOf(value) + BATCH_OVERHEAD_BYTES;
  if (bytes > maxBytes) throw new DeadLetterError(`the record would take ${bytes} bytes of topic ${topic}, which takes ${maxBytes} at most (max.message.bytes)`);
};

const headersOf = (node: OutputNode): Output['headersOf'] => {
  if (node.kind !== 'sink' || node.sink.kind !== 'kafka') return undefined;
  const given = node.sink.headers as ((value: unknown, meta: StageMeta) => Headers) | null;
  return (value, meta) => buffered(given === null ? meta.headers : given(value, meta));
};

const isBuffered = (header: Headers[number]): header is RecordHeaders[number] => header[1] === null || Buffer.isBuffer(header[1]);

/** Headers that came from Kafka are Buffers already and are passed on as they are: copying them was a tenth of a stage's work. */
const buffered = (headers: Headers): RecordHeaders =>
  (headers.every(isBuffered) ? headers : headers.map(([name, bytes]) => [name, bytes === null ? null : Buffer.from(bytes)]));

/** Where encoded records go. */
export type Appender = Pick<OutputBatch, 'append'>;

type Append = Parameters<OutputBatch['append']>;

/** Outputs of a record that is not complete yet, while others are under way beside it. */
export class HeldOutput implements Appender {
  readonly #held: Append[] = [];

  append(...record: Append): void {
    this.#held.push(record);
  }

  get count(): number {
    return this.#held.length;
  }

  releaseTo(output: Appender): void {
    for (const record of this.#held) output.append(...record);
  }
}

/** A key of somebody else's topic as it can stand on ours: int64 keys become text. */
export const ownKey = (key: unknown): unknown => {
  if (typeof key === 'bigint') return String(key);
  return Array.isArray(key) ? key.map(ownKey) : key;
};

/** The topics that a stage writes to: chooses partitions and encodes. */
export class StageOutputs {
  readonly #outputs: readonly Output[];
  readonly #aheadMs: number;

  constructor({ stage, partitions, maxBytes, serdes, config }: Pick<StageContext, 'stage' | 'partitions' | 'maxBytes' | 'serdes' | 'config'>) {
    this.#aheadMs = config.timestampAheadMs;
    this.#outputs = stage.outputs.map((output) => ({
      topic: output.topic,
      partitions: partitions.get(output.topic)!,
      encoder: serdes.encoder(output.codec, output.topic),
      nullKey: output.node.kind === 'keyBy' ? 'encoded' : 'null-bytes',
      maxBytes: maxBytes.get(output.topic) ?? Infinity,
      headersOf: headersOf(output.node),
    }));
  }

  /** Throws `DeadLetterError` on what cannot be written: a key or value that does not fit, a time the brokers refuse. */
  write(index: number, value: unknown, meta: StageMeta, target: Appender): void {
    const output = this.#outputs[index]!;
    if (meta.timestamp > meta.now + this.#aheadMs) {
      throw new DeadLetterError(`the record's time ${new Date(meta.timestamp).toISOString()} is more than ${this.#aheadMs} ms ahead`);
    }
    const key = ownKey(meta.key);
    const bytes = key === null && output.nullKey === 'null-bytes' ? null : Buffer.from(keyText(key), 'utf8');
    const partition = bytes === null ? meta.partition % output.partitions : partitionOf(bytes, output.partitions);
    const encoded = output.encoder.encode(value);
    refuseTooLarge(output.topic, output.maxBytes, bytes, encoded);
    target.append(output.topic, partition, bytes, encoded, meta.timestamp, output.headersOf?.(value, meta));
  }
}
