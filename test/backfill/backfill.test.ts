/** Whole backfills on a cluster in memory: what reaches the sinks, what live traffic keeps, what is left. */
import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { json, keyBy, map, scan, stream, through, to, topology } from '../../topology/index.ts';
import { http } from '../../topology/sinks/http.ts';
import { kafka } from '../../topology/sinks/kafka.ts';
import { redis } from '../../topology/sinks/redis.ts';
import { ConfigurationError, StopError } from '../../lib/core/errors.ts';
import { silentLogger } from '../../lib/core/logger.ts';
import type { KafkaPort } from '../../lib/kafka/port.ts';
import { memoryPort } from '../../lib/kafka/memory/index.ts';
import { backfill, discardBackfill, type BackfillOptions, type BackfillStart, type BackfillSummary } from '../../lib/backfill/index.ts';
import type { TopologyValue } from '../../lib/plan/types.ts';
import { ALL_WRITTEN, type SinkDriver } from '../../lib/sinks/contract.ts';
import { Cluster, until } from '../runtime/cluster.ts';

interface Event {
  readonly id: number;
}

const SETTINGS = { commitIntervalMs: 10, sinkCommitIntervalMs: 20, fetchMaxWaitMs: 10, retryBaseMs: 1, retryMaxMs: 10, heartbeatIntervalMs: 20, sessionTimeoutMs: 500 };
const partner = (id = (event: Event) => event.id) => http<Event, unknown>({ url: 'http://partner', body: (event) => event, idempotencyKey: id });
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

const direct = topology('shop', stream('orders', json<Event>()).pipe(to('partner', partner())));
const piped = topology('shop', stream('orders', json<Event>()).pipe(
  map((event) => ({ id: event.id * 10 })),
  through('orders.enriched', json<Event>()),
  to('partner', partner()),
));

describe('a backfill', function () {
  this.timeout(20_000);
  let cluster: Cluster;
  let written: number[];
  beforeEach(() => {
    cluster = new Cluster();
    written = [];
  });
  afterEach(() => cluster.close());

  const driver = (): SinkDriver => ({
    open: () => Promise.resolve(),
    writer: () => Promise.resolve({
      positions: (ends: readonly number[]) => Promise.resolve(ends.map(() => null)),
      write: (batch: readonly { readonly value: unknown }[]) => {
        written.push(...batch.map(({ value }) => (value as Event).id));
        return Promise.resolve(ALL_WRITTEN);
      },
      close: () => Promise.resolve(),
    }),
    health: () => Promise.resolve(),
    close: () => Promise.resolve(),
  });

  /** Ids from..to, record `id` at the time `id` seconds. */
  const history = (from: number, to: number, partition = 0): void =>
    cluster.broker.append({ topic: 'orders', partition }, range(from, to).map((id) => ({ key: Buffer.from('k'), value: Buffer.from(JSON.stringify({ id })), timestamp: id * 1_000, headers: [] })));

  const optionsFor = (changes: Partial<BackfillOptions> = {}): BackfillOptions => ({
    name: 'again', from: 'earliest', to: 'now', choice: { only: [], without: [], accept: [] }, recordsPerSecond: Infinity, progressMs: 20,
    port: () => memoryPort({ broker: cluster.broker }), environment: {}, settings: SETTINGS, log: silentLogger, drivers: () => driver(), ...changes,
  });
  const start = (of: TopologyValue, changes: Partial<BackfillOptions> = {}): Promise<BackfillSummary> => backfill(of, optionsFor(changes));

  const refused = async (of: TopologyValue, changes: Partial<BackfillOptions> = {}): Promise<readonly string[]> => {
    try {
      await start(of, changes);
    } catch (error) {
      if (error instanceof ConfigurationError) return error.problems;
      throw error;
    }
    return [];
  };

  const ranges: readonly (readonly [string, Partial<BackfillOptions>, readonly number[]])[] = [
    ['everything there was when it began', {}, range(0, 40)],
    ['what is not earlier than --from', { from: 15_000 }, range(15, 40)],
    ['what is earlier than --to', { to: 30_000 }, range(0, 30)],
    ['what lies between the two', { from: 4_500, to: 20_500 }, range(5, 21)],
    ['nothing of a range in which nothing is', { from: 90_000 }, []],
  ];
  for (const [what, options, expected] of ranges) {
    it(`writes ${what}`, async () => {
      cluster.topic('orders', 2);
      history(0, 25);
      history(25, 40, 1);
      const summary = await start(direct, options);
      expect(written.toSorted((a, b) => a - b)).to.deep.equal(expected);
      expect(summary).to.deep.include({ app: 'shop-backfill-again', end: 'done', deadLetters: [] });
      expect(summary.progress).to.deep.include({ records: expected.length, totalRecords: expected.length, waitingRecords: 0 });
    });
  }

  it('computes through topics of its own, ends without what comes meanwhile, and leaves nothing of its own behind', async () => {
    cluster.topic('orders');
    history(0, 50);
    const live = cluster.start(piped, { drivers: () => driver() });
    await until(() => written.length === 50);
    const shared = cluster.values('orders.enriched').length;
    const before = { topics: cluster.broker.listTopics().toSorted(), groups: cluster.broker.listGroups().toSorted() };
    written = [];
    await start(piped, { onStart: () => history(50, 60) });
    await until(() => written.length >= 60);
    // Fifty by the backfill, ten by live traffic: each id once.
    expect(written.toSorted((a, b) => a - b)).to.deep.equal(range(0, 60).map((id) => id * 10));
    expect(cluster.values('orders.enriched')).to.have.length(shared + 10);
    expect(cluster.broker.listTopics().toSorted()).to.deep.equal(before.topics);
    expect(cluster.broker.listGroups().toSorted()).to.deep.equal(before.groups);
    await live.stop();
  });

  it('goes on where it was stopped, with the end that it had then', async () => {
    cluster.topic('orders');
    history(0, 400);
    const stop = new AbortController();
    const first = await start(direct, { recordsPerSecond: 1_000, signal: stop.signal, onProgress: ({ records }) => { if (records >= 100) stop.abort(); } });
    expect(first.end).to.equal('stopped');
    const sofar = written.length;
    expect(sofar).to.be.within(100, 399);
    history(400, 500);
    const starts: BackfillStart[] = [];
    const second = await start(direct, { onStart: (started) => starts.push(started) });
    expect(starts.map((s) => s.start)).to.deep.equal(['resumed']);
    expect(second.end).to.equal('done');
    expect(written).to.deep.equal(range(0, 400));
  });

  it('refuses to go on as another one under the same name, until it is discarded', async () => {
    cluster.topic('orders');
    history(0, 100);
    const stop = new AbortController();
    await start(direct, { recordsPerSecond: 100, signal: stop.signal, onProgress: () => stop.abort() });
    expect(await refused(direct, { from: 5_000 })).to.deep.equal(['the backfill again has begun --from earliest --to now into partner: go on with that, give this one another --name, or --discard it']);
    await discardBackfill(direct, optionsFor());
    expect(cluster.broker.listTopics()).to.deep.equal(['orders']);
    written = [];
    await start(direct, { from: 95_000 });
    expect(written).to.deep.equal(range(95, 100));
  });

  it('does not pass over records that retention takes before they are read', async () => {
    cluster.topic('orders');
    history(0, 50);
    const stop = new AbortController();
    stop.abort();
    expect((await start(direct, { signal: stop.signal, recordsPerSecond: 1 })).end).to.equal('stopped');
    cluster.broker.deleteRecordsBefore([{ topic: 'orders', partition: 0, offset: 30 }]);
    const failure = await start(direct).then(() => null, (error: unknown) => error);
    expect(String(failure)).to.match(/group shop-backfill-again.partner stands at offset \d, but the log goes from 30 to 50/);
    expect(written.every((id) => id < 5)).to.equal(true);
  });

  it('only clears up when it was cut short while it did', async () => {
    cluster.topic('orders');
    history(0, 20);
    let deletions = 0;
    const failing = (): KafkaPort => {
      const port = memoryPort({ broker: cluster.broker });
      return { ...port, admin: () => {
        const admin = port.admin();
        const deleteTopics = admin.deleteTopics.bind(admin);
        admin.deleteTopics = async (topics) => {
          deletions += 1;
          if (deletions === 1) throw new StopError('no longer there');
          return deleteTopics(topics);
        };
        return admin;
      } };
    };
    const cutShort = await start(piped, { port: failing }).then(() => null, (error: unknown) => error);
    expect(String(cutShort)).to.include('no longer there');
    expect(written).to.have.length(20);
    history(20, 30);
    expect(await start(piped, { port: failing })).to.deep.equal({ app: 'shop-backfill-again', end: 'done', progress: null, deadLetters: [] });
    expect(written).to.have.length(20);
    expect(cluster.broker.listTopics()).to.deep.equal(['orders']);
    expect(cluster.broker.listGroups()).to.deep.equal([]);
  });

  it('that is told to stop while it waits to clear up says so, and clears up later', async () => {
    cluster.topic('orders');
    history(0, 20);
    const stop = new AbortController();
    // A worker of a process that was killed: a member until its session has timed out.
    const busy = (): KafkaPort => {
      const port = memoryPort({ broker: cluster.broker });
      return { ...port, admin: () => Object.assign(port.admin(), { groupSizes: (groups: readonly string[]) => {
        if (written.length === 20) stop.abort(new Error('interrupted'));
        return Promise.resolve(groups.map(() => 1));
      } }) };
    };
    expect(await start(direct, { port: busy, signal: stop.signal })).to.deep.equal({ app: 'shop-backfill-again', end: 'stopped', progress: null, deadLetters: [] });
    expect((await start(direct)).end).to.equal('done');
    expect(written).to.deep.equal(range(0, 20));
    expect(cluster.broker.listTopics()).to.deep.equal(['orders']);
  });

  it('into Redis begins without fences and marks of an earlier one under its name, and leaves none', async () => {
    cluster.topic('orders', 2);
    history(0, 20);
    const said: string[] = [];
    const drivers = (): SinkDriver => ({
      ...driver(),
      protect: (begin) => Promise.resolve(void said.push(`protect ${begin}`)),
      release: (places) => Promise.resolve(void said.push(`release ${places.map(({ topic, partition }) => `${topic}/${partition}`).join()}`)),
    });
    const hashed = topology('shop', stream('orders', json<Event>()).pipe(to('last', redis.hash({ key: 'h', fields: ({ id }) => ({ id }) }))));
    const stop = new AbortController();
    stop.abort();
    await start(hashed, { drivers, signal: stop.signal });
    expect(said.splice(0)).to.deep.equal(['release orders/0,orders/1', 'protect first']);
    await start(hashed, { drivers });
    expect(said).to.deep.equal(['protect resumed', 'release orders/0,orders/1']);
  });

  it('keeps dead letters, and says where', async () => {
    cluster.topic('orders');
    history(0, 5);
    const picky = topology('shop', stream('orders', json<Event>()).pipe(
      map((event) => { if (event.id === 3) throw new Error('not this one'); return event; }),
      to('partner', partner()),
    ));
    const { deadLetters } = await start(picky);
    expect(written).to.deep.equal([0, 1, 2, 4]);
    expect(deadLetters).to.deep.equal(['shop-backfill-again-partner-dlq']);
    expect(cluster.values('shop-backfill-again-partner-dlq')).to.deep.equal([{ id: 3 }]);
  });

  it('builds states from the beginning of the history', async () => {
    cluster.topic('orders');
    history(1, 6);
    const sums = topology('shop', stream('orders', json<Event>()).pipe(
      keyBy('all', () => 'all'), scan('sum', (sum, event): Event => ({ id: sum.id + event.id }), { state: json<Event>(), seed: { id: 0 } }), to('partner', partner()),
    ));
    await start(sums);
    expect(written).to.deep.equal([1, 3, 6, 10, 15]);
  });

  describe('refuses at once everything that could come out wrong', () => {
    const events = stream('orders', json<Event>());
    const counted = events.pipe(keyBy('all', () => 'all'), scan('sum', (sum, event): Event => ({ id: sum.id + event.id }), { state: json<Event>(), seed: { id: 0 } }));
    const all = topology('shop',
      events.pipe(to('copy', kafka('copies', json<Event>()))),
      events.pipe(to('count', redis.increment({ key: 'n', fields: () => ({ n: 1 }) }))),
      events.pipe(to('feed', redis.stream({ key: 's', fields: (e) => ({ id: e.id }), maxLength: 5 }))),
      events.pipe(to('last', redis.hash({ key: 'h', fields: (e) => ({ id: e.id }) }))),
      counted.pipe(to('totals', partner())),
    );

    it('and names each sink, the reason and the ways out', async () => {
      cluster.topic('orders');
      history(0, 5);
      const wayOut = (name: string): string => `; or leave it out (--without ${name}), or say that this is as it should be (--accept ${name})`;
      expect(await refused(all, { from: 1_000, to: 4_000 })).to.deep.equal([
        `sink copy: topic copies would hold every record of the range a second time${wayOut('copy')}`,
        `sink count: its increments would be counted on top of what live traffic has counted${wayOut('count')}`,
        `sink feed: its Redis stream would get every entry of the range a second time, behind newer ones${wayOut('feed')}`,
        `sink last: a range that ends in the past leaves its old values in fields that have newer ones now; end it now (without --to)${wayOut('last')}`,
        `sink totals: it comes from a scan, whose state begins empty at --from; begin at the earliest record (--from earliest)${wayOut('totals')}`,
      ]);
      expect(cluster.broker.listTopics()).to.deep.equal(['orders']);
      expect(written).to.deep.equal([]);
    });

    it('but not what is left out, or accepted', async () => {
      cluster.topic('orders');
      history(0, 5);
      await start(all, { choice: { only: [], without: ['copy', 'feed', 'count', 'totals'], accept: ['last'] }, to: 4_000 });
      expect(written).to.deep.equal([0, 1, 2, 3]);
    });

    it('states whose first records are gone, and a snapshot that is gone', async () => {
      cluster.topic('orders');
      history(0, 5);
      cluster.broker.deleteRecordsBefore([{ topic: 'orders', partition: 0, offset: 2 }]);
      const problems = await refused(all, { from: 'snapshot', choice: { only: ['totals'], without: [], accept: [] } });
      expect(problems).to.have.length(2);
      expect(problems[0]).to.include('topic orders no longer holds what the snapshot wrote');
      expect(problems[1]).to.include('sink totals: it comes from a scan, and the first records of orders are gone');
    });

    it('unknown sinks, no sinks and a range the wrong way round', async () => {
      cluster.topic('orders');
      expect(await refused(direct, { choice: { only: ['partnr'], without: [], accept: [] } })).to.deep.equal(['there is no sink partnr; there are partner', 'no sink is left']);
      expect(await refused(direct, { from: 2_000, to: 1_000 })).to.deep.equal(['the range ends before it begins']);
    });
  });
});
