/**
 * Keys as Kafka Connect writes them: Avro (a record of the primary key's columns, or a bare value) or text (StringConverter).
 * Byte 0 and at least five bytes: Avro. Anything else is text.
 */
import { isUtf8 } from 'node:buffer';
import type { Type } from 'avsc';
import { DeadLetterError } from '../core/errors.ts';
import { compileReader, type Read, type ReaderOptions } from './avro-reader.ts';
import { fieldsOf, kindOf } from './avro-schema.ts';
import type { Schemas } from './schemas.ts';
import type { KeyDecoder, RecordBytes } from './serde.ts';
import { schemaIdOf } from './wire.ts';
import { keysOf, WireDecoder } from './wire-decoder.ts';

/** How a column reads in the row is how it reads in the key. */
export type KeyChoices = Pick<ReaderOptions, 'int64' | 'decimal' | 'time'>;

const compileKey = (writer: Type, choices: KeyChoices): Read => {
  const read = compileReader(writer, writer, { ...choices, nulls: 'refuse' });
  if (kindOf(writer) !== 'record') return read;
  const names = fieldsOf(writer).map((field) => field.name);
  if (names.length !== 1) return (cursor) => Object.values(read(cursor) as Record<string, unknown>);
  const name = names[0]!;
  return (cursor) => (read(cursor) as Record<string, unknown>)[name];
};

export class ConnectKeyDecoder implements KeyDecoder {
  readonly #wire: WireDecoder;

  constructor(schemas: Schemas, choices: KeyChoices) {
    this.#wire = new WireDecoder(schemas, 'key', (writer) => compileKey(writer, choices));
  }

  prepare(batch: RecordBytes): Promise<void> | undefined {
    return this.#wire.prepare(batch.count, keysOf(batch));
  }

  decode(bytes: Buffer | null): unknown {
    if (bytes === null) return null;
    if (schemaIdOf(bytes) >= 0) return this.#wire.decode(bytes);
    if (!isUtf8(bytes)) throw new DeadLetterError('the key is neither Avro with a schema id nor UTF-8 text');
    return bytes.toString('utf8');
  }
}
