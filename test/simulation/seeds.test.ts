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
/** A machine with nothing else to do takes less than a minute; one that measures coverage beside other work must be done in this time. */
const BOUND_MS = 1_000 * Number(process.env['SIMULATION_SECONDS'] ?? 240);

describe('simulated topologies', () => {
  it(`lose nothing, double nothing and keep order whatever goes wrong, by ${SEEDS} seeds`, async function () {
    this.timeout(BOUND_MS + 60_000);
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
    this.test!.title += ` (${Object.keys(topologies).length} topologies, ${seconds.toFixed(1)} s, load average ${loadavg()[0]!.toFixed(1)})`;
    expect(seeds, `seeds in ${BOUND_MS / 1_000} s`).to.equal(SEEDS);
  });
});
