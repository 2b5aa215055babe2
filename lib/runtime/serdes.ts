import type { SourceCodec } from '../../topology/node.ts';
import type { EntryPlan, OutputPlan } from '../plan/types.ts';
import { decodeKey, internalDecoder, internalEncoder, type KeyDecoder, type Serde, type ValueDecoder, type ValueEncoder } from '../serde/index.ts';

const internalKeys: KeyDecoder = { prepare: () => undefined, decode: decodeKey };

/** Decoders and encoders by what the plan says; one for a worker, because they share what is known of the registry. */
export interface Serdes {
  entryValues(entry: EntryPlan): ValueDecoder<unknown>;
  entryKeys(entry: EntryPlan): KeyDecoder;
  tableValues(codec: SourceCodec): ValueDecoder<unknown>;
  tableKeys(codec: SourceCodec): KeyDecoder;
  encoder(codec: OutputPlan['codec'], topic: string): ValueEncoder<unknown>;
  decoder(codec: OutputPlan['codec']): ValueDecoder<unknown>;
}

export const serdesOf = (serde: Serde): Serdes => {
  // One per topic: the encoder that writes must be the one whose schema was registered.
  const encoders = new Map<string, ValueEncoder<unknown>>();
  const encoder: Serdes['encoder'] = (codec, topic) => {
    if (codec === 'internal') return internalEncoder;
    const known = encoders.get(topic) ?? serde.valueEncoder(codec, topic);
    encoders.set(topic, known);
    return known;
  };
  return {
    entryValues: (entry) => (entry.codec === 'internal' ? internalDecoder : serde.valueDecoder(entry.codec)),
    entryKeys: (entry) => (entry.keys === 'internal' || entry.codec === 'internal' ? internalKeys : serde.keyDecoder(entry.codec)),
    tableValues: (codec) => serde.valueDecoder(codec, 'keep'),
    tableKeys: (codec) => serde.keyDecoder(codec),
    encoder,
    decoder: (codec) => (codec === 'internal' ? internalDecoder : serde.valueDecoder(codec)),
  };
};
