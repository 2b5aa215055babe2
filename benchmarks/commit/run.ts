/** What exactly once costs: the same worker on the same input, with transactions and without, by turns. */
import { join } from 'node:path';
import { partitionOf } from '../../lib/kafka/partitioner.ts';
import type { KafkaPort } from '../../lib/kafka/port.ts';
import { runCommand } from '../command.ts';
import { TopicReader } from '../data/topic.ts';
import { say } from '../say.ts';
import { openPort, type StackEnvironment } from '../stack.ts';
import { costs, order, TASKS, type CommitCost, type CommitRun, type Guarantee } from './schedule.ts';
import type { Event } from './topology.ts';
import type { Measured } from './worker.ts';

const TIMEOUT_MS = 120_000;
const USERS = 10_000;
const CHUNK = 20_000;
const MILLION = 1_000_000;
const ABOUT = 'a note of the size that notes have, so that a record is not only numbers';

export interface CommitBody {
  readonly records: number;
  readonly rounds: number;
  readonly runs: readonly CommitRun[];
  readonly costs: readonly CommitCost[];
}

export interface CommitOptions {
  readonly environment: StackEnvironment;
  readonly records: number;
  readonly rounds: number;
}

const inputOf = (tasks: number): string => `bench-commit-in-${tasks}`;

const load = async (port: KafkaPort, tasks: number, records: number): Promise<void> => {
  const topic = inputOf(tasks);
  await port.admin().createTopics([{ topic, partitions: tasks, replicationFactor: 1, config: {} }]);
  const producer = port.producer(`${topic}-load`, { transactionTimeoutMs: 60_000 });
  await producer.init();
  for (let first = 0; first < records; first += CHUNK) {
    const batch = producer.batch();
    for (let id = first; id < Math.min(records, first + CHUNK); id += 1) {
      const user = `user-${(id * 7_919) % USERS}`;
      const event: Event = { id, user, amount: id % 100, about: ABOUT };
      const key = Buffer.from(user);
      batch.append(topic, partitionOf(key, tasks), key, JSON.stringify(event), Date.now());
    }
    await producer.send(batch);
    await producer.commit();
  }
  await producer.close();
};

const outputCount = async (port: KafkaPort, topic: string): Promise<number> => {
  let count = 0;
  for await (const batch of (await TopicReader.open(port, topic, 'start')).read()) count += batch.count;
  return count;
};

const runOnce = async (port: KafkaPort, { environment, records }: CommitOptions, guarantee: Guarantee, tasks: number, round: number): Promise<CommitRun> => {
  const app = `bench-commit-${tasks}-${round}-${guarantee}`;
  await port.admin().createTopics([{ topic: `${app}-out`, partitions: tasks, replicationFactor: 1, config: {} }]);
  const { code, stdout, stderr } = await runCommand(process.execPath, [join(import.meta.dirname, 'worker.ts'), guarantee, String(tasks), String(records)], {
    environment: { APP: app, INPUT: inputOf(tasks), KAFKA: environment.MILLRACE_KAFKA_BROKERS! },
    timeoutMs: TIMEOUT_MS,
  });
  if (code !== 0) throw new Error(`the worker ended with code ${code}: ${stderr}`);
  const { ms, cpuS, commits } = JSON.parse(stdout) as Measured;
  const output = await outputCount(port, `${app}-out`);
  if (output !== records) throw new Error(`${app}: ${output} records on the output in place of ${records}`);
  return { guarantee, tasks, round, rate: Math.round((records / ms) * 1_000), cpuSecondsPerMillion: Number(((cpuS / records) * MILLION).toFixed(2)), commits, output };
};

export const runCommit = async (options: CommitOptions): Promise<CommitBody> => {
  const { environment, records, rounds } = options;
  const port = openPort(environment);
  const runs: CommitRun[] = [];
  try {
    for (const tasks of TASKS) {
      say(`Commit: ${records.toLocaleString('en-US')} records for ${tasks} tasks in one worker`);
      await load(port, tasks, records);
      for (let round = 0; round < rounds; round += 1) {
        for (const guarantee of order(round)) {
          const run = await runOnce(port, options, guarantee, tasks, round);
          runs.push(run);
          say(`  ${guarantee}: ${run.rate.toLocaleString('en-US')} records/s, ${run.cpuSecondsPerMillion} CPU s per million, ${run.commits} commits`);
        }
      }
    }
  } finally {
    await port.close();
  }
  const found = costs(runs);
  for (const { tasks, cost } of found) say(`  exactly once costs ${cost === null ? 'unknown' : `${(100 * cost).toFixed(1)} %`} with ${tasks} tasks`);
  return { records, rounds, runs, costs: found };
};
