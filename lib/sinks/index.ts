/** `millrace/sinks`: descriptions of sinks, and the drivers that run them. */
import type { OutsideSink } from '../../topology/sinks.ts';
import type { SinkContext, SinkDriver } from './contract.ts';
import { BigQueryDriver } from './bigquery/driver.ts';
import { CassandraDriver } from './cassandra/driver.ts';
import { HttpDriver } from './http/driver.ts';
import { RedisDriver } from './redis/driver.ts';
import { cassandraAddress, resolveSetting, type SinkSettings } from './settings.ts';

export { bigquery } from '../../topology/sinks/bigquery.ts';
export { cassandra } from '../../topology/sinks/cassandra.ts';
export { http } from '../../topology/sinks/http.ts';
export { kafka } from '../../topology/sinks/kafka.ts';
export { redis } from '../../topology/sinks/redis.ts';
export { env, secret } from '../../topology/sinks.ts';
export { ALL_WRITTEN } from './contract.ts';
export type { Effort, SinkContext, SinkDriver, SinkRecord, SinkTask, SinkWriter, WriteResult } from './contract.ts';
export { settingProblems, type SinkSettings } from './settings.ts';

/** Makes the driver of a sink; nothing is connected before its `open`. Throws `ConfigurationError` when a setting is missing. */
export const createDriver = (sink: OutsideSink, context: SinkContext, settings: SinkSettings): SinkDriver => {
  switch (sink.kind) {
    case 'redis': return new RedisDriver(sink, context, sink.url === null ? settings.config.redisUrl : resolveSetting(sink.url, settings.environment));
    case 'bigquery': return new BigQueryDriver(sink, context, settings.config);
    case 'cassandra': return new CassandraDriver(sink, context, cassandraAddress(sink, settings.environment));
    case 'http': {
      const { environment } = settings;
      const url = typeof sink.url === 'string' ? sink.url : resolveSetting(sink.url, environment);
      return new HttpDriver(sink, context, url, sink.token === null ? null : resolveSetting(sink.token, environment));
    }
  }
};
