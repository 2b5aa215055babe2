import type { DecimalAs, Int64, Read, ReadChoices, TimeAs } from './choices.ts';

/** An Avro schema as JSON. */
export type AvroSchema = string | readonly AvroSchema[] | { readonly [attribute: string]: unknown };

declare const valueType: unique symbol;

/** A schema as a value: the Avro JSON together with the TypeScript type of what it describes. Generated into `schemas/`. */
export interface Schema<T> {
  /** Full name of the record. */
  readonly name: string;
  readonly avro: AvroSchema;
  readonly [valueType]?: T;
}

/** Gives an Avro record schema its TypeScript type. `millrace schemas types` writes calls of it. */
export const schema = <T>(avro: { readonly type: 'record'; readonly name: string; readonly namespace?: string; readonly [attribute: string]: unknown }): Schema<T> => ({
  name: avro.namespace === undefined || avro.name.includes('.') ? avro.name : `${avro.namespace}.${avro.name}`,
  avro,
});

/** Where a change came from; the fields of Debezium's `source` block that a pipeline uses. */
export interface ChangeSource {
  /** Commit time in PostgreSQL, microseconds since the epoch (for snapshot rows: the snapshot's time). */
  readonly tsUs: number;
  /** Debezium's text: 'false' for streamed changes, else 'true', 'first', 'last', 'incremental', ... */
  readonly snapshot: string;
  readonly schema: string;
  readonly table: string;
  /** Null for rows of an incremental snapshot. */
  readonly txId: bigint | null;
  readonly lsn: bigint | null;
}

/** Where a change stands in its transaction; the connector sends it under `provide.transaction.metadata=true`. */
export interface ChangeTransaction {
  /** Debezium's `txId:lsn`. */
  readonly id: string;
  /** Place among all changes of the transaction, from 1. */
  readonly totalOrder: number;
  /** Place among the transaction's changes of this table, from 1. */
  readonly dataCollectionOrder: number;
}

/**
 * One Debezium event. `op` is Debezium's own letter: c(reate), u(pdate), d(elete), r(ead by a snapshot), t(runcate).
 * `before` is the old row only under REPLICA IDENTITY FULL: else it is null, or in a delete the key's columns with nulls and zero values around them.
 * An update of the primary key is two events, a `d` of the old key and a `c` of the new one.
 */
export interface Change<Row> {
  readonly op: 'c' | 'u' | 'd' | 'r' | 't';
  readonly before: Row | null;
  readonly after: Row | null;
  readonly source: ChangeSource;
  /** Null unless the connector sends transaction metadata. */
  readonly transaction: ChangeTransaction | null;
}

interface Hint<Text extends string> {
  readonly hint: Text;
}

/** `T` where JSON carries it as it is, a hint that no value has where it does not. */
export type Json<T> = T extends string | number | boolean | null | undefined
  ? T
  : T extends bigint
    ? Hint<'JSON has no bigint: use avro(...), or make it text'>
    : T extends Date | Uint8Array | symbol | ((...args: never) => unknown) | Map<unknown, unknown> | Set<unknown>
      ? Hint<'JSON has no Date, bytes, Map, Set, symbol or function: use avro(...), or convert it'>
      : T extends object ? JsonFields<T> : Hint<'JSON cannot carry every value of this type: name the type, json<T>()'>;

/** `T` with every field as JSON carries it. */
export type JsonFields<T> = { readonly [P in keyof T]: Json<T[P]> };

export interface JsonCodec<T> {
  readonly kind: 'json';
  readonly [valueType]?: T;
}

export interface AvroCodec<T> {
  readonly kind: 'avro';
  /** Its type is the schema's, before `int64` is applied. */
  readonly schema: Schema<unknown>;
  readonly int64: Int64;
  readonly [valueType]?: T;
}

export interface DebeziumCodec<Row> {
  readonly kind: 'debezium';
  readonly schema: Schema<unknown>;
  readonly int64: Int64;
  readonly decimal: DecimalAs;
  readonly time: TimeAs;
  readonly shape: DebeziumShape;
  /** The connector's `unavailable.value.placeholder`. */
  readonly unavailable: string;
  /** Event time of a row, ms since the epoch; without it the Kafka record's timestamp. */
  readonly timestamp: ((row: never) => number) | null;
  readonly [valueType]?: Change<Row>;
}

/**
 * What the connector writes: Debezium's whole envelope, or the row alone as the transform ExtractNewRecordState leaves it. Of a flattened row's deletes there is a
 * tombstone ('flattened': `delete.tombstone.handling.mode` is `tombstone`, the default, or `delete-to-tombstone`) or a row that says `__deleted` ('rewritten': `rewrite`
 * or `rewrite-with-tombstone`).
 */
export type DebeziumShape = 'envelope' | 'flattened' | 'rewritten';

/** How the value of a topic or store is written and read. */
export type Codec<T> = JsonCodec<T> | AvroCodec<T>;

/**
 * UTF-8 JSON. `T` must survive the round trip: a field that is a bigint, a Date or bytes is a compile error that names it.
 * (The parameter is never given: it is how the compiler says what is wrong with `T` as a whole.)
 */
export const json = <T extends JsonFields<T> = never>(..._problem: [T] extends [never] ? [Json<unknown>] : [T] extends [Json<T>] ? [] : [Json<T>]): JsonCodec<T> => ({ kind: 'json' });

export interface AvroOptions<I extends Int64> {
  /** Default 'bigint'. */
  readonly int64?: I;
}

/** Avro in the registry's wire format (byte 0, four bytes of schema id); the schema is registered under `<topic>-value` before the first write. */
export const avro = <T, I extends Int64 = 'bigint'>(schema: Schema<T>, options: AvroOptions<I> = {}): AvroCodec<Read<T, I>> =>
  ({ kind: 'avro', schema, int64: options.int64 ?? 'bigint' });

export interface DebeziumOptions<Row, I extends Int64, D extends DecimalAs = 'string', M extends TimeAs = 'units'> extends ReadChoices<I, D, M> {
  /** Event time of a row, ms since the epoch. Default: the Kafka record's timestamp. */
  readonly timestamp?: (row: Read<Row, I, D, M>) => number;
  /** Default 'envelope'. Flattened rows need `add.fields=op` (with `lsn` for `dedupe`) on the transform: without `__op` an insert cannot be told from an update. */
  readonly shape?: DebeziumShape;
  /**
   * The connector's `unavailable.value.placeholder`, as it stands there (text, or `hex:` and octets). Default: Debezium's, '__debezium_unavailable_value'. With another text than the
   * connector's, what was not sent is taken for data.
   */
  readonly unavailable?: string;
}

/**
 * A topic that Debezium writes with an Avro converter, decoded only as far as it is used. `schema` is the row's. Every value is exact or the record is a dead letter
 * that names the column; docs/TYPES.md has the TypeScript value of each PostgreSQL type.
 */
export const debezium = <Row, I extends Int64 = 'bigint', D extends DecimalAs = 'string', M extends TimeAs = 'units'>(
  schema: Schema<Row>,
  options: DebeziumOptions<Row, I, D, M> = {},
): DebeziumCodec<Read<Row, I, D, M>> => ({
  kind: 'debezium', schema, int64: options.int64 ?? 'bigint', decimal: options.decimal ?? 'string', time: options.time ?? 'units', shape: options.shape ?? 'envelope',
  unavailable: options.unavailable ?? '__debezium_unavailable_value', timestamp: options.timestamp ?? null,
});
