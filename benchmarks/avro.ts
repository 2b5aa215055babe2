/**
 * Reads a change event recorded from Debezium: five columns of nineteen, by our compiled reader, by avsc with the same projection, and by
 * avsc whole; and by avsc the row alone, without an envelope around it. No server is needed. Prints one line of JSON.
 */
import avsc from 'avsc';
import { readFileSync } from 'node:fs';
import { debezium, schema } from 'millrace/topology';
import { systemClock } from '../lib/core/clock.ts';
import { silentLogger } from '../lib/core/logger.ts';
import { createSerde, LocalSchemas } from '../lib/serde/index.ts';

interface Fixture {
  readonly valueSchemaId: number;
  readonly valueSchema: { readonly [attribute: string]: unknown };
  readonly records: readonly { readonly what: string; readonly value: string | null }[];
}

const ROUNDS = 300_000;
const COLUMNS = ['id', 'at', 'u', 'b', 'ok'];
const fixture = JSON.parse(readFileSync(new URL('../test/serde/fixtures/debezium.json', import.meta.url), 'utf8')) as Fixture;
const bytes = Buffer.from(fixture.records.find(({ value }) => value !== null)!.value!, 'hex');

/** Longs as bigint: avsc's own ones throw on Debezium's nanoseconds. */
const bigintLong = avsc.types.LongType.__with({
  fromBuffer: (buffer: Buffer) => buffer.readBigInt64LE(),
  toBuffer: (value: bigint) => {
    const bytes = Buffer.alloc(8);
    bytes.writeBigInt64LE(value);
    return bytes;
  },
  fromJSON: BigInt,
  toJSON: Number,
  isValid: (value: unknown) => typeof value === 'bigint',
  compare: () => 0,
});
const isLong = (part: unknown): boolean => part === 'long' || (part as { readonly type?: unknown } | null)?.type === 'long';
const typeOf = (of: unknown): avsc.Type => avsc.Type.forSchema(of as avsc.Schema, { wrapUnions: true, typeHook: (part) => (isLong(part) ? bigintLong : undefined) as avsc.Type });

type Named = { readonly name: string; readonly type: unknown };
const fieldsOf = (record: unknown): readonly Named[] => (record as { readonly fields: readonly Named[] }).fields;
const envelope = structuredClone(fixture.valueSchema) as { readonly namespace?: string };
const row = (fieldsOf(envelope).find(({ name }) => name === 'before')!.type as readonly unknown[]).find((branch) => branch !== 'null') as Record<string, unknown>;
const withoutDefaults = (part: unknown): unknown => {
  if (Array.isArray(part)) return part.map(withoutDefaults);
  if (part === null || typeof part !== 'object') return part;
  return Object.fromEntries(Object.entries(part).filter(([name]) => name !== 'default').map(([name, value]) => [name, withoutDefaults(value)]));
};
const projectedRow = { ...row, fields: fieldsOf(row).filter(({ name }) => COLUMNS.includes(name)) };
const projected = { ...envelope, fields: fieldsOf(envelope).filter(({ name }) => ['before', 'after', 'op'].includes(name)).map((field) => (field.name === 'before' ? { ...field, type: ['null', projectedRow] } : field)) };

const whole = typeOf(withoutDefaults(envelope));
const part = typeOf(withoutDefaults(projected));
const resolver = part.createResolver(whole);

const rowType = typeOf(withoutDefaults(row));
const after = (whole.fromBuffer(bytes.subarray(5)) as { readonly after: Readonly<Record<string, unknown>> }).after;
const rowBytes = rowType.toBuffer(Object.values(after)[0]);
const fewType = typeOf(withoutDefaults(projectedRow));
const fewResolver = fewType.createResolver(rowType);

const schemas = new LocalSchemas();
for (let id = 1; id < fixture.valueSchemaId; id += 1) await schemas.register('other', { type: 'record', name: `Other${id}`, fields: [] });
await schemas.register('value', fixture.valueSchema);
const serde = createSerde({ registryUrl: null, clock: systemClock, log: silentLogger }, schemas);
const reading = (of: unknown) => serde.valueDecoder(debezium(schema<Record<string, unknown>>({ ...(withoutDefaults(of) as { name: string }), type: 'record' })), 'keep');
const own = reading(projectedRow);
const ownAll = reading(row);
const body = bytes.subarray(5);

const readers: Readonly<Record<string, () => unknown>> = {
  own: () => own.decode(bytes),
  ownAll: () => ownAll.decode(bytes),
  avscProjected: () => part.fromBuffer(body, resolver),
  avscWhole: () => whole.fromBuffer(body),
  avscRow: () => rowType.fromBuffer(rowBytes),
  avscRowFew: () => fewType.fromBuffer(rowBytes, fewResolver),
};
const microseconds = (read: () => unknown): number => {
  for (let i = 0; i < ROUNDS / 3; i += 1) read();
  const begun = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i += 1) read();
  const { user, system } = process.cpuUsage(begun);
  return Number(((user + system) / ROUNDS).toFixed(2));
};
process.stdout.write(`${JSON.stringify({ bytes: bytes.length, ...Object.fromEntries(Object.entries(readers).map(([name, read]) => [name, microseconds(read)])), unit: 'us of CPU per event', node: process.version })}\n`);
