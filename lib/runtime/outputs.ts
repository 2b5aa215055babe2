import { DeadLetterError } from '../core/errors.ts';
import type { OutputBatch } from '../kafka/port.ts';
import { partitionOf } from '../kafka/partitioner.ts';
import type { StageMeta } from '../plan/compile.ts';
import { keyText } from '../serde/key.ts';
import type { ValueEncoder } from '../serde/serde.ts';
import type { StageContext } from './context.ts';

interface Output {
  readonly topic: string;
  readonly partitions: number;
  readonly encoder: ValueEncoder<unknown>;
  /** Repartition topics keep equal keys together, null included; elsewhere a null key stays null. */
  readonly nullKey: 'null-bytes' | 'encoded';
}

/** Where encoded records go. */
export type Appender = Pick<OutputBatch, 'append'>;

type Append = Parameters<OutputBatch['append']>;

/** Outputs of a record that is not complete yet, while others are under way beside it. */
export class HeldOutput implements Appender {
  readonly #held: Append[] = [];

  append(...record: Append): void {
    this.#held.push(record);
  }

  releaseTo(output: Appender): void {
    for (const record of this.#held) output.append(...record);
  }
}

/** A key of somebody else's topic as it can stand on ours: int64 keys become text. */
const ownKey = (key: unknown): unknown => {
  if (typeof key === 'bigint') return String(key);
  return Array.isArray(key) ? key.map(ownKey) : key;
};

/** The topics that a stage writes to: chooses partitions and encodes. */
export class StageOutputs {
  readonly #outputs: readonly Output[];
  readonly #aheadMs: number;

  constructor({ stage, partitions, serdes, config }: StageContext) {
    this.#aheadMs = config.timestampAheadMs;
    this.#outputs = stage.outputs.map((output) => ({
      topic: output.topic,
      partitions: partitions.get(output.topic)!,
      encoder: serdes.encoder(output.codec, output.topic),
      nullKey: output.node.kind === 'keyBy' ? 'encoded' : 'null-bytes',
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
    target.append(output.topic, partition, bytes, output.encoder.encode(value), meta.timestamp);
  }
}
