import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ConfigurationError, RetryError, StopError } from '../../lib/core/errors.ts';
import { applyConnectors, connectorStatus, parseConnector, type Connector } from '../../lib/connect/index.ts';
import { failureOf, FakeConnect, type Reply } from './support.ts';

const VALID: Reply = [200, { error_count: 0, configs: [{ value: { name: 'tasks.max', errors: [] } }] }];
const CREATED: Reply = [201, {}];
const VALIDATE = 'PUT /connector-plugins/x.Y/config/validate';

const connector = (name: string, extra: Record<string, string> = {}): Connector =>
  parseConnector(JSON.stringify({ 'connector.class': 'x.Y', ...extra }), `${name}.json`);

const status = (connectorState: string, taskState: string, trace?: string): Reply => [
  200,
  { name: 'a', connector: { state: connectorState }, tasks: [{ id: 0, state: taskState, ...(trace === undefined ? {} : { trace }) }] },
];

describe('connectors', () => {
  let fake: FakeConnect;
  let connectUrl: string;

  beforeEach(async () => {
    fake = new FakeConnect();
    connectUrl = await fake.listen();
    fake.replies.set(VALIDATE, [VALID]);
  });

  afterEach(() => fake.close());

  it('are created, changed or left as they are', async () => {
    const same = connector('same');
    fake.replies.set('GET /connectors/same/config', [[200, same.config]]);
    fake.replies.set('GET /connectors/same/status', [status('RUNNING', 'RUNNING')]);
    fake.replies.set('GET /connectors/old/config', [[200, { ...connector('old').config, 'tasks.max': '3' }]]);
    for (const name of ['old', 'new']) fake.replies.set(`PUT /connectors/${name}/config`, [CREATED]);
    expect(await applyConnectors([same, connector('old'), connector('new')], { connectUrl })).to.deep.equal([
      { name: 'same', outcome: 'unchanged' },
      { name: 'old', outcome: 'changed' },
      { name: 'new', outcome: 'created' },
    ]);
    expect(fake.requests.filter((request) => request.startsWith('PUT /connectors/'))).to.deep.equal(['PUT /connectors/old/config', 'PUT /connectors/new/config']);
  });

  it('are all validated first: every error is listed by field and nothing is applied', async () => {
    const invalid: Reply = [
      200,
      {
        error_count: 3,
        configs: [
          { value: { name: 'topic.prefix', errors: ['A value is required'] } },
          { value: { name: 'tasks.max', errors: [] } },
          { value: { name: 'table.include.list', errors: ['not a pattern:\na(', 'not a pattern:\na('] } },
        ],
      },
    ];
    fake.replies.set(VALIDATE, [VALID, invalid, [400, { error_code: 400, message: 'org.apache.X: org.apache.Y: Failed to find any class that implements Connector' }]]);
    const error = await failureOf(applyConnectors([connector('good'), connector('bad'), connector('worse')], { connectUrl }));
    expect(error).to.be.instanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems).to.deep.equal([
      'bad.json: topic.prefix: A value is required',
      'bad.json: table.include.list: not a pattern: a(',
      'worse.json: connector.class: Failed to find any class that implements Connector',
    ]);
    expect(fake.requests.filter((request) => !request.startsWith('GET'))).to.deep.equal([VALIDATE, VALIDATE, VALIDATE]);
  });

  it('never show a password that stands in the file', async () => {
    fake.replies.set(VALIDATE, [[200, { configs: [{ value: { name: 'database.user', errors: ['login of x with hunter2 failed at postgresql://x:hunter3@h/db'] } }] }]]);
    const error = await failureOf(applyConnectors([connector('a', { 'database.password': 'hunter2' })], { connectUrl }));
    expect((error as Error).message)
      .to.contain('login of x with [redacted] failed')
      .and.not.to.match(/hunter/);
  });

  it('are tried again while Connect rebalances', async () => {
    const rebalance: Reply = [409, { error_code: 409, message: 'rebalance in process' }];
    fake.replies.set('PUT /connectors/a/config', [rebalance, rebalance, CREATED]);
    expect(await applyConnectors([connector('a')], { connectUrl })).to.deep.equal([{ name: 'a', outcome: 'created' }]);
    expect(fake.requests.filter((request) => request === 'PUT /connectors/a/config')).to.have.length(3);
  });

  it('are given up when the rebalance does not end in time', async () => {
    fake.replies.set('PUT /connectors/a/config', [[409, { error_code: 409, message: 'rebalance in process' }]]);
    const began = performance.now();
    const error = await failureOf(applyConnectors([connector('a')], { connectUrl, retryTimeoutMs: 300 }));
    expect(error).to.be.instanceOf(RetryError);
    expect((error as Error).message).to.contain('409 rebalance in process');
    expect(performance.now() - began).to.be.lessThan(2500);
  });

  it('are applied to a Connect behind a path of a gateway', async () => {
    fake.replies.set('PUT /gateway/connector-plugins/x.Y/config/validate', [VALID]);
    fake.replies.set('PUT /gateway/connectors/a/config', [CREATED]);
    expect(await applyConnectors([connector('a')], { connectUrl: `${connectUrl}/gateway/` })).to.deep.equal([{ name: 'a', outcome: 'created' }]);
  });

  it('are applied to a Connect that wants a user and a password, which no message shows', async () => {
    fake.replies.set('PUT /connectors/a/config', [CREATED]);
    const withLogin = connectUrl.replace('//', '//user:p%40ssw0rd@');
    expect(await applyConnectors([connector('a')], { connectUrl: withLogin })).to.deep.equal([{ name: 'a', outcome: 'created' }]);
    expect(new Set(fake.logins)).to.deep.equal(new Set(['Basic dXNlcjpwQHNzdzByZA==']));
    fake.replies.set('PUT /connectors/a/config', [[409, { message: 'rebalance' }]]);
    const error = await failureOf(applyConnectors([connector('a')], { connectUrl: withLogin, retryTimeoutMs: 50 }));
    expect((error as Error).message).to.contain(`Kafka Connect at ${connectUrl}: 409`).and.not.to.contain('ssw0rd');
  });

  for (const refusal of [401, 403]) {
    it(`are not tried again when Connect does not let us in: ${refusal}`, async () => {
      fake.replies.set(VALIDATE, [[refusal, 'go away']]);
      const error = await failureOf(applyConnectors([connector('a')], { connectUrl }));
      expect(error).to.be.instanceOf(StopError);
      expect((error as Error).message).to.equal(`Kafka Connect at ${connectUrl} does not let us in (${refusal}). Put user and password into its URL`);
    });
  }

  for (const [what, url] of [['is no URL', 'http://u:hunter22@h:port'], ['is not of http', 'ftp://u:hunter22@h'], ['has a port that is never asked', 'http://u:hunter22@127.0.0.1:6000']] as const) {
    it(`are a mistake of usage when Connect's address ${what}, and nothing is tried again`, async () => {
      const told: string[] = [];
      const error = await failureOf(connectorStatus(['a'], { connectUrl: url, onRetry: (reason) => told.push(reason) }));
      expect(error).to.be.instanceOf(ConfigurationError);
      expect((error as Error).message).not.to.contain('hunter');
      expect(told).to.deep.equal([]);
    });
  }

  it('say that Connect is not reached', async () => {
    await fake.close();
    const error = await failureOf(applyConnectors([connector('a')], { connectUrl, retryTimeoutMs: 100 }));
    expect((error as Error).message).to.contain(connectUrl).and.to.contain('ECONNREFUSED');
  });

  it('that failed before are restarted when their file is the same', async () => {
    const restart = 'POST /connectors/a/restart?includeTasks=true&onlyFailed=true';
    fake.replies.set('GET /connectors/a/config', [[200, connector('a').config]]);
    fake.replies.set('GET /connectors/a/status', [status('RUNNING', 'FAILED', 'boom')]);
    fake.replies.set(restart, [[202, {}]]);
    await applyConnectors([connector('a')], { connectUrl });
    expect(fake.requests).to.include(restart);
  });

  it('that failed before are left alone when told to', async () => {
    fake.replies.set('GET /connectors/a/config', [[200, connector('a').config]]);
    fake.replies.set('GET /connectors/a/status', [status('RUNNING', 'FAILED', 'boom')]);
    expect(await applyConnectors([connector('a')], { connectUrl, failed: 'leave' })).to.deep.equal([{ name: 'a', outcome: 'unchanged' }]);
    expect(fake.requests.filter((request) => !request.startsWith('GET'))).to.deep.equal([VALIDATE]);
  });

  it('say how far they got when one is refused in the middle', async () => {
    fake.replies.set('PUT /connectors/a/config', [CREATED]);
    fake.replies.set('PUT /connectors/b/config', [[500, { error_code: 500, message: 'no: hunter22' }]]);
    const error = await failureOf(applyConnectors([connector('a'), connector('b', { 'x.password': 'hunter22' }), connector('c')], { connectUrl }));
    expect(error).to.be.instanceOf(StopError);
    expect((error as Error).message).to.equal('b.json: b was not applied: Kafka Connect answers 500 to PUT /connectors/b/config: no: [redacted]; applied before it: a (created); not tried: c');
  });

  it('are tried again when the worker of Connect has not joined its group yet, and that is told once', async () => {
    const starting: Reply = [500, { error_code: 500, message: 'Request timed out. The worker is currently ensuring membership in the cluster' }];
    fake.replies.set('PUT /connectors/a/config', [starting, starting, CREATED]);
    const told: string[] = [];
    expect(await applyConnectors([connector('a')], { connectUrl, onRetry: (reason) => told.push(reason) })).to.deep.equal([{ name: 'a', outcome: 'created' }]);
    expect(told).to.deep.equal([`Kafka Connect at ${connectUrl}: 500 Request timed out. The worker is currently ensuring membership in the cluster`]);
  });

  it('keep a secret of their configuration out of the cause of a failure', async () => {
    fake.replies.set('GET /connectors/a/config', [[200, { 'database.password': 'hunter22', 'other.password': '${env:X}' }]]);
    fake.replies.set('GET /connectors/a/status', [status('RUNNING', 'FAILED', 'org.x.E: login with hunter22 and ${env:X} failed')]);
    const [found] = await connectorStatus(['a'], { connectUrl });
    expect(found?.tasks[0]?.cause).to.equal('org.x.E: login with [redacted] and ${env:X} failed');
  });

  describe('whose task failed', () => {
    /** As Connect does: it shows a name with its placeholders resolved, and says of each key what it holds. */
    const worker = (values: Readonly<Record<string, string>>) => (body: string): Reply => {
      const { name } = JSON.parse(body) as { readonly name: string };
      const resolved = name.replaceAll(/\$\{env:(\w+)\}/g, (whole, variable: string) => values[variable] ?? whole);
      return [200, { configs: [{ definition: { name: 'name', type: 'STRING' }, value: { name: 'name', value: resolved, errors: [] } }, { definition: { name: 'x.pin', type: 'PASSWORD' }, value: { name: 'x.pin', errors: [] } }] }];
    };
    const causeOf = async (config: Readonly<Record<string, string>>, trace: string): Promise<string | undefined> => {
      fake.replies.set('GET /connectors/a/config', [[200, { 'connector.class': 'x.Y', ...config }]]);
      fake.replies.set('GET /connectors/a/status', [status('RUNNING', 'FAILED', trace)]);
      return (await connectorStatus(['a'], { connectUrl }))[0]?.tasks[0]?.cause;
    };

    it('show nothing of what Connect puts in for a placeholder', async () => {
      fake.replies.set(VALIDATE, [worker({ PW: 'hunter22', PORT: 'not5432', USER: 'app' })]);
      const config = { 'database.password': '${env:PW}', 'database.port': '${env:PORT}', 'database.user': '${env:USER}', url: 'x://${env:USER}:${env:PORT}/d', other: '${env:NONE}' };
      expect(await causeOf(config, 'E: Invalid value not5432 for configuration database.port: user app of app_orders with xhunter22 at x://app:not5432/d, ${env:NONE}'))
        .to.equal('E: Invalid value [redacted] for configuration database.port: user [redacted] of app_orders with x[redacted] at [redacted], ${env:NONE}');
    });

    it('show no value that Connect repeats in place of a placeholder, also when it does not tell what it has', async () => {
      fake.replies.set(VALIDATE, [[500, { message: 'no such file' }]]);
      expect(await causeOf({ 'database.port': '${file:/x:port}', 'tasks.max': 'y' }, 'E: Invalid value hunter 22 for configuration database.port: none; Invalid value y for configuration tasks.max: none'))
        .to.equal('E: Invalid value [redacted] for configuration database.port: none; Invalid value y for configuration tasks.max: none');
    });

    it('show no password that stands in an address, and none of a key that Connect itself hides', async () => {
      fake.replies.set(VALIDATE, [worker({})]);
      expect(await causeOf({ 'x.registry.url': 'http://u:hunter22@h', 'x.pin': '98765' }, 'E: u with hunter22 and 98765 is refused')).to.equal('E: u with [redacted] and [redacted] is refused');
    });

    it('have Connect asked once, however long they are waited for', async () => {
      fake.replies.set('GET /connectors/a/config', [[200, { 'connector.class': 'x.Y' }]]);
      fake.replies.set('GET /connectors/a/status', [status('RUNNING', 'FAILED', 'boom'), status('RUNNING', 'FAILED', 'boom'), status('RUNNING', 'RUNNING')]);
      await connectorStatus(['a'], { connectUrl, waitMs: 5000 });
      expect(fake.requests.filter((request) => request === VALIDATE)).to.have.length(1);
    });
  });

  it('show why a task failed', async () => {
    const trace = 'org.x.ConnectException: task dies\n\tat a.b(C.java:1)\nCaused by: org.y.Refused: no slot at postgresql://u:pw@h/db\n\tat d.e(F.java:2)';
    fake.replies.set('GET /connectors/a/status', [status('RUNNING', 'FAILED', trace)]);
    expect(await connectorStatus(['a', 'absent'], { connectUrl })).to.deep.equal([
      {
        name: 'a',
        state: 'RUNNING',
        tasks: [{ id: 0, state: 'FAILED', cause: 'org.x.ConnectException: task dies <- org.y.Refused: no slot at postgresql://[redacted]@h/db' }],
        running: false,
        failed: true,
      },
      { name: 'absent', state: 'MISSING', tasks: [], running: false, failed: false },
    ]);
  });

  it('are waited for until their tasks run, not only they themselves', async () => {
    const withoutTasks: Reply = [200, { name: 'a', connector: { state: 'RUNNING' }, tasks: [] }];
    fake.replies.set('GET /connectors', [[200, ['a']]]);
    fake.replies.set('GET /connectors/a/status', [withoutTasks, status('RUNNING', 'UNASSIGNED'), status('RUNNING', 'RUNNING')]);
    const [found] = await connectorStatus('all', { connectUrl, waitMs: 5000 });
    expect(found).to.include({ state: 'RUNNING', running: true, failed: false });
    expect(fake.requests).to.have.length(4);
  });

  it('are not waited for longer than told', async () => {
    fake.replies.set('GET /connectors/a/status', [status('RUNNING', 'UNASSIGNED')]);
    const began = performance.now();
    const [found] = await connectorStatus(['a'], { connectUrl, waitMs: 200 });
    expect(found?.running).to.equal(false);
    expect(performance.now() - began).to.be.lessThan(1900);
  });
});
