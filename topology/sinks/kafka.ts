import type { Codec } from '../codecs.ts';
import type { Headers, Meta } from '../meta.ts';
import type { TopicOptions } from '../topics.ts';
import type { KafkaSink } from '../sinks.ts';

export interface KafkaSinkOptions<V, K> extends TopicOptions {
  /** Headers of the record that is written. Default: those it was read with. */
  readonly headers?: (value: V, meta: Meta<K>) => Headers;
}

/** Writes to a topic inside the task's transaction: exactly once. */
export const kafka = <V, K>(topic: string, codec: Codec<V>, options: KafkaSinkOptions<V, K> = {}): KafkaSink<V, K> => {
  const { headers, ...topicOptions } = options;
  return { kind: 'kafka', topic, codec, headers: headers ?? null, options: topicOptions };
};
