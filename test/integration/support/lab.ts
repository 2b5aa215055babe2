/** What the runtime's integration tests share: topics and names of their own, records in, worker processes, and a reader of committed records. */
import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import kafkajs, { type Admin, type Kafka, type Message, type Producer } from 'kafkajs';
import { systemClock } from '../../../lib/core/clock.ts';
import { RetryError } from '../../../lib/core/errors.ts';
import { silentLogger } from '../../../lib/core/logger.ts';
import { kafkaPort } from '../../../lib/kafka/kafkajs/index.ts';
import type { FetchedBatch, KafkaPort, Position, RecordHeaders } from '../../../lib/kafka/port.ts';

export interface ReadRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly timestamp: number;
}

const ROOT = join(import.meta.dirname, '..', '..', '..');
const READ_TIMEOUT_MS = 30_000;

const READ_LIMITS = { maxWaitMs: 50, maxBytes: 8_000_000, maxBytesPerPartition: 2_000_000 };
const REQUEST_TIMEOUT_MS = 10_000;

/** Several headers of one name are joined with commas. */
const textsOf = (headers: RecordHeaders): Record<string, string> => {
  const texts: Record<string, string> = {};
  for (const [name, value] of headers) texts[name] = name in texts ? `${texts[name]},${value ?? ''}` : String(value ?? '');
  return texts;
};

const recordsOf = (batch: FetchedBatch): ReadRecord[] => Array.from({ length: batch.count }, (_, i) => ({
  partition: batch.partition, offset: batch.offset(i), key: batch.key(i)?.toString() ?? null, value: batch.value(i), headers: textsOf(batch.headers(i)), timestamp: batch.timestamp(i),
}));

/** One worker process, with the lines of its log. */
export class WorkerProcess {
  readonly child: ChildProcess;
  readonly lines: Record<string, unknown>[] = [];
  readonly exited: Promise<number | null>;

  constructor(args: readonly string[], environment: Readonly<Record<string, string>>) {
    this.child = spawn(process.execPath, [join(ROOT, 'lib', 'cli', 'main.ts'), 'run', ...args], { env: { ...process.env, ...environment }, stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    this.exited = once(this.child, 'exit').then(([code]) => code as number | null);
    createInterface({ input: this.child.stderr! }).on('line', (line) => {
      try {
        this.lines.push(JSON.parse(line) as Record<string, unknown>);
      } catch {
        this.lines.push({ level: 'unparsed', message: line });
      }
    });
  }

  said(message: string): readonly Record<string, unknown>[] {
    return this.lines.filter((line) => line.message === message);
  }

  async until(message: string, count = 1): Promise<void> {
    await eventually(() => this.said(message).length >= count, () => `'${message}' ${count} times in ${JSON.stringify(this.lines.slice(-5))}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** SIGTERM. @returns exit code and how long it took, milliseconds */
  async stop(): Promise<{ readonly code: number | null; readonly ms: number }> {
    const began = performance.now();
    this.child.kill('SIGTERM');
    const code = await this.exited;
    return { code, ms: performance.now() - began };
  }
}

/** Polls until the condition holds; `what` says what was waited for in vain. */
export const eventually = async (holds: () => boolean | Promise<boolean>, what: () => string, timeoutMs = 45_000): Promise<void> => {
  const deadline = performance.now() + timeoutMs;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error(`in vain: ${what()}`);
    await delay(50);
  }
};

export class Lab {
  /** Begins every name. */
  readonly app: string;
  readonly kafka: Kafka;
  readonly brokers: string;
  readonly #workers: WorkerProcess[] = [];
  readonly #port: KafkaPort;
  #admin: Admin | null = null;
  #producer: Promise<Producer> | null = null;

  constructor(name: string, brokers = process.env.MILLRACE_KAFKA_BROKERS ?? '127.0.0.1:9092') {
    this.app = `rt-${name}-${randomBytes(4).toString('hex')}`;
    this.brokers = brokers;
    this.kafka = new kafkajs.Kafka({ brokers: brokers.split(','), clientId: this.app, logLevel: kafkajs.logLevel.NOTHING, retry: { retries: 20, initialRetryTime: 100, maxRetryTime: 1_000 } });
    this.#port = kafkaPort({ brokers: brokers.split(','), clientId: this.app, requestTimeoutMs: REQUEST_TIMEOUT_MS, clock: systemClock, log: silentLogger });
  }

  async admin(): Promise<Admin> {
    if (this.#admin === null) {
      this.#admin = this.kafka.admin();
      await this.#admin.connect();
    }
    return this.#admin;
  }

  async topic(suffix: string, partitions: number, config: Readonly<Record<string, string>> = {}): Promise<string> {
    return this.topicCalled(`${this.app}.${suffix}`, partitions, config);
  }

  /** Made, and led. KafkaJS's own wait fails at once when the broker does not know the topic yet. */
  async topicCalled(topic: string, partitions: number, config: Readonly<Record<string, string>> = {}): Promise<string> {
    const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
    const admin = await this.admin();
    await admin.createTopics({ waitForLeaders: false, topics: [{ topic, numPartitions: partitions, replicationFactor: 1, configEntries }] });
    const led = (): Promise<boolean> => admin.fetchTopicMetadata({ topics: [topic] })
      .then(({ topics }) => topics[0]!.partitions.length === partitions && topics[0]!.partitions.every(({ leader }) => leader >= 0), () => false);
    await eventually(led, () => `a leader for each partition of ${topic}`);
    // A leader that is named may not know it yet, and KafkaJS sends all partitions again when one refuses: some records would be there twice.
    const serving = (): Promise<boolean> => admin.fetchTopicOffsets(topic).then((offsets) => offsets.length === partitions, () => false);
    await eventually(serving, () => `each partition of ${topic} is served`);
    return topic;
  }

  async send(topic: string, messages: Message[]): Promise<void> {
    this.#producer ??= (async () => {
      const producer = this.kafka.producer({ createPartitioner: kafkajs.Partitioners.DefaultPartitioner });
      await producer.connect();
      return producer;
    })();
    await (await this.#producer).send({ topic, messages });
  }

  /** A topic that the runtime has just made may not be known, or not be led yet. */
  async #offsets(topic: string): Promise<readonly { readonly partition: number; readonly high: string; readonly low: string }[]> {
    const admin = await this.admin();
    const deadline = performance.now() + READ_TIMEOUT_MS;
    for (;;) {
      try {
        return await admin.fetchTopicOffsets(topic);
      } catch (error) {
        const { type } = error as { readonly type?: string };
        if (type === 'UNKNOWN_TOPIC_OR_PARTITION') return [];
        if (type === undefined || performance.now() > deadline) throw error;
        await delay(50);
      }
    }
  }

  /**
   * Every committed record of a topic up to the end it has now, in the order of its partitions. Not with KafkaJS's consumer: of aborted
   * transactions that overlap in a partition, as killed workers leave them, it takes some records for committed ones.
   */
  async read(topic: string): Promise<ReadRecord[]> {
    const offsets = await this.#offsets(topic);
    const ends = new Map(offsets.map(({ partition, high }) => [partition, Number(high)]));
    const records: ReadRecord[] = [];
    const reader = this.#port.reader();
    const deadline = performance.now() + READ_TIMEOUT_MS;
    let left = offsets.map(({ partition, low }): Position => ({ topic, partition, offset: Number(low) }));
    const open = (): Position[] => left.filter(({ partition, offset }) => offset < ends.get(partition)!);
    for (left = open(); left.length > 0; left = open()) {
      if (performance.now() > deadline) throw new Error(`${topic} was not read to its end: ${JSON.stringify(left)}`);
      const batches = await reader.fetch(left, READ_LIMITS).catch((error: unknown) => {
        if (error instanceof RetryError) return delay(50, []);
        throw error;
      });
      for (const batch of batches) {
        left = left.map((position) => (position.partition === batch.partition ? { ...position, offset: batch.nextOffset } : position));
        records.push(...recordsOf(batch).filter(({ partition, offset }) => offset < ends.get(partition)!));
      }
    }
    await reader.close();
    return records.sort((x, y) => x.partition - y.partition || x.offset - y.offset);
  }

  async readJson<T>(topic: string): Promise<T[]> {
    return (await this.read(topic)).map(({ value }) => JSON.parse(String(value)) as T);
  }

  /** Records of a topic so far, aborted ones and markers included: quick, for waiting only. */
  async count(topic: string): Promise<number> {
    return (await this.#offsets(topic)).reduce((sum, { high, low }) => sum + Number(high) - Number(low), 0);
  }

  worker(file: string, environment: Readonly<Record<string, string>> = {}, args: readonly string[] = []): WorkerProcess {
    const worker = new WorkerProcess([join(ROOT, file), ...args], { RT_APP: this.app, MILLRACE_KAFKA_BROKERS: this.brokers, ...environment });
    this.#workers.push(worker);
    return worker;
  }

  async close(): Promise<void> {
    for (const { child } of this.#workers) if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
    await Promise.all(this.#workers.map((worker) => worker.exited));
    await (await this.#producer)?.disconnect();
    await this.#port.close();
    const admin = await this.admin();
    const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.app));
    if (topics.length > 0) await admin.deleteTopics({ topics });
    const { groups } = await admin.listGroups();
    const own = groups.map(({ groupId }) => groupId).filter((groupId) => groupId.startsWith(this.app));
    // A group whose member was killed is not empty before its session has ended; the broker drops it later by itself.
    if (own.length > 0) await admin.deleteGroups(own).catch(() => undefined);
    await admin.disconnect();
  }
}
