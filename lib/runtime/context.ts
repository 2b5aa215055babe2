import type { TableNode } from '../../topology/node.ts';
import type { Clock } from '../core/clock.ts';
import type { Config } from '../core/config.ts';
import type { Crash } from '../core/crash-points.ts';
import type { Logger, RateLimitedLog } from '../core/logger.ts';
import type { StageCounters } from '../core/metrics.ts';
import type { KafkaAdmin, KafkaPort } from '../kafka/port.ts';
import type { StagePlan } from '../plan/types.ts';
import type { Breaker } from '../sinks/breaker.ts';
import type { SinkDriver } from '../sinks/contract.ts';
import type { WorkerEvents } from './events.ts';
import type { StateHome } from '../state/home.ts';
import type { Serdes } from './serdes.ts';
import type { StoreViews } from './store-views.ts';
import type { TableReader } from './table.ts';

/** What the tasks of one stage share. */
export interface StageContext {
  readonly app: string;
  readonly stage: StagePlan;
  readonly port: KafkaPort;
  readonly admin: KafkaAdmin;
  readonly serdes: Serdes;
  readonly config: Config;
  readonly clock: Clock;
  readonly crash: Crash;
  readonly log: Logger;
  readonly limited: RateLimitedLog;
  readonly counters: StageCounters;
  readonly tables: ReadonlyMap<TableNode, TableReader>;
  /** The outside sink that the stage ends in, and its breaker. */
  readonly outside: { readonly driver: SinkDriver; readonly breaker: Breaker } | null;
  readonly events: WorkerEvents;
  readonly views: StoreViews;
  /** Where tasks keep their state. */
  readonly home: StateHome;
  /** Partition count of every topic of the plan. */
  readonly partitions: ReadonlyMap<string, number>;
  /** `max.message.bytes` of every topic that the plan writes to. */
  readonly maxBytes: ReadonlyMap<string, number>;
}
