import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import { systemClock } from '../../lib/core/clock.ts';
import { readConfig } from '../../lib/core/config.ts';
import { StageCounters, type WorkerFigures } from '../../lib/core/metrics.ts';
import { metricDefinitions, serve, type WorkerServer } from '../../lib/server/index.ts';
import { metricsPage } from '../../lib/server/page.ts';
import { FakeWorker, figuresOf, notLoaded, stageOf } from './support.ts';

const ROOT = join(import.meta.dirname, '..', '..');

describe('the health of a worker', () => {
  const worker = new FakeWorker();
  let server: WorkerServer;
  before(async () => {
    server = await serve(worker, { environment: {} });
  });
  after(() => server.close());

  const cases: readonly (readonly [when: string, figures: WorkerFigures, live: number, ready: number, waiting: readonly string[], sinksDown?: readonly string[]])[] = [
    ['its tables load', figuresOf({ state: 'starting', stages: [stageOf('s', null, { assigned: null, tasks: 0 })], tables: [notLoaded] }), 200, 503, ['table content is not loaded yet', 'stage s is not in its group yet']],
    ['a stage has not joined yet', figuresOf({ state: 'starting', stages: [stageOf('a', null), stageOf('b', 'b', { assigned: null, tasks: 0 })] }), 200, 503, ['stage b is not in its group yet']],
    ['a stage has never joined, for its sink', figuresOf({ state: 'starting', stages: [stageOf('a', null), stageOf('b', 'b', { assigned: null, tasks: 0, sinkDown: 'no answer' })] }), 200, 200, [], ['sink b is down, and its stage waits: no answer']],
    ['tasks cannot open, for their sink', figuresOf({ stages: [stageOf('b', 'b', { assigned: 2, tasks: 1, opening: 1, breaker: 'half-open', sinkDown: 'no answer' })] }), 200, 200, [], ['sink b is down, and its stage waits: no answer']],
    ['one of two stages waits for its sink', figuresOf({ stages: [stageOf('a', null, { assigned: null, tasks: 0 }), stageOf('b', 'b', { assigned: null, tasks: 0, sinkDown: 'no answer' })] }), 200, 503, ['stage a is not in its group yet'], ['sink b is down, and its stage waits: no answer']],
    ['a stage with a sink that is down has lost its group', figuresOf({ stages: [stageOf('b', 'b', { assigned: null, tasks: 0, rebalances: 1, breaker: 'open', sinkDown: 'no answer' })] }), 200, 503, ['stage b is not in its group yet'], ['sink b is down, and its stage waits: no answer']],
    ['one attempt at a sink has failed', figuresOf({ stages: [stageOf('b', 'b', { sinkDown: 'no answer' })] }), 200, 200, []],
    ['tasks restore', figuresOf({ stages: [stageOf('a', null, { assigned: 4, tasks: 1, opening: 3 })] }), 200, 503, ['stage a has 3 of its 4 tasks not open yet']],
    ['everything is open', figuresOf(), 200, 200, []],
    ['the group has no task for it', figuresOf({ stages: [stageOf('a', null, { assigned: 0, tasks: 0 })] }), 200, 200, []],
    ['a sink is down', figuresOf({ stages: [stageOf('a', 'a', { breaker: 'open', sinkDown: 'no answer' })] }), 200, 200, [], ['sink a is down, and its stage waits: no answer']],
    ['a task cannot read a schema', figuresOf({ stages: [stageOf('a', null, { paused: 1, pausedBy: 'schema 7 cannot be read' })] }), 200, 503, ['stage a is paused: schema 7 cannot be read']],
    ['a table cannot be read on', figuresOf({ tables: [{ topic: 'content', rows: 3, loaded: true, unreadable: 0, valuesUnavailable: 0, pausedBy: 'schema 7 cannot be read' }] }), 200, 503, ['table content is paused: schema 7 cannot be read']],
    ['it stops', figuresOf({ state: 'stopping' }), 200, 503, ['the worker is stopping']],
    ['it has failed', figuresOf({ state: 'failed' }), 503, 503, ['the worker has failed; its log says why']],
  ];
  for (const [when, figures, live, ready, waiting, sinksDown = []] of cases) {
    it(`is ${live === 200 ? 'live' : 'not live'} and ${ready === 200 ? 'ready' : 'not ready'} when ${when}`, async () => {
      worker.now = figures;
      const [all, isLive, isReady] = await Promise.all(['/health', '/health/live', '/health/ready'].map((path) => fetch(`${server.url}${path}`)));
      expect([all!.status, isLive!.status, isReady!.status]).to.deep.equal([ready, live, ready]);
      expect(await all!.json()).to.deep.equal({ worker: 'w1', state: figures.state, live: live === 200, ready: ready === 200, waiting, sinksDown });
      expect(await isLive!.json()).to.deep.equal({ live: live === 200, state: figures.state });
      expect(await isReady!.json()).to.deep.equal({ ready: ready === 200, waiting, sinksDown });
    });
  }
});

describe('the metrics of a worker', () => {
  const scrape = async (figures: WorkerFigures): Promise<string[]> => {
    const server = await serve(new FakeWorker(figures), { environment: {} });
    try {
      const answer = await fetch(`${server.url}/metrics`);
      expect(answer.headers.get('content-type')).to.equal('text/plain; version=0.0.4; charset=utf-8');
      return (await answer.text()).split('\n');
    } finally {
      await server.close();
    }
  };

  it('say what the counters say, in base units', async () => {
    const counters = new StageCounters('warehouse', 'warehouse');
    Object.assign(counters, { recordsIn: 12, recordsOut: 10, deadLetters: 2, retries: 3, aborts: 4, fences: 1, sinkErrors: 5, sinkRefusals: 2, lagRecords: 7, waitingRecords: 11, lagMs: 1_500, assigned: 4, tasks: 3, breaker: 'open', restoreRemaining: 99, restoreMs: 2_500, catchupTimeouts: 6, rebalances: 8 });
    counters.drop('tombstone');
    counters.committed(30);
    counters.eventAge.observe(180);
    counters.eventAge.observe(10_000_000_000);
    counters.sinkWriteTime.observe(2);
    counters.processTime.observe(0.4);
    const lines = await scrape(figuresOf({ stages: [counters.snapshot()], tables: [{ topic: 'content', rows: 41, loaded: true, unreadable: 3, valuesUnavailable: 2 }] }));
    expect(lines).to.include.members([
      'millrace_worker_ready 1',
      'millrace_records_in_total{stage="warehouse"} 12',
      'millrace_records_out_total{stage="warehouse"} 10',
      'millrace_dead_letters_total{stage="warehouse"} 2',
      'millrace_records_dropped_total{stage="warehouse",reason="tombstone"} 1',
      'millrace_lag_records{stage="warehouse"} 7',
      'millrace_lag_waiting_records{stage="warehouse"} 11',
      'millrace_lag_seconds{stage="warehouse"} 1.5',
      '# TYPE millrace_commit_duration_seconds histogram',
      'millrace_commit_duration_seconds_bucket{stage="warehouse",le="0.025"} 0',
      'millrace_commit_duration_seconds_bucket{stage="warehouse",le="0.05"} 1',
      'millrace_commit_duration_seconds_bucket{stage="warehouse",le="+Inf"} 1',
      'millrace_commit_duration_seconds_sum{stage="warehouse"} 0.03',
      'millrace_process_duration_seconds_bucket{stage="warehouse",le="0.0005"} 1',
      'millrace_event_age_seconds_bucket{sink="warehouse",le="0.15"} 0',
      'millrace_event_age_seconds_bucket{sink="warehouse",le="0.2"} 1',
      'millrace_event_age_seconds_bucket{sink="warehouse",le="86400"} 1',
      'millrace_event_age_seconds_bucket{sink="warehouse",le="+Inf"} 2',
      'millrace_event_age_seconds_count{sink="warehouse"} 2',
      'millrace_sink_writes_total{sink="warehouse"} 1',
      'millrace_sink_errors_total{sink="warehouse"} 5',
      'millrace_sink_refusals_total{sink="warehouse"} 2',
      'millrace_sink_breaker_state{sink="warehouse"} 2',
      'millrace_retries_total{stage="warehouse"} 3',
      'millrace_tasks_open{stage="warehouse"} 3',
      'millrace_tasks_assigned{stage="warehouse"} 4',
      'millrace_rebalances_total{stage="warehouse"} 8',
      'millrace_transactions_aborted_total{stage="warehouse"} 4',
      'millrace_transactions_fenced_total{stage="warehouse"} 1',
      'millrace_restore_remaining_records{stage="warehouse"} 99',
      'millrace_restore_remaining_seconds{stage="warehouse"} 2.5',
      'millrace_table_rows{topic="content"} 41',
      'millrace_table_unreadable_total{topic="content"} 3',
      'millrace_table_values_unavailable_total{topic="content"} 2',
      'millrace_table_catchup_timeouts_total{stage="warehouse"} 6',
    ]);
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as { version: string };
    expect(lines).to.include(`millrace_build_info{app="engagement",worker="w1",version="${version}",node="${process.version}"} 1`);
    for (const name of ['process_cpu_seconds_total', 'process_resident_memory_bytes', 'nodejs_eventloop_lag_p99_seconds', 'nodejs_heap_size_used_bytes']) expect(lines.some((l) => l.startsWith(`${name} `)), name).to.equal(true);
  });

  it('have sinks\' series for outside sinks only', async () => {
    const lines = await scrape(figuresOf({ stages: [stageOf('totals', null)] }));
    expect(lines.filter((line) => /^millrace_(sink|event)/.test(line))).to.deep.equal([]);
  });

  it('have nothing of slots unless a PostgreSQL is named, and say when it does not answer', async () => {
    expect((await scrape(figuresOf())).filter((line) => /^millrace_slot/.test(line))).to.deep.equal([]);
    const server = await serve(new FakeWorker(), { environment: { MILLRACE_SLOTS_URL: 'postgres://nobody:hidden@127.0.0.1:1/none' } });
    try {
      const found = async (): Promise<string[]> => (await (await fetch(`${server.url}/metrics`)).text()).split('\n').filter((line) => /^millrace_(slot|worker)/.test(line));
      // The answer is there for a later scrape.
      while ((await found()).length < 2) await systemClock.sleep(10);
      expect(await found()).to.deep.equal(['millrace_worker_ready 1', 'millrace_slots_readable 0']);
    } finally {
      await server.close();
    }
  });

  it('keep one series for a topic that two tables read', async () => {
    const lines = await scrape(figuresOf({ tables: [{ topic: 'content', rows: 3, loaded: true, unreadable: 0, valuesUnavailable: 0 }, { topic: 'content', rows: 5, loaded: true, unreadable: 0, valuesUnavailable: 0 }] }));
    expect(lines.filter((line) => line.startsWith('millrace_table_rows{'))).to.deep.equal(['millrace_table_rows{topic="content"} 5']);
  });

  it('write any name of a stage so that it stays one label', async () => {
    const lines = await scrape(figuresOf({ stages: [stageOf('a"b\\c\nd', null)] }));
    expect(lines).to.include('millrace_records_in_total{stage="a\\"b\\\\c\\nd"} 0');
  });

  it('have names with units, and labels of the topology only', () => {
    const bounded = ['app', 'worker', 'version', 'node', 'stage', 'sink', 'reason', 'topic', 'slot'];
    for (const { name, type, labels, about } of metricDefinitions) {
      expect(name).to.match(/^millrace_[a-z_]+$/);
      expect(name.endsWith('_total'), name).to.equal(type === 'counter');
      if (type === 'histogram') expect(name).to.match(/_seconds$/);
      expect(bounded).to.include.members([...labels]);
      expect(about, name).to.match(/[.0]$/);
    }
    expect(new Set(metricDefinitions.map(({ name }) => name)).size).to.equal(metricDefinitions.length);
  });

  it('are all in docs/METRICS.md as they are defined', async () => {
    expect(await readFile(join(ROOT, 'docs', 'METRICS.md'), 'utf8'), 'node lib/server/page.ts > docs/METRICS.md writes it').to.equal(metricsPage());
  });

  it('are not served where the port is off', async () => {
    const server = await serve(new FakeWorker(), { environment: { MILLRACE_HTTP_PORT: 'off' } });
    expect(server.url).to.equal(null);
    await server.close();
  });
});

describe('the settings of the server', () => {
  it('take a port, auto or off', () => {
    const ports: readonly (readonly [text: string, port: number | string])[] = [['1', 1], ['9464', 9_464], ['65535', 65_535], ['auto', 'auto'], ['off', 'off']];
    for (const [text, port] of ports) expect(readConfig({ MILLRACE_HTTP_PORT: text }).httpPort).to.equal(port);
    expect(readConfig({})).to.include({ httpHost: '127.0.0.1', httpPort: 'auto' });
  });

  for (const text of ['0', '65536', '-1', '80.5', 'http', '', '09464', '9464 ']) {
    it(`refuse the port '${text}'`, () => {
      expect(() => readConfig({ MILLRACE_HTTP_PORT: text })).to.throw(`MILLRACE_HTTP_PORT must be a port from 1 to 65535, auto or off, not '${text}'`);
    });
  }

  it('refuse an address that is none: an empty one would be every address', () => {
    for (const host of ['', 'a b', 'http://x']) expect(() => readConfig({ MILLRACE_HTTP_HOST: host })).to.throw('MILLRACE_HTTP_HOST must be a host name or an IP address');
    for (const host of ['0.0.0.0', '::1', 'localhost', 'worker-1.local']) expect(readConfig({ MILLRACE_HTTP_HOST: host }).httpHost).to.equal(host);
  });
});
