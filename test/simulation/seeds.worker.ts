/** A thread that runs every n-th seed of all topologies until its time is over, and says which of them failed. */
import { parentPort, workerData } from 'node:worker_threads';
import { simulate, SimulationError } from '../../lib/testing/simulate.ts';
import * as topologies from './topologies.ts';

export interface Task {
  readonly from: number;
  readonly step: number;
  readonly until: number;
  /** Of this thread's CPU: what else the machine does is not counted. */
  readonly budgetMs: number;
}

export interface Report {
  readonly seeds: number;
  readonly cpuMs: number;
  readonly failures: readonly string[];
}

const { from, step, until, budgetMs } = workerData as Task;
const cpuMs = (): number => {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1_000;
};
const failures: string[] = [];
let seeds = 0;
for (let seed = from; seed < until && cpuMs() < budgetMs && failures.length < 3; seed += step) {
  // Another topology for each seed.
  const all = Object.values(topologies);
  const { topology, ...options } = all[seed % all.length]!;
  try {
    await simulate(topology, { seed, ...options });
  } catch (error) {
    failures.push(error instanceof SimulationError ? error.message : `topology ${topology.name}, seed ${seed}: ${String(error)}`);
  }
  seeds += 1;
}
parentPort!.postMessage({ seeds, cpuMs: cpuMs(), failures } satisfies Report);
