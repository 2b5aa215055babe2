import { expect } from 'chai';
import { afterEach, beforeEach, describe, it } from 'mocha';
import { ConfigurationError, RetryError } from '../../lib/core/errors.ts';
import { expectValid, parseConnector, validateConnectors, type Connector, type Validation } from '../../lib/connect/index.ts';
import { FakeConnect, type Reply } from './support.ts';

const VALIDATE = 'PUT /connector-plugins/x.Y/config/validate';
const REGISTRY_PAGE = 'GET /apis/registry/v2/system/info';
const CONVERTER = { 'key.converter': 'io.apicurio.registry.utils.converter.AvroConverter' };

const connector = (config: Readonly<Record<string, string>> = {}): Connector => parseConnector(JSON.stringify({ name: 'a', 'connector.class': 'x.Y', ...config }), 'a.json');

/** Connect's answer: every key that it declares, what it made of it, and its errors. */
const answer = (keys: Readonly<Record<string, readonly [value: string | null, ...errors: string[]]>>): Reply => [
  200,
  { configs: Object.entries(keys).map(([name, [value, ...errors]]) => ({ definition: { name }, value: { name, value, errors } })) },
];

describe('the validation of connectors', () => {
  let fake: FakeConnect;
  let connectUrl: string;

  beforeEach(async () => {
    fake = new FakeConnect();
    connectUrl = await fake.listen();
  });

  afterEach(() => fake.close());

  const validate = (config: Readonly<Record<string, string>>, more: object = {}): Promise<Validation> => validateConnectors([connector(config)], { connectUrl, ...more });

  it('asks Connect only, and finds nothing wrong', async () => {
    fake.replies.set(VALIDATE, [answer({ name: ['a'], 'connector.class': ['x.Y'] })]);
    expect(await validate({})).to.deep.equal({ problems: [], notes: [], faults: [] });
    expect(fake.requests).to.deep.equal([VALIDATE]);
    expect(JSON.parse(fake.bodies[0]!)).to.deep.equal({ name: 'a', 'connector.class': 'x.Y' });
  });

  /** As Connect does: it shows a name with its placeholders resolved, and of a number that is none what it read. */
  const resolving = (values: Readonly<Record<string, string>>) => (body: string): Reply => {
    const config = JSON.parse(body) as Record<string, string>;
    const resolve = (text = ''): string => text.replaceAll(/\$\{env:(\w+)\}/g, (whole, name: string) => values[name] ?? whole);
    const port = resolve(config['port']);
    const errors = config['port'] === undefined || /^\d+$/.test(port) ? [] : [`Invalid value ${port} for configuration port: Not a number of type INT`];
    return answer({ name: [resolve(config['name'])], 'connector.class': ['x.Y'], port: [null, ...errors], 'x.password': ['[hidden]'] });
  };

  it('names every placeholder for which Connect has nothing, and no other error of that key', async () => {
    fake.replies.set(VALIDATE, [resolving({ USER: 'app' })]);
    const { problems } = await validate({ port: '${env:PORT}', 'x.password': '${env:PW}' });
    const what = 'set it where its workers run and give them its config provider, or have it resolved here';
    expect(problems).to.deep.equal([`a.json: port: Connect has nothing for \${env:PORT}: ${what}`, `a.json: x.password: Connect has nothing for \${env:PW}: ${what}`]);
  });

  it('shows nothing of what Connect resolves', async () => {
    fake.replies.set(VALIDATE, [resolving({ PORT: 'not5432', PW: 'hunter22' })]);
    const { problems } = await validate({ port: '${env:PORT}', 'x.password': '${env:PW}' });
    expect(problems).to.deep.equal(['a.json: port: Invalid value [redacted] for configuration port: Not a number of type INT']);
  });

  it('shows nothing of what is resolved here, and sends it', async () => {
    fake.replies.set(VALIDATE, [resolving({})]);
    const { problems } = await validate({ port: '${env:PORT}' }, { placeholders: 'here', environment: { PORT: 'not5432' } });
    expect(problems).to.deep.equal(['a.json: port: Invalid value [redacted] for configuration port: Not a number of type INT']);
    expect(JSON.parse(fake.bodies[0]!)).to.include({ port: 'not5432' });
  });

  it('shows no value of a key that Connect itself hides', async () => {
    const configs = [{ definition: { name: 'x.pin', type: 'PASSWORD' }, value: { name: 'x.pin', errors: [] } }, { definition: { name: 'x.user', type: 'STRING' }, value: { name: 'x.user', errors: ['login with x98765 failed'] } }];
    fake.replies.set(VALIDATE, [[200, { configs }]]);
    expect((await validate({ 'x.pin': '98765' }, { knownKeys: ['*'] })).problems).to.deep.equal(['a.json: x.user: login with x[redacted] failed']);
  });

  it('asks nobody when a variable is not set here', async () => {
    expect(await validate({ port: '${env:PORT}' }, { placeholders: 'here' })).to.deep.equal({ problems: ['a.json: port: the variable PORT is not set here'], notes: [], faults: [] });
    expect(fake.requests).to.deep.equal([]);
  });

  it('names the keys that Connect would ignore', async () => {
    fake.replies.set(VALIDATE, [answer({ name: ['a'], 'connector.class': ['x.Y'], 'topic.prefix': [null] })]);
    const config = { 'topic.prefx': 'x', 'my.key': 'y' };
    const problem = 'a.json: topic.prefx: there is no such key, and Connect would ignore it; did you mean topic.prefix?';
    expect((await validate(config)).problems).to.deep.equal([problem, 'a.json: my.key: there is no such key, and Connect would ignore it']);
    expect((await validate(config, { knownKeys: ['my.*'] })).problems).to.deep.equal([problem]);
  });

  it('says which class was meant, or which there are', async () => {
    fake.replies.set(VALIDATE, [[500, { message: 'Failed to find any class that implements Connector' }]]);
    fake.replies.set('GET /connector-plugins', [[200, [{ class: 'x.Yy' }, { class: 'completely.different.Class' }]]]);
    expect((await validate({})).problems).to.deep.equal(['a.json: connector.class: Connect has no connector x.Y; did you mean x.Yy?']);
    fake.replies.set('GET /connector-plugins', [[200, [{ class: 'one.Connector' }, { class: 'two.Connector' }]]]);
    expect((await validate({})).problems).to.deep.equal(['a.json: connector.class: Connect has no connector x.Y; it has one.Connector, two.Connector']);
  });

  describe('of the registry', () => {
    const registryOf = async (url: string, more: object = {}): Promise<Validation> => {
      fake.replies.set(VALIDATE, [[200, { configs: [] }]]);
      return validate({ ...CONVERTER, 'key.converter.apicurio.registry.url': url }, more);
    };

    it('is content when it answers', async () => {
      fake.replies.set(REGISTRY_PAGE, [[200, {}]]);
      expect(await registryOf(`${connectUrl}/apis/registry/v2`)).to.deep.equal({ problems: [], notes: [], faults: [] });
      expect(fake.requests).to.include(REGISTRY_PAGE);
    });

    it('says that there is no registry at that address', async () => {
      expect((await registryOf(`${connectUrl}/apis/registry/v2`)).problems).to.deep.equal([`a.json: key.converter.apicurio.registry.url: there is no registry's API at ${connectUrl}/apis/registry/v2: it answers 404`]);
    });

    it('says that it is down, which is no mistake of the file', async () => {
      fake.replies.set(REGISTRY_PAGE, [[503, {}]]);
      const validation = await registryOf(`${connectUrl}/apis/registry/v2`);
      expect(validation).to.deep.equal({ problems: [], notes: [], faults: [`a.json: the registry at ${connectUrl}/apis/registry/v2 (key.converter.apicurio.registry.url) answers 503`] });
      expect(() => expectValid(validation)).to.throw(RetryError, 'answers 503');
      expect(() => expectValid({ ...validation, problems: ['x'] })).to.throw(ConfigurationError);
    });

    it('is asked with the user and the password of its address, which are not shown', async () => {
      const withLogin = `${connectUrl.replace('//', '//user:p%40ssw0rd@')}/apis/registry/v2`;
      fake.replies.set(REGISTRY_PAGE, [[200, {}]]);
      expect(await registryOf(withLogin)).to.deep.equal({ problems: [], notes: [], faults: [] });
      expect(fake.logins[fake.requests.indexOf(REGISTRY_PAGE)]).to.equal('Basic dXNlcjpwQHNzdzByZA==');
      fake.replies.set(REGISTRY_PAGE, [[401, {}]]);
      expect((await registryOf(withLogin)).notes).to.deep.equal([`a.json: key.converter.apicurio.registry.url: the registry at ${connectUrl}/apis/registry/v2 does not let this command in (401)`]);
    });

    for (const [what, url, why] of [
      ['no address', 'http://u:hunter22@h:port', 'it is not an http URL'],
      ['one of something else', 'ftp://u:hunter22@h', 'it is not an http URL'],
      ['one that is never asked', 'http://u:hunter22@127.0.0.1:6000', 'http://127.0.0.1:6000 cannot be asked: bad port'],
    ] as const) {
      it(`says that it has ${what}, which is a mistake of the file`, async () => {
        expect(await registryOf(url)).to.deep.equal({ problems: [`a.json: key.converter.apicurio.registry.url: ${why}`], notes: [], faults: [] });
      });
    }

    it('is left out when its address is unknown here, which is noted, or when told to', async () => {
      expect((await registryOf('${env:REGISTRY}')).notes).to.deep.equal(['a.json: the registry was not asked from here: unknown here: REGISTRY']);
      expect(await registryOf(`${connectUrl}/nowhere`, { skip: ['registry'] })).to.deep.equal({ problems: [], notes: [], faults: [] });
    });
  });

  it('notes that the database was not looked into when its address is unknown here', async () => {
    const type = 'io.debezium.connector.postgresql.PostgresConnector';
    fake.replies.set(`PUT /connector-plugins/${type}/config/validate`, [[200, { configs: [] }]]);
    const config = { 'connector.class': type, 'database.hostname': '${env:HOST}', 'database.password': '${file:/run/x:pw}' };
    expect((await validate(config, { environment: {} })).notes).to.deep.equal(['a.json: the database was not looked into from here: unknown here: HOST, ${file:/run/x:pw}']);
    expect((await validate(config, { environment: {}, skip: ['database'] })).notes).to.deep.equal([]);
  });
});
