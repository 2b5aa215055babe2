import type { Codec } from '../codecs.ts';
import { Stream, type Operator } from '../stream.ts';
import type { TopicOptions } from '../topics.ts';

/**
 * Writes the stream to a topic, inside the transaction, and goes on from there: what follows reads that topic with a consumer
 * group of its own. The topic is created when it is missing; an Avro schema is registered before the first write. Values must
 * have the codec's type. A value that does not fit after all is a dead letter.
 */
export const through = <T, K>(topic: string, codec: Codec<T>, options: TopicOptions = {}): Operator<T, K, T, K> =>
  (stream) => new Stream({ kind: 'through', parent: stream.node, topic, codec, options: Object.freeze({ ...options }) });
