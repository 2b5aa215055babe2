/** The `avro()` codec. */
import type { Type } from 'avsc';
import type { AvroCodec } from '../../topology/codecs.ts';
import { ConfigurationError, DeadLetterError, messageOf, StopError } from '../core/errors.ts';
import { compileVersion } from './avro-reader.ts';
import { parseOwn } from './avro-schema.ts';
import { ambiguities, compileWriter, Misfit, type Write } from './avro-writer.ts';
import { Output } from './output.ts';
import type { Schemas } from './schemas.ts';
import { NO_VALUE, type NoValue, type RecordBytes, type ValueDecoder, type ValueEncoder } from './serde.ts';
import { valuesOf, WireDecoder } from './wire-decoder.ts';

/** The topology's schema, parsed. Throws `ConfigurationError`. */
export const ownType = (codec: { readonly schema: { readonly name: string; readonly avro: AvroCodec<unknown>['schema']['avro'] } }): Type => {
  try {
    return parseOwn(codec.schema.avro);
  } catch (cause) {
    throw new ConfigurationError([`schema ${codec.schema.name}: ${messageOf(cause)}`], { cause });
  }
};

export class AvroDecoder implements ValueDecoder<unknown> {
  readonly #wire: WireDecoder;

  constructor(codec: AvroCodec<unknown>, schemas: Schemas) {
    const reader = ownType(codec);
    this.#wire = new WireDecoder(schemas, 'value', (writer) => compileVersion(reader, writer, { int64: codec.int64, nulls: 'refuse' }));
  }

  prepare(batch: RecordBytes): Promise<void> | undefined {
    return this.#wire.prepare(batch.count, valuesOf(batch));
  }

  decode(bytes: Buffer | null): unknown | NoValue {
    return bytes === null ? NO_VALUE : this.#wire.decode(bytes);
  }
}

export class AvroEncoder implements ValueEncoder<unknown> {
  readonly #codec: AvroCodec<unknown>;
  readonly #subject: string;
  readonly #schemas: Schemas;
  readonly #write: Write;
  readonly #output = new Output();
  #ready: Promise<void> | null = null;
  #id: number | null = null;

  constructor(codec: AvroCodec<unknown>, topic: string, schemas: Schemas) {
    this.#codec = codec;
    this.#subject = `${topic}-value`;
    this.#schemas = schemas;
    const type = ownType(codec);
    const problems = ambiguities(type, codec.int64);
    if (problems.length > 0) throw new ConfigurationError(problems.map((problem) => `schema ${codec.schema.name}, ${problem}`));
    this.#write = compileWriter(type, codec.int64);
    this.#id = schemas.registerNow?.(this.#subject, codec.schema.avro) ?? null;
  }

  prepare(): Promise<void> {
    this.#ready ??= this.#register().catch((thrown: unknown) => {
      this.#ready = null;
      throw thrown;
    });
    return this.#ready;
  }

  async #register(): Promise<void> {
    this.#id = await this.#schemas.register(this.#subject, this.#codec.schema.avro);
  }

  encode(value: unknown): Buffer {
    if (this.#id === null) throw new StopError(`writing to ${this.#subject} before its schema was registered`);
    const output = this.#output;
    output.start();
    output.byte(0);
    output.uint32(this.#id);
    try {
      this.#write(output, value);
    } catch (thrown) {
      if (thrown instanceof Misfit) throw new DeadLetterError(`the value does not fit schema ${this.#codec.schema.name}, ${thrown.message}`, { cause: thrown });
      throw thrown;
    }
    return output.take();
  }
}
