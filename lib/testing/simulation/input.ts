import { avro, schema, type AvroSchema, type Change, type Codec, type DebeziumCodec } from '../../../topology/codecs.ts';
import type { Clock } from '../../core/clock.ts';
import { ConfigurationError } from '../../core/errors.ts';
import type { Plan } from '../../plan/types.ts';
import type { Serdes } from '../../runtime/serdes.ts';
import type { Random } from '../random.ts';
import type { FaultPlan } from './faults.ts';
import { choosePartition, type EncodedRecord } from './feed.ts';

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

/** A record of the input before it has a partition. */
export interface InputRecord {
  readonly topic: string;
  readonly partition: number | null;
  readonly key: Buffer | null;
  /** Bytes stand as they are; anything else goes through the topic's codec. */
  readonly value: unknown;
  /** Ms since the epoch; null: as the simulation's clock has it, roughly. */
  readonly timestamp: number | null;
}

export interface EncodeInputOptions {
  readonly plan: Plan;
  readonly serdes: Serdes;
  readonly records: readonly InputRecord[];
  readonly faults: FaultPlan;
  readonly clock: Clock;
  readonly random: Random;
  /** Time over which they come, ms. */
  readonly forMs: number;
  /** Of a topic that exists. */
  readonly partitions: (topic: string) => number;
}

/** Bytes that no codec reads. */
const POISON = Buffer.from('{"', 'utf8');
const POISON_CHANCE = 0.03;
const LATE_CHANCE = 0.05;

/** The input as bytes in partitions, with the faults that are in the input itself. */
export const encodeInput = async (options: EncodeInputOptions): Promise<EncodedRecord[]> => {
  const { plan, serdes, records, faults, clock, random, forMs, partitions } = options;
  const encoder = new InputEncoder(plan, serdes);
  const spoiling = random.fork();
  const isFaulty = (fault: 'poison' | 'late', chance: number): boolean => {
    if (!faults.has(fault) || !spoiling.chance(chance)) return false;
    faults.count(fault);
    return true;
  };
  // Tables leave out what they cannot read, and no place says that they have.
  const tables = new Set(plan.tables.map(({ topic }) => topic));
  const encoded: EncodedRecord[] = [];
  for (const [i, { topic, partition, key, value, timestamp: given }] of records.entries()) {
    const due = clock.now() + Math.floor((i / records.length) * forMs);
    const timestamp = given ?? due - (isFaulty('late', LATE_CHANCE) ? spoiling.below(forMs) : 0);
    const record = { key, value: await encoder.encode(topic, value, timestamp), headers: [], timestamp };
    const place = { topic, partition: partition ?? choosePartition(key, partitions(topic), random) };
    encoded.push({ ...place, record });
    if (!tables.has(topic) && isFaulty('poison', POISON_CHANCE)) encoded.push({ ...place, record: { ...record, value: POISON } });
  }
  return encoded;
};
