/** `millrace/sinks`: descriptions of sinks, and the drivers that run them. */
import { StopError } from '../core/errors.ts';
import type { OutsideSink } from '../../topology/sinks.ts';
import type { SinkContext, SinkDriver } from './contract.ts';
import { BigQueryDriver } from './bigquery/driver.ts';
import { RedisDriver } from './redis/driver.ts';
import { resolveSetting, type SinkSettings } from './settings.ts';

export { ALL_WRITTEN } from './contract.ts';
export type { SinkContext, SinkDriver, SinkRecord, SinkTask, SinkWriter, WriteResult } from './contract.ts';
export { settingProblems, type SinkSettings } from './settings.ts';

/** Makes the driver of a sink; nothing is connected before its `open`. Throws `ConfigurationError` when a setting is missing. */
export const createDriver = (sink: OutsideSink, context: SinkContext, settings: SinkSettings): SinkDriver => {
  switch (sink.kind) {
    case 'redis': return new RedisDriver(sink, context, sink.url === null ? settings.config.redisUrl : resolveSetting(sink.url, settings.environment));
    case 'bigquery': return new BigQueryDriver(sink, context, settings.config);
    default: throw new StopError(`No driver for ${sink.kind}`);
  }
};
