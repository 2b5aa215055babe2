/** Requests about topics. */
import type { TopicSpec } from '../port.ts';
import { byTopic, type Call, type PartitionError } from './requests.ts';
import { RequestWriter, type ResponseReader } from './wire.ts';

/** A config resource's kind. */
const TOPIC_RESOURCE = 2;

export const createTopics = (
  specs: readonly TopicSpec[],
  timeoutMs: number,
): Call<readonly { readonly topic: string; readonly error: number; readonly message: string | null }[]> => ({
  name: 'CreateTopics',
  apiKey: 19,
  apiVersion: 2,
  lane: 'control',
  waitMs: timeoutMs,
  body: new RequestWriter()
    .array(specs, (spec, w) =>
      w
        .string(spec.topic)
        .int32(spec.partitions)
        .int16(spec.replicationFactor)
        .array([], () => undefined)
        .array(Object.entries(spec.config), ([name, value], v) => v.string(name).string(value)),
    )
    .int32(timeoutMs)
    .bool(false)
    .done(),
  decode: (reader) => {
    reader.int32();
    return reader.array((r) => ({ topic: r.string(), error: r.int16(), message: r.nullableString() }));
  },
});

const NO_ID = Buffer.alloc(16);

/** Ids of topics, by name; they come with the "flexible" versions of the metadata only. */
export const topicIds = (topics: readonly string[]): Call<ReadonlyMap<string, string>> => ({
  name: 'Metadata',
  apiKey: 3,
  apiVersion: 12,
  lane: 'control',
  body: new RequestWriter()
    .noTags()
    .compactArray(topics, (topic, w) => w.raw(NO_ID).compactString(topic).noTags())
    .bool(false)
    .bool(false)
    .noTags()
    .done(),
  decode: (reader) => {
    reader.skipTags();
    reader.int32();
    reader.compactArray((r) => {
      r.int32();
      r.compactString();
      r.int32();
      r.compactNullableString();
      r.skipTags();
    });
    reader.compactNullableString();
    reader.int32();
    const found = reader.compactArray((r) => {
      const error = r.int16();
      const topic = r.compactString();
      const id = r.raw(NO_ID.length).toString('base64url');
      r.int8();
      r.compactArray(skipPartition);
      r.int32();
      r.skipTags();
      return { error, topic, id };
    });
    return new Map(found.flatMap(({ error, topic, id }) => (error === 0 ? [[topic, id] as const] : [])));
  },
});

const skipPartition = (reader: ResponseReader): void => {
  reader.int16();
  reader.int32();
  reader.int32();
  reader.int32();
  for (let list = 0; list < 3; list += 1) reader.compactArray((r) => r.int32());
  reader.skipTags();
};

export const deleteTopics = (topics: readonly string[], timeoutMs: number): Call<readonly { readonly topic: string; readonly error: number }[]> => ({
  name: 'DeleteTopics',
  apiKey: 20,
  apiVersion: 3,
  lane: 'control',
  waitMs: timeoutMs,
  body: new RequestWriter().array(topics, (topic, w) => w.string(topic)).int32(timeoutMs).done(),
  decode: (reader) => {
    reader.int32();
    return reader.array((r) => ({ topic: r.string(), error: r.int16() }));
  },
});

export interface DescribedConfig {
  readonly topic: string;
  readonly error: number;
  readonly message: string | null;
  readonly config: Readonly<Record<string, string>>;
}

export const describeConfigs = (topics: readonly string[]): Call<readonly DescribedConfig[]> => ({
  name: 'DescribeConfigs',
  apiKey: 32,
  apiVersion: 1,
  lane: 'control',
  body: new RequestWriter()
    .array(topics, (topic, w) => w.int8(TOPIC_RESOURCE).string(topic).int32(-1))
    .bool(false)
    .done(),
  decode: (reader) => {
    reader.int32();
    return reader.array((r) => {
      const error = r.int16();
      const message = r.nullableString();
      r.int8();
      const topic = r.string();
      const config: Record<string, string> = {};
      r.array((entry) => {
        const name = entry.string();
        const value = entry.nullableString();
        entry.int8();
        entry.int8();
        entry.int8();
        entry.array((synonym) => {
          synonym.nullableString();
          synonym.nullableString();
          synonym.int8();
        });
        if (value !== null) config[name] = value;
      });
      return { topic, error, message, config };
    });
  },
});

export const deleteRecords = (
  positions: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[],
  timeoutMs: number,
): Call<readonly PartitionError[]> => ({
  name: 'DeleteRecords',
  apiKey: 21,
  apiVersion: 1,
  lane: 'control',
  waitMs: timeoutMs,
  body: new RequestWriter()
    .array(byTopic(positions), ([topic, entries], w) => w.string(topic).array(entries, (entry, v) => v.int32(entry.partition).int64(entry.offset)))
    .int32(timeoutMs)
    .done(),
  decode: (reader) => {
    reader.int32();
    return reader
      .array((r) => {
        const topic = r.string();
        return r.array((p) => {
          const partition = p.int32();
          p.int64();
          return { topic, partition, error: p.int16() };
        });
      })
      .flat();
  },
});
