import avsc from 'avsc';
import { expect } from 'chai';
import { systemClock } from '../../lib/core/clock.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { createSerde, LocalSchemas, type RecordBytes, type Serde } from '../../lib/serde/index.ts';
import type { Int64 } from '../../topology/choices.ts';
import { avro, schema, type AvroSchema, type Schema } from '../../topology/codecs.ts';

/** A serde without a registry, and the table of schemas that it reads from. */
export const offline = (): { readonly serde: Serde; readonly schemas: LocalSchemas } => {
  const schemas = new LocalSchemas();
  return { schemas, serde: createSerde({ registryUrl: null, clock: systemClock, log: silentLogger }, schemas) };
};

export const batchOf = (...values: readonly (Buffer | null)[]): RecordBytes => ({ count: values.length, key: () => null, value: (i) => values[i]! });
export const keysOf = (...keys: readonly (Buffer | null)[]): RecordBytes => ({ count: keys.length, key: (i) => keys[i]!, value: () => null });

export const wire = (id: number, avroBytes: Buffer): Buffer => {
  const header = Buffer.alloc(5);
  header.writeUInt32BE(id, 1);
  return Buffer.concat([header, avroBytes]);
};

/** A record schema with one field `v` of this type. */
export const recordOf = (type: AvroSchema, more: Readonly<Record<string, unknown>> = {}): Schema<never> => schema<never>({ type: 'record', name: 'R', fields: [{ name: 'v', type, ...more }] });

/** Bytes as plain avsc writes them: the other side of every test, which shares no code with ours. Unions are given as `{ branch: value }`. */
export const written = (type: AvroSchema, value: unknown): Buffer => avsc.Type.forSchema(type as never, { wrapUnions: 'always' }).toBuffer(value);

/** As Debezium registers numeric(6,2). */
export const DECIMAL = { type: 'bytes', scale: 2, precision: 6, logicalType: 'decimal', 'connect.name': 'org.apache.kafka.connect.data.Decimal' };
export const VARIABLE = { type: 'record', name: 'io.debezium.data.VariableScaleDecimal', 'connect.name': 'io.debezium.data.VariableScaleDecimal', fields: [{ name: 'scale', type: 'int' }, { name: 'value', type: 'bytes' }] };
export const ENUM = { type: 'enum', name: 'E', symbols: ['A', 'B'] };

export const connect = (type: string, name: string): AvroSchema => ({ type, 'connect.name': name });

/** Writes a value through our encoder, reads it back through our decoder. */
export const through = async (type: AvroSchema, value: unknown, int64: Int64 = 'bigint'): Promise<unknown> => {
  const { serde } = offline();
  const codec = avro(recordOf(type), { int64 });
  const encoder = serde.valueEncoder(codec, 'topic');
  await encoder.prepare();
  return (serde.valueDecoder(codec).decode(encoder.encode({ v: value }) as Buffer) as { v: unknown }).v;
};

export const refusal = async (attempt: Promise<unknown>): Promise<unknown> => attempt.then((value) => expect.fail(`got ${String(value)}`), (thrown: unknown) => thrown);
