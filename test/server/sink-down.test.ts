/** What a worker says of itself while an outside sink is down: since before it started, and since before its tasks opened. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { json, kafka, stream, to, topology } from 'millrace/topology';
import { http } from 'millrace/sinks';
import { RetryError } from '../../lib/core/errors.ts';
import type { StageFigures } from '../../lib/core/metrics.ts';
import type { RunHandle } from '../../lib/runtime/run.ts';
import { healthOf, serve } from '../../lib/server/index.ts';
import type { SinkDriver, SinkTask, SinkWriter } from '../../lib/sinks/contract.ts';
import { Cluster, Outside, until as untilWithin } from '../runtime/cluster.ts';

const until = (holds: () => boolean, what: () => string): Promise<void> => untilWithin(holds, what, 15_000);

const DOWN = new RetryError('no answer from redis://user:hunter2@127.0.0.1:1');
const SAID = 'sink partner is down, and its stage waits: no answer from redis://[redacted]@127.0.0.1:1';

const numbers = stream('numbers', json<number>());
const both = topology('app',
  numbers.pipe(to('partner', http({ url: 'http://127.0.0.1:1/', body: (n) => n, idempotencyKey: String }), { batch: { records: 1, waitMs: 1 } })),
  numbers.pipe(to('copy', kafka('copies', json<number>()))),
);

describe('a worker whose sink is down', function () {
  this.timeout(20_000);
  let cluster: Cluster;
  let outside: Outside;
  let isDown: boolean;
  const answer = <T>(value: T): Promise<T> => (isDown ? Promise.reject(DOWN) : Promise.resolve(value));
  const settings = { breakerFailures: 2, breakerOpenMs: 20, breakerOpenMaxMs: 40 };
  const startWith = (changes: Partial<SinkDriver>): RunHandle => cluster.start(both, { settings, drivers: () => ({ ...outside.driver, ...changes }) });
  const partner = (handle: RunHandle): StageFigures => handle.figures().stages.find(({ stage }) => stage === 'partner')!;
  const metricsOf = async (handle: RunHandle): Promise<string[]> => {
    const server = await serve(handle, { environment: {} });
    try {
      return (await (await fetch(`${server.url}/metrics`)).text()).split('\n');
    } finally {
      await server.close();
    }
  };

  beforeEach(() => {
    cluster = new Cluster();
    outside = new Outside();
    isDown = true;
    cluster.topic('numbers', 2);
    cluster.send('numbers', [1, 2, 3]);
    cluster.send('numbers', [4, 5], 'l', 1);
  });
  afterEach(() => cluster.close());

  it('since before it started: is ready, says which sink and why, and is behind by what waits', async () => {
    const handle = startWith({ open: () => answer(undefined) });
    await until(() => cluster.values('copies', 0).length + cluster.values('copies', 1).length === 5 && partner(handle).waitingRecords === 5 && partner(handle).breaker === 'open', () => JSON.stringify(partner(handle)));
    expect(healthOf(handle.figures())).to.deep.include({ live: true, ready: true, waiting: [], sinksDown: [SAID] });
    const { lagMs } = partner(handle);
    await until(() => partner(handle).lagMs > lagMs, () => 'time goes on');
    const metrics = await metricsOf(handle);
    expect(metrics).to.include.members(['millrace_worker_ready 1', 'millrace_lag_waiting_records{stage="partner"} 5', 'millrace_lag_records{stage="partner"} 0', 'millrace_records_in_total{stage="partner"} 0']);
    // What MillraceBreakerOpen and MillraceLagHigh look at.
    expect(metrics.some((line) => /^millrace_sink_breaker_state\{sink="partner"\} [12]$/.test(line))).to.equal(true);
    expect(metrics.some((line) => /^millrace_lag_seconds\{stage="partner"\} 0\.\d*[1-9]/.test(line) || /^millrace_lag_seconds\{stage="partner"\} [1-9]/.test(line))).to.equal(true);

    isDown = false;
    await until(() => outside.written.length === 5 && partner(handle).lagRecords === 0, () => JSON.stringify(partner(handle)));
    expect(partner(handle)).to.deep.include({ waitingRecords: 0, lagMs: 0, sinkDown: null, breaker: 'closed' });
    expect(healthOf(handle.figures())).to.deep.include({ ready: true, waiting: [], sinksDown: [] });
  });

  it('since before its tasks opened: is ready too, and behind by what they would read', async () => {
    const writer = async (task: SinkTask): Promise<SinkWriter> => answer(await outside.driver.writer(task));
    const handle = startWith({ keepsPositions: true, writer });
    await until(() => partner(handle).opening === 2 && partner(handle).lagRecords === 5 && partner(handle).lagMs > 0, () => JSON.stringify(partner(handle)));
    expect(partner(handle)).to.deep.include({ tasks: 0, assigned: 2, waitingRecords: 0 });
    await until(() => healthOf(handle.figures()).ready, () => JSON.stringify(healthOf(handle.figures())));
    expect(healthOf(handle.figures()).sinksDown).to.deep.equal([SAID]);
    isDown = false;
    await until(() => outside.written.length === 5 && partner(handle).lagRecords === 0, () => JSON.stringify(partner(handle)));
    expect(healthOf(handle.figures())).to.deep.include({ ready: true, sinksDown: [] });
  });
});
