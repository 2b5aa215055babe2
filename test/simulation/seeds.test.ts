import { once } from 'node:events';
import { loadavg } from 'node:os';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Report, Task } from './seeds.worker.ts';
import * as topologies from './topologies.ts';

const THREADS = 2;
/** Seeds to run, and the first of them. */
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 2_000);
const FROM = Number(process.env['SIMULATION_FROM'] ?? 0);
/** Of CPU for each thread, ms: the time that two idle cores would take. A busy machine takes longer by the clock, and fails no test by that. */
const BOUND_MS = 1_000 * Number(process.env['SIMULATION_SECONDS'] ?? 60);
const CLOCK_BOUND_MS = 8 * BOUND_MS;

describe('simulated topologies', () => {
  it(`lose nothing, double nothing and keep order whatever goes wrong, by ${SEEDS} seeds`, async function () {
    this.timeout(CLOCK_BOUND_MS);
    const startedMs = performance.now();
    const reports = await Promise.all(Array.from({ length: THREADS }, async (_, thread): Promise<Report> => {
      const workerData: Task = { from: FROM + thread, step: THREADS, until: FROM + SEEDS, budgetMs: BOUND_MS };
      const worker = new Worker(new URL('seeds.worker.ts', import.meta.url), { workerData });
      const [report] = (await once(worker, 'message')) as [Report];
      return report;
    }));
    const seconds = (performance.now() - startedMs) / 1_000;
    const failures = reports.flatMap((report) => report.failures);
    expect(failures, failures.join('\n\n')).to.deep.equal([]);
    const seeds = reports.reduce((sum, report) => sum + report.seeds, 0);
    this.test!.title += ` (${Object.keys(topologies).length} topologies, ${Math.max(...reports.map(({ cpuMs }) => cpuMs / 1_000)).toFixed(1)} s of CPU in each of ${THREADS} threads, ${seconds.toFixed(1)} s by the clock, load average ${loadavg()[0]!.toFixed(1)})`;
    expect(seeds, `seeds in ${BOUND_MS / 1_000} s of CPU a thread`).to.equal(SEEDS);
  });
});
