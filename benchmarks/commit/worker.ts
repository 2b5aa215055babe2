/**
 * One worker that counts a topic once, as a process: worker.ts GUARANTEE TASKS RECORDS. Environment: APP, INPUT, KAFKA. Prints one line of JSON:
 * milliseconds from the first record to the moment at which everything is committed, CPU seconds, and commits.
 */
import { run, type WorkerFigures } from 'millrace';
import type { Config } from '../../lib/core/config.ts';
import { finished, usage } from '../engine/finished.ts';
import { counting } from './topology.ts';

export interface Measured {
  readonly ms: number;
  readonly cpuS: number;
  readonly commits: number;
}

const POLL_MS = 5;
const { APP = '', INPUT = '', KAFKA = '' } = process.env;
const [guarantee, tasks, records] = process.argv.slice(2);

let firstMs: number | null = null;
let commits = 0;
const handle = run(counting({ app: APP, input: INPUT, seen: () => { firstMs ??= performance.now(); } }), {
  settings: { kafkaBrokers: KAFKA.split(','), registryUrl: '', logLevel: 'warn', guarantee: guarantee as Config['guarantee'], openTasks: Number(tasks) },
});
handle.events$.subscribe(({ type }) => {
  if (type === 'committed') commits += 1;
});

const untilFinished = new Promise<number>((resolve) => {
  const timer = setInterval(() => {
    const all: readonly WorkerFigures[] = [handle.figures()];
    if (finished(all, { partitions: Number(tasks), records: Number(records) }) === null) return;
    clearInterval(timer);
    resolve(performance.now());
  }, POLL_MS);
});
const endMs = await Promise.race([untilFinished, handle.done.then(() => Promise.reject(new Error('the worker stopped by itself')))]);
const measured: Measured = { ms: endMs - firstMs!, cpuS: usage().cpuS, commits };
await handle.stop();
process.stdout.write(`${JSON.stringify(measured)}\n`);
process.exit(0);
