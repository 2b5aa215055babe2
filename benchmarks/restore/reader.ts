/**
 * Reads the changelog once, as a process of its own: reader.ts raw | memory | disk FOLDER. Environment: KAFKA, RECORDS. Prints one line of JSON:
 * milliseconds and records. `raw` is KafkaJS's consumer, which does nothing with what it reads; the others restore.
 */
import kafkajs from 'kafkajs';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import { jsonDecoder } from '../../lib/serde/json.ts';
import { openDiskHome } from '../../lib/state/disk-home.ts';
import type { StateHome } from '../../lib/state/home.ts';
import { memoryHome } from '../../lib/state/memory-home.ts';
import { restore } from '../../lib/state/restore.ts';
import { openPort } from '../stack.ts';
import { APP, CHANGELOG, PARTITIONS } from './topology.ts';

export interface Measured {
  readonly ms: number;
  readonly records: number;
}

const { KAFKA = '', RECORDS = '0' } = process.env;
const [mode, folder = ''] = process.argv.slice(2);
const config = readConfig({});

/** From its first batch on: joining its group is no reading. */
const raw = async (): Promise<Measured> => {
  const kafka = new kafkajs.Kafka({ brokers: KAFKA.split(','), logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: `${APP}-raw-${process.pid}`, maxBytesPerPartition: config.fetchPartitionBytes, maxBytes: config.fetchMaxBytes });
  await consumer.connect();
  await consumer.subscribe({ topics: [CHANGELOG], fromBeginning: true });
  let records = 0;
  let begunMs: number | null = null;
  const { promise, resolve } = Promise.withResolvers<void>();
  await consumer.run({
    autoCommit: false,
    partitionsConsumedConcurrently: PARTITIONS,
    eachBatch: async ({ batch }) => {
      begunMs ??= performance.now();
      records += batch.messages.length;
      if (records >= Number(RECORDS)) resolve();
    },
  });
  await promise;
  const ms = performance.now() - begunMs!;
  await consumer.disconnect();
  return { ms, records };
};

const restored = async (home: StateHome): Promise<Measured> => {
  const port = openPort({ MILLRACE_KAFKA_BROKERS: KAFKA });
  const begunMs = performance.now();
  const counts = await Promise.all(Array.from({ length: PARTITIONS }, async (_, partition) => {
    const state = await home.open({ stage: 'totals', partition, owner: { producerId: 1, epoch: 0 }, stores: [{ name: 'totals', changelog: CHANGELOG, decoder: jsonDecoder }] });
    const reader = port.reader();
    const { records } = await restore({
      reader, store: state.stores[0]!, clock: systemClock, signal: new AbortController().signal,
      limits: { maxWaitMs: config.fetchMaxWaitMs, maxBytes: config.fetchMaxBytes, maxBytesPerPartition: config.fetchPartitionBytes },
      changelog: { topic: CHANGELOG, partition, topicId: null, deleteRetentionMs: 86_400_000 },
    });
    return records;
  }));
  const ms = performance.now() - begunMs;
  await port.close();
  return { ms, records: counts.reduce((sum, count) => sum + count, 0) };
};

const disk = (): Promise<StateHome> => openDiskHome({ dir: folder, app: APP, cacheRecords: config.stateCacheRecords, maxBytes: config.stateMaxBytes, keepMs: Infinity, clock: systemClock, log: silentLogger });

const measured = mode === 'raw' ? await raw() : await restored(mode === 'disk' ? await disk() : memoryHome());
process.stdout.write(`${JSON.stringify(measured)}\n`);
process.exit(0);
