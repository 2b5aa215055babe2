import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { findCapture, parseTableName, requireRunning } from '../../lib/connect/capture.ts';
import { clientOf, type ConnectClient } from '../../lib/connect/client.ts';
import { ConfigurationError, StopError } from '../../lib/core/errors.ts';
import { failureOf, FakeConnect } from './support.ts';

const POSTGRES = 'io.debezium.connector.postgresql.PostgresConnector';

describe('the connector that captures a table', () => {
  let fake: FakeConnect;
  let client: ConnectClient;

  const connectors = (all: Readonly<Record<string, Readonly<Record<string, string>>>>): void => {
    const infos = Object.entries(all).map(([name, config]) => [name, { info: { name, config: { 'connector.class': POSTGRES, 'topic.prefix': 'app', ...config } } }]);
    fake.replies.set('GET /connectors?expand=info', [[200, Object.fromEntries(infos)]]);
  };
  const problemsOf = async (table: string, connector?: string): Promise<readonly string[]> => {
    const error = await failureOf(findCapture(client, parseTableName(table), connector));
    expect(error).to.be.instanceOf(ConfigurationError);
    return (error as ConfigurationError).problems;
  };

  beforeEach(async () => {
    fake = new FakeConnect();
    client = clientOf({ connectUrl: await fake.listen(), retryTimeoutMs: 0 });
  });
  afterEach(() => fake.close());

  for (const [text, expected] of [['content', { schema: 'public', table: 'content' }], ['shop.orders', { schema: 'shop', table: 'orders' }]] as const) {
    it(`is looked for by the name: ${text}`, () => expect(parseTableName(text)).to.deep.equal(expected));
  }
  for (const text of ['', '.', 'a.', '.b', 'a.b.c']) it(`is not looked for by '${text}'`, () => expect(() => parseTableName(text)).to.throw(ConfigurationError, 'is no table'));

  const lists: readonly (readonly [what: string, config: Readonly<Record<string, string>>, found: boolean])[] = [
    ['a list that has it', { 'table.include.list': 'public.users, public.content' }, true],
    ['a pattern that matches it', { 'table.include.list': 'public\\.con.*' }, true],
    ['a pattern in other letters', { 'table.include.list': 'PUBLIC.CONTENT' }, true],
    ['a pattern that matches a part of it', { 'table.include.list': 'public.cont' }, false],
    ['a list that has others', { 'table.include.list': 'public.users' }, false],
    ['no list', {}, true],
    ['a list of what is left out', { 'table.exclude.list': 'public.content' }, false],
    ['its schema', { 'schema.include.list': 'public' }, true],
    ['another schema', { 'schema.include.list': 'shop' }, false],
    ['a list with a comma in a pattern', { 'table.include.list': 'public\\.other\\,public.content' }, false],
    ['a list of another schema', { 'table.include.list': 'public.content', 'schema.include.list': 'shop' }, false],
    ['a list that is no pattern', { 'table.include.list': 'public.content(' }, false],
  ];
  for (const [what, config, found] of lists) {
    it(`is ${found ? 'found' : 'not found'} by ${what}`, async () => {
      connectors({ one: config });
      if (found) expect(await findCapture(client, parseTableName('content'))).to.include({ connector: 'one', topic: 'app.public.content' });
      else expect(await problemsOf('content')).to.deep.equal(['no connector captures public.content']);
    });
  }

  it('is one for PostgreSQL', async () => {
    connectors({ other: { 'connector.class': 'io.debezium.connector.mysql.MySqlConnector' } });
    expect(await problemsOf('content')).to.deep.equal(['no connector captures public.content']);
  });

  it('has to be named where there are two', async () => {
    connectors({ b: {}, a: {}, c: { 'table.include.list': 'public.users' } });
    expect(await problemsOf('content')).to.deep.equal(['a and b capture public.content']);
    expect(await findCapture(client, parseTableName('content'), 'b')).to.include({ connector: 'b' });
    expect(await problemsOf('content', 'c')).to.deep.equal(['no connector captures public.content']);
    expect(await problemsOf('content', 'd')).to.deep.equal(['Connect has no connector d']);
  });

  it('names its topic with the characters that Kafka takes', async () => {
    connectors({ one: { 'topic.prefix': 'my-app' } });
    expect((await findCapture(client, parseTableName('shop.Order Items'))).topic).to.equal('my-app.shop.Order_Items');
  });

  for (const [what, connector, tasks, message] of [
    ['is paused', { state: 'PAUSED' }, [{ id: 0, state: 'PAUSED' }], 'connector one does not run: it is PAUSED'],
    ['has a task that failed', { state: 'RUNNING' }, [{ id: 0, state: 'FAILED', trace: 'org.X: the slot is gone' }], 'connector one does not run: it is FAILED (org.X: the slot is gone)'],
    ['has no task', { state: 'RUNNING' }, [], 'connector one does not run: it has no task'],
  ] as const) {
    it(`does not run when it ${what}`, async () => {
      fake.replies.set('GET /connectors/one/status', [[200, { name: 'one', connector, tasks }]]);
      const error = await failureOf(requireRunning(client, 'one'));
      expect(error).to.be.instanceOf(StopError);
      expect((error as Error).message).to.equal(message);
    });
  }
});
