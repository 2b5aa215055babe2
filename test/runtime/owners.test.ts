/** Tasks that are shut out: by a newer owner, by a former one that comes late, and by nobody. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { json, kafka, scan, stream, to, topology } from 'millrace/topology';
import { systemClock } from '../../lib/core/clock.ts';
import { createNetwork, memoryPort, smooth, type Fate } from '../../lib/kafka/memory/index.ts';
import { Cluster, eventsOf, until } from './cluster.ts';

const summed = topology('app', stream('numbers', json<number>()).pipe(
  scan('sums', (sum: number, n: number) => sum + n, { state: json<number>(), seed: 0 }),
  to('out', kafka('out', json<number>())),
));

describe('a task that is shut out', () => {
  let cluster: Cluster;

  beforeEach(() => {
    cluster = new Cluster();
  });
  afterEach(() => cluster.close());

  it('by a former owner that came late begins again as soon as the group says that it is the owner still', async () => {
    cluster.topic('numbers');
    const handle = cluster.start(summed, { settings: { sessionTimeoutMs: 60_000 } });
    const events = eventsOf(handle);
    cluster.send('numbers', [1, 2]);
    await until(() => cluster.values('out').length === 2);
    const late = memoryPort({ broker: cluster.broker }).producer('app.numbers.0', { transactionTimeoutMs: 10_000 });
    await late.init();
    cluster.send('numbers', [3]);
    await until(() => cluster.values('out').length === 3, () => JSON.stringify(events));
    expect(cluster.values('out')).to.deep.equal([1, 3, 6]);
    expect(events.filter(({ type }) => type === 'fenced')).to.have.length(1);
    expect(handle.figures().stages[0]).to.deep.include({ fences: 1, rebalances: 1 });
  });

  it('by a newer owner does not fence that one in turn, however long it is before it hears of it', async () => {
    cluster.topic('numbers', 2);
    const sessionTimeoutMs = 300;
    const sums = (): number[] => [0, 1].flatMap((partition) => cluster.values('out', partition) as number[]).toSorted((a, b) => a - b);
    let cutOff = false;
    const inits: string[] = [];
    // The one worker hears nothing of the group for a while, and works on as its owner; everything else goes through.
    const fateOf = (worker: string) => (call: string): Fate => {
      if (call === 'InitProducerId') inits.push(worker);
      const group = call === 'Heartbeat' || call === 'JoinGroup';
      return cutOff && worker === 'old' && group ? { requestMs: 2_500, answerMs: 0, brokenAfterMs: null, held: false } : smooth(systemClock, 1);
    };
    const start = (worker: string) => cluster.start(summed, {
      port: memoryPort({ broker: cluster.broker, network: createNetwork({ wire: systemClock, client: systemClock, requestTimeoutMs: 10_000, fate: fateOf(worker) }) }),
      settings: { sessionTimeoutMs, rebalanceTimeoutMs: 1_000 },
    });
    const old = start('old');
    cluster.send('numbers', [1], 'a', 0);
    cluster.send('numbers', [1], 'b', 1);
    await until(() => sums().length === 2);
    cutOff = true;
    await systemClock.sleep(sessionTimeoutMs + 200);
    const young = start('young');
    await until(() => young.figures().stages[0]!.tasks === 2);
    cluster.send('numbers', [10], 'a', 0);
    cluster.send('numbers', [10], 'b', 1);
    await until(() => old.figures().stages[0]!.fences === 2, () => JSON.stringify(old.figures().stages[0]));
    const fencedAt = inits.length;
    // Several sessions long: whoever waits for time to pass only would be back.
    await systemClock.sleep(4 * sessionTimeoutMs);
    cluster.send('numbers', [100], 'a', 0);
    cluster.send('numbers', [100], 'b', 1);
    await until(() => sums().length === 6);
    expect(inits.slice(fencedAt)).to.deep.equal([]);
    expect(young.figures().stages[0]).to.deep.include({ fences: 0, aborts: 0, tasks: 2 });
    expect(sums()).to.deep.equal([1, 1, 11, 11, 111, 111]);
    // It hears of it at last, joins again, and both have a task each.
    cutOff = false;
    await until(() => [old, young].every((worker) => worker.figures().stages[0]!.tasks === 1), () => JSON.stringify([old, young].map((w) => w.figures().stages[0])), 10_000);
    expect(young.figures().stages[0]!.fences).to.equal(0);
  }).timeout(15_000);
});
