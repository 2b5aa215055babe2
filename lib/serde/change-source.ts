/** Where a change came from: Debezium's `source` block and transaction block, or the fields that ExtractNewRecordState adds to a row for them. */
import type { Type } from 'avsc';
import type { ChangeSource, ChangeTransaction } from '../../topology/codecs.ts';
import { compileReader, Mismatch, type Read, type ReaderOptions } from './avro-reader.ts';
import { branchesOf, fieldsOf, kindOf, parseOwn } from './avro-schema.ts';
import { compileSkip } from './avro-skip.ts';
import { recordReader, type FieldPlan } from './record-reader.ts';

export const TEXT: ReaderOptions = { int64: 'bigint', nulls: 'refuse', texts: 'repeating' };
const NUMBER: ReaderOptions = { int64: 'number', nulls: 'refuse' };

export const OPTIONAL = { long: parseOwn(['null', 'long']), string: parseOwn(['null', 'string']) } as const;

/** A field of `source`: the writer's name for it and how it reads. Null where an incremental snapshot or an old Debezium has nothing. */
export const SOURCE: readonly (readonly [name: keyof ChangeSource, written: string, type: keyof typeof OPTIONAL, options: ReaderOptions])[] = [
  ['tsUs', 'ts_us', 'long', NUMBER],
  ['snapshot', 'snapshot', 'string', TEXT],
  ['schema', 'schema', 'string', TEXT],
  ['table', 'table', 'string', TEXT],
  ['txId', 'txId', 'long', TEXT],
  ['lsn', 'lsn', 'long', TEXT],
];

const TRANSACTION: readonly (readonly [name: keyof ChangeTransaction, written: string, type: keyof typeof OPTIONAL, options: ReaderOptions])[] = [
  ['id', 'id', 'string', TEXT],
  ['totalOrder', 'total_order', 'long', NUMBER],
  ['dataCollectionOrder', 'data_collection_order', 'long', NUMBER],
];

export const readSource = (writer: Type): Read => {
  if (kindOf(writer) !== 'record') throw new Mismatch('source', 'is no record: this is not a Debezium change event');
  return readFields(writer, SOURCE, 'source');
};

const readFields = (writer: Type, wanted: readonly (readonly [name: string, written: string, type: keyof typeof OPTIONAL, options: ReaderOptions])[], path: string): Read => {
  const fields = fieldsOf(writer);
  const plans = wanted.map(([name, written, type, options]): FieldPlan => {
    const index = fields.findIndex((field) => field.name === written);
    if (index < 0) return { name, index: null, read: () => null };
    return { name, index, read: compileReader(OPTIONAL[type], fields[index]!.type, options, `${path}.${written}`) };
  });
  return recordReader(fields.map((field) => compileSkip(field.type)), plans);
};

/** Null where the connector sends no transaction metadata. */
export const readTransaction = (writer: Type): Read => {
  const branches = kindOf(writer) === 'union' ? branchesOf(writer) : [writer];
  const at = branches.findIndex((branch) => kindOf(branch) === 'record');
  if (at < 0 || branches.some((branch, i) => i !== at && kindOf(branch) !== 'null')) throw new Mismatch('transaction', 'is no record: this is not a Debezium change event');
  const read = readFields(branches[at]!, TRANSACTION, 'transaction');
  return branches.length === 1 ? read : (cursor) => (cursor.long() === at ? read(cursor) : null);
};
