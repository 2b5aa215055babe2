/** Two workers that serve health and metrics, and a real Prometheus that scrapes them with the configuration, rules and dashboard of deploy/. */
import { createServer, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { expect } from 'chai';
import { after, before, describe, it } from 'mocha';
import pg from 'pg';
import { run, serve } from 'millrace';
import { silentLogger } from '../../lib/core/logger.ts';
import { alertExpressions, alertRules, dashboardExpressions, findPrometheus, metricsIn } from '../deploy/prometheus.ts';
import { freePair } from '../server/support.ts';
import { watched, type Event } from './metrics/topology.ts';
import { eventually, Lab, type WorkerProcess } from './support/lab.ts';
import { Prometheus } from './support/prometheus.ts';
import { stack } from './support/stack.ts';

const EVENTS = 60;
const USERS = ['ada', 'bo', 'cy', 'di'];
const NEGATIVE = 6;
const STRANGERS = 9;
const HOOKED = EVENTS - NEGATIVE - STRANGERS;
/** How old events are when they are sent, at the least. */
const AGE_MS = 2_000;

const eventOf = (id: number): Event => ({ id, user: id >= EVENTS - STRANGERS ? 'nobody' : USERS[id % USERS.length]!, amount: id < NEGATIVE ? -1 : id });

/** For what the metrics say of replication slots; nobody reads it. */
const SLOT = 'millrace_metrics_test';
const DROP_SLOT = `SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = '${SLOT}'`;

const inPostgres = async (...statements: readonly string[]): Promise<void> => {
  const client = new pg.Client({ connectionString: stack.endpoints.postgresUrl });
  await client.connect();
  for (const statement of statements) await client.query(statement);
  await client.end();
};

/** What panels show only in trouble. */
const EMPTY_WHEN_WELL = new Set(['Sinks down']);

describe('health and metrics of running workers', function () {
  this.timeout(60_000);
  const lab = new Lab('metrics');
  const stage = `${lab.app}.events`;
  const stages = [stage, 'by-user', 'hook'];
  let hook: Server;
  let workers: WorkerProcess;
  let urls: readonly string[] = [];
  let prometheus: Prometheus | string = 'not started';
  let posts = 0;
  const atStart: Record<string, number[]> = {};

  const statuses = (path: string): Promise<number[]> => Promise.all(urls.map(async (url) => (await fetch(`${url}${path}`)).status));
  /** Sums over workers, by the text of name and labels. */
  const metrics = async (of = urls): Promise<ReadonlyMap<string, number>> => {
    const sums = new Map<string, number>();
    for (const url of of) {
      for (const line of (await (await fetch(`${url}/metrics`)).text()).split('\n').filter((l) => l !== '' && !l.startsWith('#'))) {
        const at = line.lastIndexOf(' ');
        sums.set(line.slice(0, at), (sums.get(line.slice(0, at)) ?? 0) + Number(line.slice(at + 1)));
      }
    }
    return sums;
  };

  /** When no more tasks move, nothing is done twice. */
  const bothWork = async (): Promise<boolean> => {
    const open = await Promise.all(urls.map(async (url) => {
      const found = await metrics([url]);
      return stages.every((name) => found.get(`millrace_tasks_open{stage="${name}"}`) === 1);
    }));
    return open.every(Boolean) && (await statuses('/health')).every((status) => status === 200);
  };

  before(async () => {
    hook = createServer((request, response) => {
      let body = '';
      request.on('data', (data: Buffer) => (body += String(data))).on('end', () => {
        // The sink also asks with HEAD whether anybody is there.
        if (request.method === 'POST') {
          posts += 1;
          response.statusCode = (JSON.parse(body) as { id: number }).id === 7 ? 422 : posts === 1 ? 503 : 200;
          // Longer than the sink's own attempts within a write wait.
          if (posts === 1) response.setHeader('retry-after', 2);
        }
        response.end();
      });
    });
    await new Promise<void>((resolve) => {
      hook.listen(0, '127.0.0.1', resolve);
    });
    await lab.topic('events', 2);
    await inPostgres(DROP_SLOT, `SELECT pg_create_physical_replication_slot('${SLOT}', true)`);
    const first = await freePair();
    const environment = { MILLRACE_HTTP_PORT: String(first), MILLRACE_SLOTS_URL: stack.endpoints.postgresUrl!, RT_HOOK: `http://127.0.0.1:${(hook.address() as AddressInfo).port}/` };
    workers = lab.worker('test/integration/metrics/topology.ts', environment, ['--workers', '2']);
    urls = [first, first + 1].map((port) => `http://127.0.0.1:${port}`);
    await workers.until('serving /health and /metrics', 2);
    for (const path of ['/health', '/health/live', '/health/ready']) atStart[path] = await statuses(path);
    // Which they have waited for.
    await lab.topic('users', 1, { 'cleanup.policy': 'compact' });
    await lab.send(`${lab.app}.users`, USERS.map((id) => ({ key: id, value: JSON.stringify({ id, country: 'DE' }) })));
    const found = await findPrometheus();
    prometheus = typeof found === 'string' ? found : await Prometheus.start(found, urls.map((url) => new URL(url).host));
    if (typeof prometheus !== 'string') await prometheus.scraped(2);
    await eventually(bothWork, () => `each worker has a task of every stage: ${JSON.stringify(workers.lines.slice(-5))}`);
    const timestamp = String(Date.now() - AGE_MS);
    await lab.send(`${lab.app}.events`, Array.from({ length: EVENTS }, (_, id) => ({ key: String(id), value: JSON.stringify(eventOf(id)), timestamp })));
    await eventually(async () => (await metrics()).get('millrace_event_age_seconds_count{sink="hook"}') === HOOKED - 1, () => `the hook has all: ${posts} requests; ${JSON.stringify(workers.lines.slice(-5))}`);
  });

  after(async () => {
    if (typeof prometheus !== 'string') await prometheus.stop();
    await lab.close();
    await inPostgres(DROP_SLOT);
    hook.closeAllConnections();
    hook.close();
  });

  it('were live and not ready while they started, and are ready now', async () => {
    expect(atStart).to.deep.equal({ '/health': [503, 503], '/health/live': [200, 200], '/health/ready': [503, 503] });
    expect(await statuses('/health/ready')).to.deep.equal([200, 200]);
    expect(workers.said('serving /health and /metrics').map(({ url }) => url).sort()).to.deep.equal([...urls].sort());
  });

  it('count what was sent, where it went and how old it was', async () => {
    const found = await metrics();
    const expected: Readonly<Record<string, number>> = {
      [`millrace_records_in_total{stage="${stage}"}`]: EVENTS,
      [`millrace_records_out_total{stage="${stage}"}`]: HOOKED,
      [`millrace_dead_letters_total{stage="${stage}"}`]: NEGATIVE,
      [`millrace_records_dropped_total{stage="${stage}",reason="no-match"}`]: STRANGERS,
      [`millrace_records_in_total{stage="by-user"}`]: HOOKED,
      'millrace_records_in_total{stage="hook"}': HOOKED,
      'millrace_records_out_total{stage="hook"}': HOOKED - 1,
      'millrace_dead_letters_total{stage="hook"}': 1,
      'millrace_sink_refusals_total{sink="hook"}': 1,
      'millrace_event_age_seconds_bucket{sink="hook",le="1"}': 0,
      'millrace_event_age_seconds_bucket{sink="hook",le="60"}': HOOKED - 1,
      [`millrace_table_rows{topic="${lab.app}.users"}`]: 2 * USERS.length,
      [`millrace_tasks_assigned{stage="${stage}"}`]: 2,
      [`millrace_tasks_open{stage="by-user"}`]: 2,
      [`millrace_restore_remaining_records{stage="by-user"}`]: 0,
      'millrace_sink_breaker_state{sink="hook"}': 0,
      millrace_worker_ready: 2,
    };
    expect(Object.fromEntries(Object.keys(expected).map((name) => [name, found.get(name)]))).to.deep.equal(expected);
    expect(found.get('millrace_sink_errors_total{sink="hook"}'), 'the 503').to.be.at.least(1);
    expect(found.get('millrace_sink_writes_total{sink="hook"}')).to.be.within(2, HOOKED + 5);
    expect(found.get(`millrace_rebalances_total{stage="${stage}"}`)).to.be.at.least(2);
    expect(found.get(`millrace_process_duration_seconds_count{stage="${stage}"}`)).to.be.at.least(1);
    expect(found.get(`millrace_process_duration_seconds_sum{stage="${stage}"}`)).to.be.within(0.00001, 10);
    await eventually(async () => (await metrics()).get('millrace_lag_records{stage="hook"}') === 0, () => 'no lag is left', 5_000);
    expect((await metrics()).get(`millrace_commit_duration_seconds_count{stage="${stage}"}`)).to.be.at.least(1);
  });

  it('never show what is in records', async () => {
    const text = [...(await metrics()).keys()].join('\n');
    for (const word of ['ada', 'nobody', 'amount', 'DE']) expect(text).not.to.match(new RegExp(`"[^"]*\\b${word}\\b`));
  });

  describe('as Prometheus sees them', () => {
    let server: Prometheus;
    const firing = async (): Promise<readonly (string | undefined)[]> => (await server.query('count by (alertname) (ALERTS)')).data.result.map(({ metric }) => metric['alertname']);
    before(async function () {
      if (typeof prometheus === 'string') {
        process.stderr.write(`skipped: ${prometheus}\n`);
        this.skip();
      }
      server = prometheus;
      // Rates and alerts come with the scrapes and evaluations after the records.
      await eventually(async () => (await firing()).includes('MillraceDeadLetters'), () => 'an alert');
    });

    it('are written as promtool wants them', async () => {
      const text = await (await fetch(`${urls[0]}/metrics`)).text();
      // What follows is prom-client's.
      expect(await server.lint(text.slice(0, text.indexOf('# HELP process_')))).to.equal('');
    });

    it('have every metric that alerts and dashboard name', async () => {
      const names = await server.metricNames();
      for (const { of, expr } of [...(await alertExpressions()), ...(await dashboardExpressions())]) expect(names, of).to.include.members(metricsIn(expr));
    });

    it('answer every expression of the dashboard', async () => {
      for (const { of, expr } of await dashboardExpressions()) {
        const { status, error } = await server.query(expr);
        expect(status, `${of}: ${expr}: ${error}`).to.equal('success');
        // A rate needs two scrapes of a series, which may be young.
        const filled = async (): Promise<boolean> => (await server.query(expr)).data.result.length > 0;
        if (!EMPTY_WHEN_WELL.has(of)) await eventually(filled, () => `${of}: ${expr}`, 5_000);
      }
    });

    it('answer every expression of the alerts, which Prometheus evaluates without error', async () => {
      for (const { of, expr } of await alertExpressions()) expect((await server.query(expr)).status, of).to.equal('success');
      const rules = (await server.rules()).map(({ name, health, lastError = '' }) => ({ name, health, lastError }));
      expect(rules).to.have.deep.members((await alertRules()).map(({ alert }) => ({ name: alert, health: 'ok', lastError: '' })));
    });

    it('set off the alert for dead letters and none about workers, sinks or lag', async () => {
      // One in ten records is a dead letter: that is many.
      for (const name of await firing()) expect(name).to.be.oneOf(['MillraceDeadLetters', 'MillraceManyDeadLetters', 'MillraceSinkErrors']);
    });
  });

  it('are not live any more when what they need can never be there', async () => {
    const handle = run(watched(`${lab.app}-x`, 'http://127.0.0.1:1/'), { log: silentLogger, environment: { MILLRACE_KAFKA_BROKERS: lab.brokers, MILLRACE_SOURCE_TOPIC_TIMEOUT_MS: '0' } });
    const failed = handle.done.then(() => 'done', (error: Error) => error.message);
    const server = await serve(handle, { environment: {} });
    try {
      expect(await failed).to.include('does not exist');
      const answers = await Promise.all(['/health/live', '/health/ready', '/metrics'].map((path) => fetch(`${server.url}${path}`)));
      expect(answers.map(({ status }) => status)).to.deep.equal([503, 503, 200]);
      expect(await answers[2]!.text()).to.match(/^millrace_worker_ready 0$/m);
    } finally {
      await server.close();
    }
  });

  // Nested suites come in their order, behind the tests above.
  describe('when they are told to', () => {
    it('stop in time with a scraper that never reads', async () => {
      const sockets = urls.map((url) => connect(Number(new URL(url).port), '127.0.0.1').on('error', () => undefined));
      for (const socket of sockets) socket.write('GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(200));
      const { code, ms } = await workers.stop();
      for (const socket of sockets) socket.destroy();
      expect(code).to.equal(0);
      expect(ms).to.be.lessThan(8_000);
    });
  });
});
