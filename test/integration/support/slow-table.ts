import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '../../../lib/core/clock.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { kafkaPort } from '../../../lib/kafka/kafkajs/index.ts';
import type { BatchReader, KafkaPort } from '../../../lib/kafka/port.ts';

/** The table is read so much later than it could be. */
const SLOW_MS = 25;

/** A port whose readers of one table are slow and, with `highWatermark: 'ignored'`, believe to have caught up at once. */
export const slowTablePort = (names: { readonly brokers: string; readonly clientId: string; readonly table: string }, highWatermark: 'asked' | 'ignored'): KafkaPort => {
  const port = kafkaPort({ brokers: names.brokers.split(','), clientId: names.clientId, clock: systemClock, log: silentLogger, requestTimeoutMs: 10_000 });
  const slow = (reader: BatchReader): BatchReader => ({
    fetch: async (positions, limits) => {
      const batches = await reader.fetch(positions, limits);
      if (batches[0]?.topic === names.table) await delay(SLOW_MS);
      return batches;
    },
    endOffsets: async (partitions, isolation) => {
      const ends = await reader.endOffsets(partitions, isolation);
      return isolation === 'read_uncommitted' && highWatermark === 'ignored' ? ends.map((end) => ({ ...end, offset: 0 })) : ends;
    },
    startOffsets: (partitions) => reader.startOffsets(partitions),
    close: () => reader.close(),
  });
  return { ...port, reader: () => slow(port.reader()) };
};
