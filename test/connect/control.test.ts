import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { controlConnectors, restartFailed, type Action } from '../../lib/connect/index.ts';
import { failureOf, FakeConnect } from './support.ts';

describe('what connectors are told', () => {
  let fake: FakeConnect;
  let connectUrl: string;

  beforeEach(async () => {
    fake = new FakeConnect();
    connectUrl = await fake.listen();
    fake.replies.set('GET /connectors', [[200, ['a', 'orders']]]);
  });

  afterEach(() => fake.close());

  const actions: readonly (readonly [action: Action, options: object, request: string, status: number, outcome: string])[] = [
    ['restart', {}, 'POST /connectors/a/restart?includeTasks=true&onlyFailed=false', 202, 'restarted'],
    ['restart', { parts: 'failed' }, 'POST /connectors/a/restart?includeTasks=true&onlyFailed=true', 202, 'restarted'],
    ['pause', {}, 'PUT /connectors/a/pause', 202, 'paused'],
    ['resume', {}, 'PUT /connectors/a/resume', 202, 'resumed'],
    ['delete', {}, 'DELETE /connectors/a', 204, 'deleted'],
  ];
  for (const [action, options, request, status, outcome] of actions) {
    it(`is ${request}`, async () => {
      fake.replies.set(request, [[409, { message: 'rebalance' }], [status, undefined]]);
      expect(await controlConnectors(action, ['a'], { connectUrl, ...options })).to.deep.equal([{ name: 'a', outcome }]);
      expect(fake.requests).to.deep.equal(['GET /connectors', request, request]);
    });
  }

  it('is nothing when Connect does not have one of them', async () => {
    const error = await failureOf(controlConnectors('delete', ['a', 'order', 'nothing'], { connectUrl }));
    expect(error).to.be.instanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems).to.deep.equal(['Connect has no connector order; did you mean orders?', 'Connect has no connector nothing']);
    expect(fake.requests).to.deep.equal(['GET /connectors']);
  });

  it('is a restart of those only that have failed', async () => {
    const status = (state: string): [number, unknown] => [200, { connector: { state: 'RUNNING' }, tasks: [{ id: 0, state }] }];
    fake.replies.set('GET /connectors/a/status', [status('RUNNING')]);
    fake.replies.set('GET /connectors/orders/status', [status('FAILED')]);
    fake.replies.set('POST /connectors/orders/restart?includeTasks=true&onlyFailed=true', [[202, {}]]);
    expect(await restartFailed(['a', 'orders'], { connectUrl })).to.deep.equal([{ name: 'orders', outcome: 'restarted' }]);
    expect(fake.requests.filter((request) => !request.startsWith('GET'))).to.deep.equal(['POST /connectors/orders/restart?includeTasks=true&onlyFailed=true']);
  });
});
