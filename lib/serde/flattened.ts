/**
 * Rows as the transform ExtractNewRecordState leaves them. What it knows beside the row stands in fields of its own (`add.fields`): `__op`, `__deleted`, `__lsn` or `__source_lsn`, ...
 */
import type { Type } from 'avsc';
import type { Change, ChangeSource, ChangeTransaction, DebeziumCodec } from '../../topology/codecs.ts';
import { compileReader, compileVersion, Mismatch, type Read } from './avro-reader.ts';
import { fieldsOf, kindOf } from './avro-schema.ts';
import { compileSkip } from './avro-skip.ts';
import { OPTIONAL, SOURCE, TEXT } from './change-source.ts';
import { recordReader, type FieldPlan } from './record-reader.ts';

const US_PER_MS = 1_000;

type Marks = { readonly [P in keyof ChangeSource]: ChangeSource[P] | null } & {
  readonly op: Change<unknown>['op'] | null;
  readonly deleted: string | null;
  readonly tsMs: number | null;
  readonly id: string | null;
  readonly totalOrder: number | null;
  readonly dataCollectionOrder: number | null;
};

const NUMBER = { int64: 'number', nulls: 'refuse' } as const;

const MARKS: readonly (readonly [name: keyof Marks, written: readonly string[], type: keyof typeof OPTIONAL, options: Parameters<typeof compileReader>[2]])[] = [
  ['op', ['__op'], 'string', TEXT],
  ['deleted', ['__deleted'], 'string', TEXT],
  ['tsMs', ['__source_ts_ms', '__ts_ms'], 'long', NUMBER],
  ...SOURCE.map(([name, written, type, options]) => [name, [`__source_${written}`, `__${written}`], type, options] as const),
  ['id', ['__transaction_id'], 'string', TEXT],
  ['totalOrder', ['__transaction_total_order'], 'long', NUMBER],
  ['dataCollectionOrder', ['__transaction_data_collection_order'], 'long', NUMBER],
];

const readMarks = (writer: Type): Read => {
  const fields = fieldsOf(writer);
  const plans = MARKS.map(([name, written, type, options]): FieldPlan => {
    const index = fields.findIndex((field) => written.includes(field.name));
    if (index < 0) return { name, index: null, read: () => null };
    return { name, index, read: compileReader(OPTIONAL[type], fields[index]!.type, options, fields[index]!.name) };
  });
  return recordReader(fields.map((field) => compileSkip(field.type)), plans);
};

const transactionOf = ({ id, totalOrder, dataCollectionOrder }: Marks): ChangeTransaction | null =>
  id === null || totalOrder === null ? null : { id, totalOrder, dataCollectionOrder: dataCollectionOrder ?? 0 };

/** Throws `Mismatch`. The event's `op` is null where the connector does not add it. */
export const compileFlattened = (row: Type, codec: DebeziumCodec<unknown>, writer: Type): Read => {
  if (kindOf(writer) !== 'record') throw new Mismatch('', 'is no record: this is not a row');
  const names = fieldsOf(writer).map(({ name }) => name);
  if (['before', 'after', 'source', 'op'].every((name) => names.includes(name))) throw new Mismatch('', "is a whole Debezium envelope: leave out shape: 'flattened'");
  const choices = { int64: codec.int64, decimal: codec.decimal, time: codec.time };
  const readRow = compileVersion(row, writer, { ...choices, nulls: 'refuse' });
  const readDeleted = compileReader(row, writer, { ...choices, nulls: 'keep' });
  const read = readMarks(writer);
  return (cursor) => {
    const start = cursor.at;
    const marks = read(cursor) as Marks;
    cursor.back(start);
    const deleted = marks.deleted === 'true' || marks.op === 'd';
    const image = (deleted ? readDeleted : readRow)(cursor);
    const { tsUs, tsMs, snapshot, schema, table, txId, lsn } = marks;
    return {
      op: deleted ? 'd' : marks.op,
      before: deleted ? image : null,
      after: deleted ? null : image,
      source: { tsUs: tsUs ?? (tsMs ?? 0) * US_PER_MS, snapshot, schema: schema ?? '', table: table ?? '', txId, lsn },
      transaction: transactionOf(marks),
    };
  };
};

/** The change that a flattened topic's tombstone is. */
export const tombstoneChange = (): Change<unknown> => ({
  op: 'd', before: null, after: null, source: { tsUs: 0, snapshot: 'false', schema: '', table: '', txId: null, lsn: null }, transaction: null,
});
