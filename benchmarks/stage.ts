/**
 * One exactly-once stage (read, JSON, map, new key, write, commit), by Millrace and by a hand-written KafkaJS loop over the same topic.
 *
 *   node benchmarks/stage.ts feed COUNT | millrace COUNT | kafkajs COUNT
 *
 * The broker is MILLRACE_KAFKA_BROKERS. Prints one line of JSON; the rate is from the first record to the last commit, CPU is this process's.
 */
import kafkajs from 'kafkajs';
import { setTimeout as delay } from 'node:timers/promises';
import { run } from 'millrace';
import { json, kafka, keyBy, map, stream, to, topology } from 'millrace/topology';
import { silentLogger } from '../lib/core/logger.ts';

interface Play {
  readonly id: number;
  readonly user: string;
  readonly seconds: number;
  readonly note: string;
}

const PREFIX = 'bench-stage';
const PARTITIONS = 4;
const USERS = 1_000;
const BATCH = 1_000;
const id = Date.now();
const [what, text] = process.argv.slice(2);
const count = Number(text);
const client = new kafkajs.Kafka({ brokers: (process.env.MILLRACE_KAFKA_BROKERS ?? '127.0.0.1:9092').split(','), logLevel: kafkajs.logLevel.ERROR });

const doubled = (play: Play): Play & { readonly doubled: number } => ({ ...play, doubled: play.seconds * 2 });

const withAdmin = async (task: (admin: kafkajs.Admin) => Promise<unknown>): Promise<void> => {
  const admin = client.admin();
  await admin.connect();
  await task(admin);
  await admin.disconnect();
};

const feed = async (): Promise<void> => {
  await withAdmin((admin) => admin.createTopics({ topics: [{ topic: `${PREFIX}.plays`, numPartitions: PARTITIONS, replicationFactor: 1 }] }));
  const producer = client.producer();
  await producer.connect();
  for (let first = 0; first < count; first += BATCH) {
    const messages = Array.from({ length: Math.min(BATCH, count - first) }, (_, i) => {
      const play: Play = { id: first + i, user: `user-${(first + i) % USERS}`, seconds: i, note: 'x'.repeat(200) };
      return { key: String(play.id), value: JSON.stringify(play), partition: play.id % PARTITIONS };
    });
    await producer.send({ topic: `${PREFIX}.plays`, messages });
  }
  await producer.disconnect();
};

interface Clocked {
  readonly ms: number;
  readonly cpu: NodeJS.CpuUsage;
}

const report = (seconds: number, cpu: NodeJS.CpuUsage): void =>
  void process.stdout.write(`${JSON.stringify({ what, records: count, seconds: Number(seconds.toFixed(2)), recordsPerSecond: Math.round(count / seconds), cpuUsPerRecord: Number(((cpu.user + cpu.system) / count).toFixed(1)), node: process.version })}\n`);

const millrace = async (): Promise<void> => {
  const plays = stream(`${PREFIX}.plays`, json<Play>());
  const out = `${PREFIX}.millrace-${id}`;
  const handle = run(topology(`${PREFIX}-${id}`, plays.pipe(map(doubled), keyBy((play) => play.user), to('out', kafka(out, json<ReturnType<typeof doubled>>(), { partitions: PARTITIONS })))), { log: silentLogger });
  let begun: Clocked | undefined;
  for (let done = 0; done < count; ) {
    await delay(20);
    done = handle.figures().stages[0]!.recordsIn;
    if (done > 0) begun ??= { ms: performance.now(), cpu: process.cpuUsage() };
  }
  await handle.stop();
  report((performance.now() - begun!.ms) / 1_000, process.cpuUsage(begun!.cpu));
};

const loop = async (): Promise<void> => {
  const out = `${PREFIX}.kafkajs-${id}`;
  const groupId = `${PREFIX}-${id}`;
  await withAdmin((admin) => admin.createTopics({ topics: [{ topic: out, numPartitions: PARTITIONS, replicationFactor: 1 }] }));
  const retry = { initialRetryTime: 10, multiplier: 1.5, maxRetryTime: 200, retries: 30 };
  const producer = client.producer({ transactionalId: groupId, idempotent: true, maxInFlightRequests: 1, retry });
  await producer.connect();
  const consumer = client.consumer({ groupId, maxWaitTimeInMs: 100 });
  await consumer.connect();
  await consumer.subscribe({ topic: `${PREFIX}.plays`, fromBeginning: true });
  let begun: Clocked | undefined;
  let done = 0;
  const ended = Promise.withResolvers<void>();
  await consumer.run({
    autoCommit: false,
    eachBatchAutoResolve: false,
    eachBatch: async ({ batch, resolveOffset, heartbeat }) => {
      begun ??= { ms: performance.now(), cpu: process.cpuUsage() };
      const transaction = await producer.transaction();
      const messages = batch.messages.map(({ value, timestamp }) => {
        const play = doubled(JSON.parse(value!.toString()) as Play);
        return { key: play.user, value: JSON.stringify(play), timestamp };
      });
      await transaction.send({ topic: out, messages });
      await transaction.sendOffsets({ consumerGroupId: groupId, topics: [{ topic: batch.topic, partitions: [{ partition: batch.partition, offset: String(BigInt(batch.lastOffset()) + 1n) }] }] });
      await transaction.commit();
      resolveOffset(batch.lastOffset());
      await heartbeat();
      done += messages.length;
      if (done >= count) ended.resolve();
    },
  });
  await ended.promise;
  const seconds = (performance.now() - begun!.ms) / 1_000;
  const cpu = process.cpuUsage(begun!.cpu);
  await consumer.disconnect();
  await producer.disconnect();
  report(seconds, cpu);
};

const modes: Readonly<Record<string, () => Promise<void>>> = { feed, millrace, kafkajs: loop };
const mode = modes[what ?? ''];
if (mode === undefined || !Number.isSafeInteger(count) || count < 1) throw new Error('usage: stage.ts feed|millrace|kafkajs COUNT');
await mode();
