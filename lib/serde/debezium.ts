/**
 * Debezium's change events. Of the envelope only `op`, `before`, `after` (reduced to the columns of the topology's schema) and six fields of
 * `source` are read; the rest is passed over.
 *
 * A tombstone is `NO_VALUE`. Everything that is no change of a row is a dead letter: heartbeats, transaction markers and logical
 * messages (op `m`) have topics of their own, so one of them here means that the topology reads a wrong topic.
 */
import type { Type } from 'avsc';
import type { Change, ChangeSource, DebeziumCodec } from '../../topology/codecs.ts';
import { DeadLetterError } from '../core/errors.ts';
import { ownType } from './avro.ts';
import { compileReader, Mismatch, type Read, type ReaderOptions } from './avro-reader.ts';
import { branchesOf, connectNameOf, fieldsOf, kindOf, parseOwn } from './avro-schema.ts';
import { compileSkip } from './avro-skip.ts';
import { recordReader, type FieldPlan } from './record-reader.ts';
import type { Schemas } from './schemas.ts';
import { NO_VALUE, type NoValue, type RecordBytes, type ValueDecoder } from './serde.ts';
import { isUnavailable } from './unavailable.ts';
import { valuesOf, WireDecoder } from './wire-decoder.ts';

/** What a decoder does with an update that leaves out an unchanged large value: `refuse` it as a dead letter, or `keep` the placeholder for `mergeUnavailable`. */
export type Unavailable = 'refuse' | 'keep';

type Row = Record<string, unknown>;
type Event = { op: Change<Row>['op']; before: Row | null; after: Row | null; source: { -readonly [P in keyof ChangeSource]: ChangeSource[P] | null } };

/** Columns that PostgreSQL never stores out of line, so that no placeholder can stand in them. */
const NEVER_LARGE = /^io\.debezium\.(data\.(Uuid|Enum)|time\.)/;

const holdsLarge = (type: Type): boolean => {
  if (kindOf(type) === 'union') return branchesOf(type).some(holdsLarge);
  return ['string', 'bytes', 'array', 'map'].includes(kindOf(type)) && !NEVER_LARGE.test(connectNameOf(type) ?? '');
};

const SOURCE_OPTIONS: ReaderOptions = { int64: 'bigint', nulls: 'refuse', texts: 'repeating' };

/** Field of `source` -> the writer's name for it, and how it reads. Null where an incremental snapshot or an old Debezium has nothing. */
const SOURCE: readonly (readonly [name: keyof ChangeSource, written: string, type: string, options: ReaderOptions])[] = [
  ['tsUs', 'ts_us', 'long', { int64: 'number', nulls: 'refuse' }],
  ['snapshot', 'snapshot', 'string', SOURCE_OPTIONS],
  ['schema', 'schema', 'string', SOURCE_OPTIONS],
  ['table', 'table', 'string', SOURCE_OPTIONS],
  ['txId', 'txId', 'long', SOURCE_OPTIONS],
  ['lsn', 'lsn', 'long', SOURCE_OPTIONS],
];

const sourceTypes = new Map(['long', 'string'].map((name) => [name, parseOwn(['null', name])]));

const readSource = (writer: Type): Read => {
  if (kindOf(writer) !== 'record') throw new Mismatch('source', 'is no record: this is not a Debezium change event');
  const fields = fieldsOf(writer);
  const plans = SOURCE.map(([name, written, type, options]): FieldPlan => {
    const index = fields.findIndex((field) => field.name === written);
    if (index < 0) return { name, index: null, read: () => null };
    return { name, index, read: compileReader(sourceTypes.get(type)!, fields[index]!.type, options, `source.${written}`) };
  });
  return recordReader(fields.map((field) => compileSkip(field.type)), plans);
};

/** The old row is filled up with nulls and zero values unless REPLICA IDENTITY is FULL, so nulls are no errors there. */
const compileEnvelope = (row: Type, codec: DebeziumCodec<unknown>, writer: Type): Read => {
  const fields = kindOf(writer) === 'record' ? fieldsOf(writer) : [];
  const plan = (name: string, compile: (type: Type) => Read): FieldPlan => {
    const index = fields.findIndex((field) => field.name === name);
    if (index < 0) throw new Mismatch(name, 'there is no such field: this is not a Debezium change event (flattened rows are read with avro(...))');
    return { name, index, read: compile(fields[index]!.type) };
  };
  const rowOrNull = (name: string, nulls: ReaderOptions['nulls']) => (type: Type): Read => {
    const branches = kindOf(type) === 'union' ? branchesOf(type) : [type];
    const record = branches.find((branch) => kindOf(branch) === 'record');
    if (record === undefined) throw new Mismatch(name, 'is no record: this is not a Debezium change event');
    const read = compileReader(row, record, { int64: codec.int64, nulls });
    return nullOr(branches, record, read, name);
  };
  const plans = [
    plan('op', (type) => compileReader(sourceTypes.get('string')!, type, SOURCE_OPTIONS, 'op')),
    plan('before', rowOrNull('before', 'keep')),
    plan('after', rowOrNull('after', 'refuse')),
    plan('source', readSource),
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
  readonly #large: readonly string[];

  constructor(codec: DebeziumCodec<unknown>, schemas: Schemas, unavailable: Unavailable) {
    const row = ownType(codec);
    this.#wire = new WireDecoder(schemas, 'value', (writer) => compileEnvelope(row, codec, writer));
    this.#large = unavailable === 'keep' ? [] : fieldsOf(row).filter((field) => holdsLarge(field.type)).map((field) => field.name);
  }

  prepare(batch: RecordBytes): Promise<void> | undefined {
    return this.#wire.prepare(batch.count, valuesOf(batch));
  }

  decode(bytes: Buffer | null): Change<unknown> | NoValue {
    if (bytes === null) return NO_VALUE;
    const event = this.#wire.decode(bytes) as Event;
    switch (event.op) {
      case 'c':
      case 'u':
        this.#refuseUnavailable(event);
        break;
      case 'r':
      case 'd':
      case 't':
        break;
      default:
        throw new DeadLetterError(`op ${JSON.stringify(event.op)} is no change of a row`);
    }
    event.source.snapshot ??= 'false';
    return event as Change<unknown>;
  }

  /** Updates carry the placeholder, and so does the `c` that Debezium makes of an update that changes the primary key. Snapshots have whole rows. */
  #refuseUnavailable({ after }: Event): void {
    if (after === null) return;
    for (const name of this.#large) {
      if (isUnavailable(after[name])) {
        throw new DeadLetterError(`column ${name} was not sent by Debezium (unchanged TOAST)`, { hint: 'Set REPLICA IDENTITY FULL on the table, or leave the column out of the schema' });
      }
    }
  }
}
