/** The `avro()` codec. */
import type { Type } from 'avsc';
import type { AvroCodec } from '../../topology/codecs.ts';
import { ConfigurationError, DeadLetterError, messageOf, StopError } from '../core/errors.ts';
import { compileReader } from './avro-reader.ts';
import { parseReader } from './avro-schema.ts';
import { parseForWriting } from './avro-types.ts';
import type { Schemas } from './schemas.ts';
import { NO_VALUE, type NoValue, type RecordBytes, type ValueDecoder, type ValueEncoder } from './serde.ts';
import { HEADER_BYTES } from './wire.ts';
import { valuesOf, WireDecoder } from './wire-decoder.ts';

/** The topology's schema, parsed. Throws `ConfigurationError`. */
export const ownType = (codec: { readonly schema: { readonly name: string; readonly avro: AvroCodec<unknown>['schema']['avro'] } }): Type => {
  try {
    return parseReader(codec.schema.avro);
  } catch (cause) {
    throw new ConfigurationError([`schema ${codec.schema.name}: ${messageOf(cause)}`], { cause });
  }
};

export class AvroDecoder implements ValueDecoder<unknown> {
  readonly #wire: WireDecoder;

  constructor(codec: AvroCodec<unknown>, schemas: Schemas) {
    const reader = ownType(codec);
    this.#wire = new WireDecoder(schemas, 'value', (writer) => compileReader(reader, writer, { int64: codec.int64, nulls: 'refuse' }));
  }

  prepare(batch: RecordBytes): Promise<void> | undefined {
    return this.#wire.prepare(batch.count, valuesOf(batch));
  }

  decode(bytes: Buffer | null): unknown | NoValue {
    return bytes === null ? NO_VALUE : this.#wire.decode(bytes);
  }
}

const INITIAL_BYTES = 4096;

/** Writes into one buffer that grows to the largest value seen; what is handed out is a copy. */
export class AvroEncoder implements ValueEncoder<unknown> {
  readonly #codec: AvroCodec<unknown>;
  readonly #subject: string;
  readonly #schemas: Schemas;
  readonly #type: Type;
  #scratch = Buffer.alloc(INITIAL_BYTES);
  #ready: Promise<void> | null = null;
  #prepared = false;

  constructor(codec: AvroCodec<unknown>, topic: string, schemas: Schemas) {
    this.#codec = codec;
    this.#subject = `${topic}-value`;
    this.#schemas = schemas;
    this.#type = parseForWriting(codec.schema.avro, codec.schema.name, codec.int64);
  }

  prepare(): Promise<void> {
    this.#ready ??= this.#register().catch((thrown: unknown) => {
      this.#ready = null;
      throw thrown;
    });
    return this.#ready;
  }

  async #register(): Promise<void> {
    const id = await this.#schemas.register(this.#subject, this.#codec.schema.avro);
    this.#scratch.writeUInt8(0, 0);
    this.#scratch.writeUInt32BE(id, 1);
    this.#prepared = true;
  }

  encode(value: unknown): Buffer {
    if (!this.#prepared) throw new StopError(`writing to ${this.#subject} before its schema was registered`);
    let end: number;
    try {
      end = this.#type.encode(value, this.#scratch, HEADER_BYTES);
      if (end < 0) {
        const grown = Buffer.alloc(2 * (this.#scratch.length - end));
        this.#scratch.copy(grown, 0, 0, HEADER_BYTES);
        this.#scratch = grown;
        end = this.#type.encode(value, grown, HEADER_BYTES);
      }
    } catch (cause) {
      throw this.#misfit(value, cause);
    }
    return Buffer.from(this.#scratch.subarray(0, end));
  }

  #misfit(value: unknown, cause: unknown): DeadLetterError {
    const problems: string[] = [];
    this.#type.isValid(value, {
      errorHook: (path, part: unknown, type: Type) => {
        problems.push(`${path.length === 0 ? 'value' : path.join('.')}: ${describe(part)} is no ${type.toString()}`);
      },
    });
    return new DeadLetterError(`the value does not fit schema ${this.#codec.schema.name}, ${problems[0] ?? messageOf(cause)}`, { cause });
  }
}

/** The kind of a value, not the value: errors are logged, and data is not. */
const describe = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Uint8Array) return 'bytes';
  return typeof value === 'object' ? 'an object' : value === undefined ? 'undefined' : `a ${typeof value}`;
};
