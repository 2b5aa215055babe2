import { readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { Fault } from './fault.ts';
import type { Scene } from './scene.ts';

/** A power cut takes with `appendfsync everysec` what Redis has not yet forced to disk: up to two seconds of confirmed writes. */
const REWIND_MS = 2_000;
const BEFORE_MS = 2_000;
const BACK_TIMEOUT_MS = 60_000;
const STANDS_BEHIND = 'the sink stands behind the committed offset';

/** The file that Redis appends its writes to. */
const appendFile = async (directory: string): Promise<string> => {
  const files = (await readdir(directory, { recursive: true })).filter((file) => file.endsWith('.incr.aof') || file.endsWith('appendonly.aof'));
  if (files.length !== 1) throw new Error(`Redis appends to one file, not to ${files.length}: ${files.join(', ')}`);
  return join(directory, files[0]!);
};

interface StandsBehind {
  readonly stage: string;
  readonly committed: number;
  readonly sink: number;
}

const standsBehind = (scene: Scene): readonly StandsBehind[] =>
  scene.everyWorker.flatMap((worker) => worker.lines.filter(({ message, stage }) => String(message).startsWith(STANDS_BEHIND) && stage === 'counters')) as unknown as readonly StandsBehind[];

export const redisRewind: Fault = {
  name: 'redis-rewind',
  title: 'kill -9 of Redis; it comes back without its last two seconds of confirmed writes',
  rounds: 3,
  limitS: 300,
  resumeMeans: 'from the moment when Redis serves again until all that it had lost is there again',
  resumeGoalS: null,

  async run(scene, rounds) {
    const { redis, redisProxy } = scene;
    for (let round = 0; round < rounds; round += 1) {
      await delay(BEFORE_MS);
      const file = await appendFile(redis.directory);
      const kept = (await stat(file)).size;
      await delay(REWIND_MS);
      const before = await scene.counted();
      const told = standsBehind(scene).length;
      await redis.signal('SIGKILL');
      scene.check(redis.endedBy === 'SIGKILL', `round ${round + 1}: Redis ended by ${redis.endedBy}, not SIGKILL`);
      await redisProxy.down();
      const cutBytes = (await stat(file)).size - kept;
      await truncate(file, kept);
      await redis.start();
      const after = await scene.counted();
      scene.check(after < before, `round ${round + 1}: Redis came back with ${after} of ${before} events, so it lost nothing`);
      await redisProxy.up();
      const servesMs = performance.now();
      let count = after;
      await scene.until(async () => (count = await scene.counted()) >= before, () => `the lost writes come back: ${count} of ${before}`, BACK_TIMEOUT_MS);
      scene.resumeS.push((performance.now() - servesMs) / 1_000);
      const behind = standsBehind(scene).slice(told);
      scene.check(behind.length > 0, `round ${round + 1}: no task of the counters said that it starts below the committed offset`);
      const lower = behind.map(({ committed, sink }) => committed - sink);
      scene.proofs.push(`Redis ended by SIGKILL, ${cutBytes} bytes were cut from its append-only file, and it came back with ${after} of ${before} events; ${behind.length} tasks started up to ${Math.max(...lower)} offsets below what Kafka had committed`);
      await scene.settled();
    }
  },
};
