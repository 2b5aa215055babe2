import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { Report, Task } from './seeds.worker.ts';

const THREADS = 2;
/** Seeds to run, the first of them, and the time after which it is enough. */
const SEEDS = Number(process.env['SIMULATION_SEEDS'] ?? 2_000);
const FROM = Number(process.env['SIMULATION_FROM'] ?? 0);
const BUDGET_MS = 1_000 * Number(process.env['SIMULATION_SECONDS'] ?? 20);
const FEWEST = 40;

describe('simulated topologies', () => {
  it('lose nothing, double nothing and keep order whatever goes wrong', async function () {
    this.timeout(BUDGET_MS + 60_000);
    const reports = await Promise.all(Array.from({ length: THREADS }, async (_, thread): Promise<Report> => {
      const workerData: Task = { from: FROM + thread, step: THREADS, until: FROM + SEEDS, budgetMs: BUDGET_MS };
      const worker = new Worker(new URL('seeds.worker.ts', import.meta.url), { workerData });
      const [report] = (await once(worker, 'message')) as [Report];
      return report;
    }));
    const failures = reports.flatMap((report) => report.failures);
    expect(failures, failures.join('\n\n')).to.deep.equal([]);
    const seeds = reports.reduce((sum, report) => sum + report.seeds, 0);
    this.test!.title += ` (${seeds} seeds)`;
    expect(seeds).to.be.at.least(Math.min(SEEDS, FEWEST));
  });
});
