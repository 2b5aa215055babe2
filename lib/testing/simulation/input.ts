import { avro, schema, type AvroSchema, type Change, type Codec, type DebeziumCodec } from '../../../topology/codecs.ts';
import { ConfigurationError } from '../../core/errors.ts';
import type { Plan } from '../../plan/types.ts';
import type { Serdes } from '../../runtime/serdes.ts';

/** A change as the input gives it: what Debezium adds is added here. */
export type ChangeOf<Row> = Pick<Change<Row>, 'op'> & Partial<Pick<Change<Row>, 'before' | 'after'>> & { readonly source?: Partial<Change<Row>['source']> };

interface Input {
  readonly codec: Codec<unknown>;
  /** Null: values stand as they are. */
  readonly envelope: ((change: ChangeOf<unknown>, timestamp: number) => unknown) | null;
}

const field = (name: string, type: AvroSchema): { readonly [attribute: string]: AvroSchema } => ({ name, type });

/** Debezium's envelope around a row. */
const envelopeCodec = (topic: string, { schema: row, int64 }: DebeziumCodec<unknown>): Codec<unknown> => {
  const source = {
    type: 'record', name: 'Source', namespace: 'io.debezium.connector.postgresql',
    fields: [field('ts_us', 'long'), field('snapshot', 'string'), field('schema', 'string'), field('table', 'string'), field('txId', ['null', 'long']), field('lsn', ['null', 'long'])],
  };
  return avro(schema<unknown>({
    type: 'record', name: 'Envelope', namespace: topic.replace(/[^\w.]/g, '_'),
    fields: [field('before', ['null', row.avro]), field('after', ['null', row.name]), field('source', source), field('op', 'string')],
  }), { int64 });
};

const US_PER_MS = 1_000;

const envelopeOf = (topic: string, { int64 }: DebeziumCodec<unknown>): Input['envelope'] => {
  const [, schemaName = '', table = topic] = /([^.]*)\.([^.]*)$/.exec(topic) ?? [];
  const long = (n: bigint | null | undefined): bigint | number | null => (n === null || n === undefined ? null : int64 === 'number' ? Number(n) : n);
  return ({ op, before, after, source }, timestamp) => {
    const micros = timestamp * US_PER_MS;
    return {
      op, before: before ?? null, after: after ?? null,
      source: { ts_us: int64 === 'number' ? micros : BigInt(micros), snapshot: source?.snapshot ?? 'false', schema: schemaName, table, txId: long(source?.txId), lsn: long(source?.lsn) },
    };
  };
};

/** Encodes the input as the topics' owners would. */
export class InputEncoder {
  readonly #inputs = new Map<string, Input>();
  readonly #serdes: Serdes;

  constructor(plan: Plan, serdes: Serdes) {
    this.#serdes = serdes;
    const add = (topic: string, codec: Codec<unknown> | DebeziumCodec<unknown>): void => {
      this.#inputs.set(topic, codec.kind === 'debezium' ? { codec: envelopeCodec(topic, codec), envelope: envelopeOf(topic, codec) } : { codec, envelope: null });
    };
    for (const { entries } of plan.stages) for (const { topic, codec, keys } of entries) if (keys === 'foreign' && codec !== 'internal') add(topic, codec);
    for (const { topic, codec } of plan.tables) add(topic, codec);
  }

  /** Null and bytes stand as they are. */
  async encode(topic: string, value: unknown, timestamp: number): Promise<Buffer | null> {
    const input = this.#inputs.get(topic);
    if (input === undefined) throw new ConfigurationError([`no step of the topology reads ${topic}`]);
    if (value === null || Buffer.isBuffer(value)) return value;
    const encoder = this.#serdes.encoder(input.codec, topic);
    await encoder.prepare();
    const bytes = encoder.encode(input.envelope === null ? value : input.envelope(value as ChangeOf<unknown>, timestamp));
    return typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes;
  }
}
