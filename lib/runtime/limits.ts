import type { Config } from '../core/config.ts';
import type { FetchLimits } from '../kafka/port.ts';

/** How much one fetch may bring. */
export const fetchLimits = (config: Config): FetchLimits => ({
  maxWaitMs: config.fetchMaxWaitMs,
  maxBytes: config.fetchMaxBytes,
  maxBytesPerPartition: config.fetchPartitionBytes,
});
