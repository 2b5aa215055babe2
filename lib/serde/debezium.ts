/**
 * Debezium's change events. Of the envelope only `op`, `before`, `after` (reduced to the columns of the topology's schema), six fields of `source` and the transaction block are read; the rest is
 * passed over.
 *
 * A tombstone is `NO_VALUE`. Everything that is no change of a row is a dead letter that says what it is: heartbeats, transaction markers and logical
 * messages (op `m`) have topics of their own, so one of them here means that the topology reads a wrong topic.
 */
import type { Type } from 'avsc';
import type { Change, ChangeSource, DebeziumCodec, DebeziumShape } from '../../topology/codecs.ts';
import { DeadLetterError } from '../core/errors.ts';
import { ownType } from './avro.ts';
import { compileReader, compileVersion, Mismatch, type Read, type ReaderOptions } from './avro-reader.ts';
import { branchesOf, connectNameOf, fieldsOf, kindOf } from './avro-schema.ts';
import { compileSkip } from './avro-skip.ts';
import { OPTIONAL, readSource, readTransaction, TEXT } from './change-source.ts';
import { compileFlattened, tombstoneChange } from './flattened.ts';
import { recordReader, type FieldPlan } from './record-reader.ts';
import type { Schemas } from './schemas.ts';
import { NO_VALUE, type NoValue, type RecordBytes, type ValueDecoder } from './serde.ts';
import { unavailability, type IsUnavailable } from './unavailable.ts';
import { valuesOf, WireDecoder } from './wire-decoder.ts';

/** What a decoder does with an update that leaves out an unchanged large value: `refuse` it as a dead letter, or `keep` the placeholder for `mergeUnavailable`. */
export type Unavailable = 'refuse' | 'keep';

type Row = Record<string, unknown>;
type Event = {
  readonly op: Change<Row>['op'] | null;
  readonly after: Row | null;
  readonly source: { -readonly [P in keyof ChangeSource]: ChangeSource[P] | null };
};

/** Columns that PostgreSQL never stores out of line, so that no placeholder can stand in them. */
const NEVER_LARGE = /^io\.debezium\.(data\.(Uuid|Enum)|time\.)/;

const holdsLarge = (type: Type): boolean => {
  if (kindOf(type) === 'union') return branchesOf(type).some(holdsLarge);
  return ['string', 'bytes', 'array', 'map'].includes(kindOf(type)) && !NEVER_LARGE.test(connectNameOf(type) ?? '');
};

/** What is on a topic beside changes of rows, by the name of its schema. */
const OTHERS: readonly (readonly [name: RegExp, what: string])[] = [
  [/\.Heartbeat$/, 'a heartbeat of the connector'],
  [/\.TransactionMetadataValue$/, "a marker of a transaction's begin or end"],
  [/\.SchemaChangeValue$/, 'a change of the schema'],
];

const noChange = (writer: Type): string => {
  const other = OTHERS.find(([name]) => name.test(writer.name ?? '') || name.test(connectNameOf(writer) ?? ''));
  return other === undefined ? "there is no such field: this is not a Debezium change event (a flattened row is read with shape: 'flattened')" : `this is ${other[1]}, not a change of a row`;
};

/** The old row is filled up with nulls and zero values unless REPLICA IDENTITY is FULL, so nulls are no errors there. */
const compileEnvelope = (row: Type, codec: DebeziumCodec<unknown>, writer: Type): Read => {
  const fields = kindOf(writer) === 'record' ? fieldsOf(writer) : [];
  const plan = (name: string, compile: (type: Type) => Read): FieldPlan => {
    const index = fields.findIndex((field) => field.name === name);
    if (index < 0) throw new Mismatch(name, noChange(writer));
    return { name, index, read: compile(fields[index]!.type) };
  };
  const rowOrNull = (name: string, nulls: ReaderOptions['nulls']) => (type: Type): Read => {
    const branches = kindOf(type) === 'union' ? branchesOf(type) : [type];
    const record = branches.find((branch) => kindOf(branch) === 'record');
    if (record === undefined) throw new Mismatch(name, 'is no record: this is not a Debezium change event');
    const read = compileVersion(row, record, { int64: codec.int64, decimal: codec.decimal, time: codec.time, nulls });
    return nullOr(branches, record, read, name);
  };
  const plans = [
    plan('op', (type) => compileReader(OPTIONAL.string, type, TEXT, 'op')),
    plan('before', rowOrNull('before', 'keep')),
    plan('after', rowOrNull('after', 'refuse')),
    plan('source', readSource),
    fields.some((field) => field.name === 'transaction') ? plan('transaction', readTransaction) : { name: 'transaction', index: null, read: () => null },
  ];
  return recordReader(fields.map((field) => compileSkip(field.type)), plans);
};

const nullOr = (branches: readonly Type[], record: Type, read: Read, name: string): Read => {
  if (branches.length === 1) return read;
  const nullAt = branches.findIndex((branch) => kindOf(branch) === 'null');
  const rowAt = branches.indexOf(record);
  return (cursor) => {
    const index = cursor.long();
    if (index === nullAt) return null;
    if (index === rowAt) return read(cursor);
    throw new Mismatch(name, `branch ${index} of the union is no row`);
  };
};

export class DebeziumDecoder implements ValueDecoder<Change<unknown>> {
  readonly #wire: WireDecoder;
  readonly #shape: DebeziumShape;
  readonly #unavailable: Unavailable;
  readonly #large: readonly string[];
  readonly #isUnavailable: IsUnavailable;

  constructor(codec: DebeziumCodec<unknown>, schemas: Schemas, unavailable: Unavailable) {
    const row = ownType(codec);
    const compile = codec.shape === 'envelope' ? compileEnvelope : compileFlattened;
    this.#wire = new WireDecoder(schemas, 'value', (writer) => compile(row, codec, writer));
    this.#shape = codec.shape;
    this.#unavailable = unavailable;
    this.#isUnavailable = unavailability(codec.unavailable);
    this.#large = fieldsOf(row).filter((field) => holdsLarge(field.type)).map((field) => field.name);
  }

  prepare(batch: RecordBytes): Promise<void> | undefined {
    return this.#wire.prepare(batch.count, valuesOf(batch));
  }

  decode(bytes: Buffer | null): Change<unknown> | NoValue {
    if (bytes === null) return this.#shape === 'flattened' ? tombstoneChange() : NO_VALUE;
    const event = this.#wire.decode(bytes) as Event;
    switch (event.op) {
      case 'c':
      case 'u':
        if (this.#unavailable === 'refuse') this.#refuseUnavailable(event);
        break;
      case 'r':
      case 'd':
      case 't':
        break;
      default:
        return this.#withoutOp(event);
    }
    event.source.snapshot ??= 'false';
    event.source.tsUs ??= 0;
    return event as Change<unknown>;
  }

  /** For a table it makes no difference whether a row is new. */
  #withoutOp(event: Event): Change<unknown> {
    if (event.op !== null) throw new DeadLetterError(`op ${JSON.stringify(event.op)} is no change of a row`);
    if (this.#unavailable === 'refuse') throw new DeadLetterError('the row does not say whether it was inserted or updated', { hint: 'Set add.fields=op on the transform ExtractNewRecordState' });
    event.source.snapshot ??= 'false';
    return { ...event, op: 'u' } as Change<unknown>;
  }

  /** Updates carry the placeholder, and so does the `c` that Debezium makes of an update that changes the primary key. Snapshots have whole rows. */
  #refuseUnavailable({ after }: Event): void {
    if (after === null) return;
    for (const name of this.#large) {
      if (this.#isUnavailable(after[name])) {
        throw new DeadLetterError(`column ${name} was not sent by Debezium (unchanged TOAST)`, { hint: 'Set REPLICA IDENTITY FULL on the table, or leave the column out of the schema' });
      }
    }
  }
}
