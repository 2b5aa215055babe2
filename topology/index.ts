/** The one door to the DSL: `import { ... } from 'millrace/topology'`. */
export { stream, table } from './stream.ts';
export type { KeyOf, Lookup, Operator, Stream, Table } from './stream.ts';
export { topology } from './topology.ts';
export type { Topology } from './topology.ts';
export { describe } from './describe.ts';
export type { DescribeOptions } from './describe.ts';
export { TopologyError } from './errors.ts';

export { branch, otherwise } from './operators/branch.ts';
export type { Branches } from './operators/branch.ts';
export { changes } from './operators/changes.ts';
export type { ChangesOptions, RowChange } from './operators/changes.ts';
export { concatMap } from './operators/concatMap.ts';
export { dedupe } from './operators/dedupe.ts';
export type { DedupeOptions } from './operators/dedupe.ts';
export { filter } from './operators/filter.ts';
export type { Narrowed } from './operators/filter.ts';
export { inserts } from './operators/inserts.ts';
export type { InsertsOptions } from './operators/inserts.ts';
export { join } from './operators/join.ts';
export { keyBy } from './operators/keyBy.ts';
export type { KeyByOptions } from './operators/keyBy.ts';
export { leftJoin } from './operators/leftJoin.ts';
export { map } from './operators/map.ts';
export { merge } from './operators/merge.ts';
export { mergeMap } from './operators/mergeMap.ts';
export { rx } from './operators/rx.ts';
export { scan } from './operators/scan.ts';
export type { ScanOptions } from './operators/scan.ts';
export { tap } from './operators/tap.ts';
export { through } from './operators/through.ts';
export { to } from './operators/to.ts';
export type { End, ToOptions } from './operators/to.ts';
export { upserts } from './operators/upserts.ts';
export type { Upsert, UpsertsOptions } from './operators/upserts.ts';
export { validate } from './operators/validate.ts';

export { avro, debezium, json, schema } from './codecs.ts';
export type {
  AvroCodec, AvroOptions, AvroSchema, Change, ChangeSource, ChangeTransaction, Codec, DebeziumCodec, DebeziumOptions, DebeziumShape, Json, JsonCodec, JsonFields, Schema,
} from './codecs.ts';
export type { Decimal, DecimalAs, Int64, Read, ReadChoices, TimeAs, TimeUnits, WithNumbers } from './choices.ts';
export type { Headers, Key, Meta } from './meta.ts';
export { labelOf, parentsOf, pathOf } from './node.ts';
export type { BatchOptions, Node, SinkNode, StreamNode, TableNode } from './node.ts';
export type { TopicOptions } from './topics.ts';

export { bigquery } from './sinks/bigquery.ts';
export { cassandra } from './sinks/cassandra.ts';
export { http } from './sinks/http.ts';
export { kafka } from './sinks/kafka.ts';
export { redis } from './sinks/redis.ts';
export { env, secret } from './sinks.ts';
export type {
  BigQueryRow, BigQuerySink, BigQueryType, CassandraConsistency, CassandraRow, CassandraSink, CassandraType, HttpSink, KafkaSink, OutsideSink, RedisCommand, RedisSink, RedisValue, Setting, Sink,
} from './sinks.ts';
