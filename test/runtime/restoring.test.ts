import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { json, kafka, scan, stream, to, topology } from 'millrace/topology';
import { systemClock } from '../../lib/core/clock.ts';
import { createNetwork, memoryPort, smooth, type Fate } from '../../lib/kafka/memory/index.ts';
import { plan } from '../../lib/plan/plan.ts';
import { followRestore } from '../../lib/runtime/restoring.ts';
import { KeptLog } from '../integration/support/handles.ts';
import { Cluster, until } from './cluster.ts';
import { contextFor, ManualClock } from './support.ts';

const sums = topology('app', stream('numbers', json<number>()).pipe(
  scan('sums', (sum: number, n: number) => sum + n, { state: json<number>(), seed: 0 }),
  to('out', kafka('out', json<number>())),
));

describe('a restore that is followed', () => {
  it('is told with what is left and the seconds at the rate so far, and not more often than asked for', async () => {
    const clock = new ManualClock();
    const log = new KeptLog();
    const context = { ...contextFor(plan(sums).stages[0]!, 'app', clock, { restoreLogIntervalMs: 1_000 }), log };
    const tell = followRestore(context, { store: 'sums', partition: 3 });
    tell(1_000);
    for (const [atMs, remaining] of [[600, 900], [1_000, 800], [1_500, 750], [2_400, 400], [3_000, 0]] as const) {
      await clock.advance(atMs - clock.monotonic());
      tell(remaining);
    }
    expect(log.said('restoring a store').map(({ stage, store, partition, recordsLeft, secondsLeft }) => ({ stage, store, partition, recordsLeft, secondsLeft }))).to.deep.equal([
      { stage: 'numbers', store: 'sums', partition: 3, recordsLeft: 800, secondsLeft: 4 },
      { stage: 'numbers', store: 'sums', partition: 3, recordsLeft: 400, secondsLeft: 2 },
    ]);
    expect(context.counters.snapshot()).to.deep.include({ restoreRemaining: 0, restoreMs: null });
  });

  it('has no estimate before anything was read', async () => {
    const clock = new ManualClock();
    const log = new KeptLog();
    const context = { ...contextFor(plan(sums).stages[0]!, 'app', clock, { restoreLogIntervalMs: 1_000 }), log };
    const tell = followRestore(context, { store: 'sums', partition: 0 });
    tell(50);
    await clock.advance(2_000);
    tell(50);
    expect(log.said('restoring a store')[0]).to.deep.include({ recordsLeft: 50, secondsLeft: null });
    expect(context.counters.snapshot()).to.deep.include({ restoreRemaining: 50, restoreMs: null });
  });
});

describe('tasks that are opened', () => {
  let cluster: Cluster;

  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.close());

  it('tell in log and figures how much of a long changelog is left, until nothing is', async () => {
    cluster.topic('numbers');
    cluster.broker.createTopics([{ topic: 'app-sums-changelog', partitions: 1, replicationFactor: 1, config: { 'cleanup.policy': 'compact' } }]);
    const records = 4_000;
    for (let n = 0; n < records; n += 1) cluster.send('app-sums-changelog', [n], `key-${n}`);
    cluster.broker.group('app.numbers').commitOffsets([{ topic: 'numbers', partition: 0, offset: 0 }]);
    const log = new KeptLog();
    const handle = cluster.start(sums, { log, settings: { restoreLogIntervalMs: 1, fetchPartitionBytes: 1_024 } });
    const seen: { readonly records: number; readonly ms: number | null }[] = [];
    await until(() => {
      const { restoreRemaining, restoreMs, tasks } = handle.figures().stages[0]!;
      if (restoreRemaining > 0) seen.push({ records: restoreRemaining, ms: restoreMs });
      return tasks === 1;
    }, () => JSON.stringify(log.lines.slice(-3)), 20_000);
    const left = log.said('restoring a store').map(({ recordsLeft }) => Number(recordsLeft));
    expect(left.length).to.be.above(3);
    expect(left).to.deep.equal(left.toSorted((a, b) => b - a));
    expect(left[0]).to.be.below(records);
    expect(seen.length).to.be.above(0);
    expect(seen.some(({ ms }) => ms !== null && ms > 0)).to.equal(true);
    expect(handle.figures().stages[0]).to.deep.include({ restoreRemaining: 0, restoreMs: null });
    expect(log.said('store restored')[0]).to.deep.include({ records, keys: records });
  });

  it('are opened side by side, and no more at once than they may be', async () => {
    cluster.topic('numbers', 7);
    let now = 0;
    let most = 0;
    const fate = (call: string): Fate => {
      if (call !== 'InitProducerId') return smooth(systemClock, 1);
      now += 1;
      most = Math.max(most, now);
      return { requestMs: 30, answerMs: 0, brokenAfterMs: null, held: false, applied: () => { now -= 1; } };
    };
    const network = createNetwork({ wire: systemClock, client: systemClock, requestTimeoutMs: 5_000, fate });
    const handle = cluster.start(sums, { port: memoryPort({ broker: cluster.broker, network }), settings: { openTasks: 3 } });
    await until(() => handle.figures().stages[0]!.tasks === 7);
    expect(most).to.equal(3);
  });
});
