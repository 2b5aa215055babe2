import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { diffConnectors, parseConnector } from '../../lib/connect/index.ts';
import { failureOf, FakeConnect } from './support.ts';

const FILE = { name: 'a', 'connector.class': 'x.Y', 'tasks.max': '1', 'database.user': '${env:WHO}', 'database.password': '${env:PW}' };

describe('the difference between a file and the connector that runs', () => {
  let fake: FakeConnect;
  let connectUrl: string;

  beforeEach(async () => {
    fake = new FakeConnect();
    connectUrl = await fake.listen();
  });

  afterEach(() => fake.close());

  const connector = parseConnector(JSON.stringify(FILE), 'a.json');
  const environment = { WHO: 'somebody', PW: 'hunter22' };
  const diff = async (running: Readonly<Record<string, string>>, options: object = {}) => {
    fake.replies.set('GET /connectors/a/config', [[200, running]]);
    return (await diffConnectors([connector], { connectUrl, ...options }))[0]!;
  };

  it('is none', async () => {
    expect(await diff(FILE)).to.deep.equal({ name: 'a', file: 'a.json', outcome: 'same', changes: [] });
    expect(fake.requests).to.deep.equal(['GET /connectors/a/config']);
  });

  it('is everything when Connect has no such connector', async () => {
    const [found] = await diffConnectors([connector], { connectUrl });
    expect(found!.outcome).to.equal('absent');
    expect(found!.changes.map(({ key, kind }) => [key, kind])).to.deep.equal(Object.keys(FILE).sort().map((key) => [key, 'added']));
  });

  it('is what was added, removed and changed, by key; a placeholder is no secret', async () => {
    const { 'database.user': _, ...rest } = FILE;
    expect((await diff({ ...rest, 'tasks.max': '2', 'old.key': 'x', 'old.password': 'hunter33' })).changes).to.deep.equal([
      { key: 'database.user', kind: 'added', file: '${env:WHO}' },
      { key: 'old.key', kind: 'removed', running: 'x' },
      { key: 'old.password', kind: 'removed', running: '[redacted]' },
      { key: 'tasks.max', kind: 'changed', running: '2', file: '1' },
    ]);
  });

  it('shows neither what a placeholder stood for nor what it stands for now', async () => {
    const running = { ...FILE, 'database.user': 'somebody else', 'database.password': 'hunter33', 'tasks.max': '1' };
    for (const options of [{}, { environment }, { placeholders: 'here', environment }]) {
      const { changes } = await diff(running, options);
      expect(changes.map(({ key, running: value }) => [key, value])).to.deep.equal([['database.password', '[redacted]'], ['database.user', '[redacted]']]);
      expect(JSON.stringify(changes)).not.to.match(/hunter|somebody/);
    }
  });

  it('is none when Connect has what the placeholders stand for here', async () => {
    const running = { ...FILE, 'database.user': 'somebody', 'database.password': 'hunter22' };
    expect((await diff(running, { placeholders: 'here', environment })).outcome).to.equal('same');
    expect((await diff(running, { placeholders: 'connect', environment })).outcome).to.equal('different');
  });

  it('shows no secret that stands in another key', async () => {
    const { changes } = await diff({ ...FILE, note: 'it is hunter22' }, { environment });
    expect(changes).to.deep.equal([{ key: 'note', kind: 'removed', running: 'it is [redacted]' }]);
  });

  it('shows no value of a key that Connect itself hides, and none that Connect puts in', async () => {
    fake.replies.set('PUT /connector-plugins/x.Y/config/validate', [[200, { configs: [
      { definition: { name: 'x.pin', type: 'PASSWORD' }, value: { name: 'x.pin' } },
      { definition: { name: 'name', type: 'STRING' }, value: { name: 'name', value: 'somebody ::millrace:: hunter44' } },
    ] }]]);
    const { changes } = await diff({ ...FILE, 'x.pin': '98765', note: 'it is hunter44 or 98765' });
    expect(changes).to.deep.equal([{ key: 'note', kind: 'removed', running: 'it is [redacted] or [redacted]' }, { key: 'x.pin', kind: 'removed', running: '[redacted]' }]);
  });

  it('is not told when a variable is missing here', async () => {
    const error = await failureOf(diffConnectors([connector], { connectUrl, placeholders: 'here', environment: { WHO: 'x' } }));
    expect(error).to.be.instanceOf(ConfigurationError);
    expect((error as ConfigurationError).problems).to.deep.equal(['a.json: database.password: the variable PW is not set here']);
  });
});
