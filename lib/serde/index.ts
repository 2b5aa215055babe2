/** Decoders and encoders for the codecs of a topology. */
import type { Codec } from '../../topology/codecs.ts';
import type { SourceCodec } from '../../topology/node.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import { AvroDecoder, AvroEncoder } from './avro.ts';
import { ConnectKeyDecoder } from './connect-key.ts';
import { DebeziumDecoder, type Unavailable } from './debezium.ts';
import { jsonDecoder, jsonEncoder } from './json.ts';
import { RegistrySchemas, type RegistryOptions } from './registry.ts';
import { LocalSchemas, type Schemas } from './schemas.ts';
import type { KeyDecoder, ValueDecoder, ValueEncoder } from './serde.ts';

export { decodeKey, encodeKey, keyText } from './key.ts';
export { decodeInternal, encodeInternal, internalCodec, internalDecoder, internalEncoder } from './internal.ts';
export { lookupKey } from './lookup.ts';
export { foreignKey, isKeyOf, KEY_HINT } from './message-key.ts';
export { isUnavailable, mergeUnavailable, PLACEHOLDER, requiredColumns, unavailability, type IsUnavailable } from './unavailable.ts';
export { NO_VALUE, UnreadableSchemaError, type KeyDecoder, type NoValue, type RecordBytes, type ValueDecoder, type ValueEncoder } from './serde.ts';
export type { Unavailable } from './debezium.ts';
export { LocalSchemas, type Schemas } from './schemas.ts';

export interface SerdeOptions extends Omit<RegistryOptions, 'url' | 'clock' | 'log'> {
  /** Base URL of the registry's Confluent-compatible API; null keeps schemas in this process (tests, `drive`). */
  readonly registryUrl: string | null;
  readonly clock: Clock;
  readonly log: Logger;
}

export interface Serde {
  /**
   * Decoder of a source's values. A `debezium` codec gives `Change<Row>`, a tombstone `NO_VALUE`. `unavailable` says what happens to an update in which Debezium left
   * out an unchanged large column: by default it is a dead letter; tables take 'keep' and call `mergeUnavailable(after, previousRow)` before they store the row.
   * Throws `ConfigurationError` when the codec's schema is not valid.
   */
  valueDecoder(codec: SourceCodec, unavailable?: Unavailable): ValueDecoder<unknown>;
  /** Decoder of a source topic's keys: Avro or text, as the record says itself. Keys on internal topics are read by `decodeKey`. */
  keyDecoder(codec: SourceCodec): KeyDecoder;
  /** Encoder of values for a topic. Throws `ConfigurationError` when the codec's schema is not valid or cannot be written. */
  valueEncoder(codec: Codec<unknown>, topic: string): ValueEncoder<unknown>;
}

const connect = (options: SerdeOptions): Schemas => {
  const { registryUrl, ...rest } = options;
  return registryUrl === null ? new LocalSchemas() : new RegistrySchemas({ ...rest, url: registryUrl });
};

/** One serde for a worker: its decoders and encoders share what is known of the registry. `schemas` replaces the registry, for tests that write foreign schemas. */
export const createSerde = (options: SerdeOptions, schemas: Schemas = connect(options)): Serde => ({
  valueDecoder(codec, unavailable = 'refuse') {
    switch (codec.kind) {
      case 'json':
        return jsonDecoder;
      case 'avro':
        return new AvroDecoder(codec, schemas);
      case 'debezium':
        return new DebeziumDecoder(codec, schemas, unavailable);
    }
  },
  keyDecoder: (codec) => new ConnectKeyDecoder(schemas, codec.kind === 'json' ? { int64: 'bigint' } : codec),
  valueEncoder: (codec, topic) => (codec.kind === 'json' ? jsonEncoder : new AvroEncoder(codec, topic, schemas)),
});
