import type { TableNode } from '../../topology/node.ts';
import type { Clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { Logger, RateLimitedLog } from '../core/logger.ts';
import type { StageCounters } from '../core/metrics.ts';
import type { FetchLimits, KafkaAdmin, KafkaPort } from '../kafka/port.ts';
import type { SourceCodec } from '../../topology/node.ts';
import type { StagePlan } from '../plan/types.ts';
import type { KeyDecoder, ValueDecoder, ValueEncoder } from '../serde/serde.ts';
import type { SinkDriver } from '../sinks/contract.ts';
import type { TableReader } from './table.ts';

/** Decoders and encoders of a worker; shared, because they cache schemas. */
export interface Serdes {
  valueDecoder(codec: SourceCodec | 'internal'): ValueDecoder<unknown>;
  keyDecoder(codec: SourceCodec | 'internal'): KeyDecoder;
  valueEncoder(codec: SourceCodec | 'internal', topic: string): ValueEncoder<unknown>;
}

/** What the tasks of one stage share. */
export interface StageContext {
  readonly app: string;
  readonly stage: StagePlan;
  readonly port: KafkaPort;
  readonly admin: KafkaAdmin;
  readonly serdes: Serdes;
  readonly config: Config;
  readonly clock: Clock;
  readonly log: Logger;
  readonly limited: RateLimitedLog;
  readonly counters: StageCounters;
  readonly tables: ReadonlyMap<TableNode, TableReader>;
  /** The outside sink's driver, when the stage ends in one. */
  readonly driver: SinkDriver | null;
  /** Partition count of every topic of the plan. */
  readonly partitions: ReadonlyMap<string, number>;
}

export const fetchLimits = (config: Config): FetchLimits => ({
  maxWaitMs: config.fetchMaxWaitMs,
  maxBytes: config.fetchMaxBytes,
  maxBytesPerPartition: config.fetchPartitionBytes,
});
