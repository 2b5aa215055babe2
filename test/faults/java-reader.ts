/**
 * Reads with Kafka's own consumer, which shares no code with Millrace. KafkaJS's will not do: where aborted transactions of several
 * producers overlap in a partition, as a killed worker leaves them, it takes some of their records for committed ones.
 */
import { join } from 'node:path';
import { runCommand } from '../../benchmarks/command.ts';
import { cacheFolder } from '../../lib/stack/cache.ts';
import { kafkaJars } from '../../lib/stack/artifacts.ts';
import { toolPath } from '../../lib/stack/tools.ts';

export interface JavaRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
}

const TIMEOUT_MS = 120_000;
const PROGRAM = join(import.meta.dirname, 'ReadCommitted.java');

/** Every committed record of each topic, in the order of its partitions. Keys and values are text without tabs and line breaks. */
export const readCommitted = async (brokers: string, topics: readonly string[]): Promise<ReadonlyMap<string, readonly JavaRecord[]>> => {
  const jars = await kafkaJars({ cache: cacheFolder(), signal: new AbortController().signal, progress: () => undefined });
  const args = ['-Xmx256m', '-XX:+UseSerialGC', '-XX:TieredStopAtLevel=1', '-cp', join(jars, '*'), PROGRAM, brokers, ...topics];
  const { code, stdout, stderr } = await runCommand(await toolPath('java'), args, { timeoutMs: TIMEOUT_MS });
  if (code !== 0) throw new Error(`reading ${topics.join(' and ')} with Kafka's consumer failed (${code === null ? `not done after ${TIMEOUT_MS / 1_000} s` : `exit code ${code}`}): ${stderr.trim()}`);
  const records = new Map(topics.map((topic) => [topic, [] as JavaRecord[]]));
  for (const line of stdout.split('\n')) {
    const [topic, partition, offset, key, value] = line.split('\t');
    if (value !== undefined) records.get(topic!)!.push({ partition: Number(partition), offset: Number(offset), key: key!, value });
  }
  for (const found of records.values()) found.sort((a, b) => a.partition - b.partition || a.offset - b.offset);
  return records;
};
