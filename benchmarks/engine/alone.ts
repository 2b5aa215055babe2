/** One run of our program without the peers' tools: it counts the output and does not compare it. */
import kafkajs from 'kafkajs';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { runCommand } from '../command.ts';
import { TopicReader } from '../data/topic.ts';
import { openPort, type StackEnvironment } from '../stack.ts';
import type { Run } from './peers.ts';

const TIMEOUT_MS = 200_000;
const PARTITIONS = 4;

/** Committed records of a topic and the time of the newest. */
const readOutput = async (environment: StackEnvironment, topic: string): Promise<{ readonly count: number; readonly lastMs: number }> => {
  const port = openPort(environment);
  try {
    let count = 0;
    let lastMs = 0;
    for await (const batch of (await TopicReader.open(port, topic, 'start')).read()) {
      count += batch.count;
      if (batch.count > 0) lastMs = Math.max(lastMs, batch.timestamp(batch.count - 1));
    }
    return { count, lastMs };
  } finally {
    await port.close();
  }
};

const createOutput = async (environment: StackEnvironment, topic: string): Promise<void> => {
  const port = openPort(environment);
  try {
    await port.admin().createTopics([{ topic, partitions: PARTITIONS, replicationFactor: 1, config: { 'message.timestamp.type': 'LogAppendTime' } }]);
  } finally {
    await port.close();
  }
};

export interface AloneOptions {
  readonly program: string;
  readonly workers: number;
  readonly events: number;
  /** File for a CPU profile of the run. */
  readonly profile?: string;
}

/** Its output, and what it made for itself. */
const dropTopics = async (environment: StackEnvironment, prefix: string): Promise<void> => {
  const admin = new kafkajs.Kafka({ brokers: environment.MILLRACE_KAFKA_BROKERS!.split(','), logLevel: kafkajs.logLevel.NOTHING }).admin();
  await admin.connect();
  try {
    await admin.deleteTopics({ topics: (await admin.listTopics()).filter((topic) => topic.startsWith(prefix)) });
  } finally {
    await admin.disconnect();
  }
};

export const runAlone = async (environment: StackEnvironment, options: AloneOptions): Promise<Run> => {
  const group = `bench-alone-${Date.now()}`;
  try {
    return await runOnce(environment, group, options);
  } finally {
    await dropTopics(environment, group);
  }
};

const runOnce = async (environment: StackEnvironment, group: string, { program, workers, events, profile }: AloneOptions): Promise<Run> => {
  const topic = `${group}-out`;
  await createOutput(environment, topic);
  const before = loadavg()[0]!;
  const { code, stdout, stderr } = await runCommand(process.execPath, [join(import.meta.dirname, 'worker.ts'), program, String(workers)], {
    environment: {
      TOPIC: topic, GROUP: group, N: String(events), KAFKA: environment.MILLRACE_KAFKA_BROKERS!, REGISTRY: environment.MILLRACE_REGISTRY_URL!,
      ...(profile === undefined ? {} : { PROFILE: profile }),
    },
    timeoutMs: TIMEOUT_MS,
  });
  if (code !== 0) throw new Error(`the worker ended with code ${code}: ${stderr}`);
  const value = (pattern: RegExp): number => Number(pattern.exec(stdout)?.[1] ?? NaN);
  const { count, lastMs } = await readOutput(environment, topic);
  const seconds = (lastMs - value(/^T0 (\d+)/m)) / 1_000;
  return {
    peer: 'millrace', variant: `${program}-eos-w${workers}`, n: count, seconds: Number(seconds.toFixed(2)), evps: Math.round(count / seconds), late_evps: 0,
    cpu_s: value(/cpu_s=([\d.]+)/), rss_mb: value(/rss_mb=(\d+)/), broker_cpu_s: 0, other_cpu_s: 0,
    load_before: Number(before.toFixed(2)), load_after: Number(loadavg()[0]!.toFixed(2)), markers: 0, dups: 0, wrong: 0, ties: 0, ok: count === events,
  };
};
