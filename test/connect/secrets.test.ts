import { expect } from 'chai';
import { describe, it } from 'mocha';
import { parseConnector } from '../../lib/connect/index.ts';
import { resolveConnectors } from '../../lib/connect/placeholders.ts';
import { isSecretKey, Secrets } from '../../lib/connect/secrets.ts';

describe('what may be secret', () => {
  for (const key of ['database.password', 'database.sslpassword', 'key.converter.apicurio.auth.client.secret', 'producer.override.sasl.jaas.config', 'value.converter.basic.auth.user.info', 'x.api.key', 'AWS_TOKEN',
    'producer.override.ssl.keystore.key', 'admin.override.ssl.keystore.key', 'database.ssl.key.passphrase', 'x.Passcode', 'aws.access.key', 'AWS_ACCESSKEY']) {
    it(`is known by its key: ${key}`, () => expect(isSecretKey(key)).to.equal(true));
  }
  for (const key of ['message.key.columns', 'key.converter', 'database.user', 'topic.prefix', 'producer.override.ssl.keystore.location', 'producer.override.ssl.keystore.type', 'keystore.keyboard']) it(`is not every key: ${key}`, () => expect(isSecretKey(key)).to.equal(false));

  const cuts: readonly (readonly [what: string, key: string, value: string, text: string, expected: string])[] = [
    ['wherever it stands', 'x.password', 'hunter22', 'ahunter22b', 'a[redacted]b'],
    ['as JSON', 'x.password', 'a"b\\c', 'got {"p":"a\\"b\\\\c"}', 'got {"p":"[redacted]"}'],
    ['in a URL', 'x.password', 'p@ss/w', 'jdbc:x?password=p%40ss%2Fw', 'jdbc:x?password=[redacted]'],
    ['with signs of a regular expression', 'x.password', 'a.*b(c', 'no aXXb, but a.*b(c', 'no aXXb, but [redacted]'],
    ['as a word, when it is no password', 'database.user', 'app', 'user "app" of app_orders', 'user "[redacted]" of app_orders'],
    ['as a word, when it is short', 'x.password', 'ab', 'ab in a cab', '[redacted] in a cab'],
    ['also when nobody told it, from a URL', 'database.user', 'app', 'jdbc:x://h/d?user=u&password=hunter33&ssl=true', 'jdbc:x://h/d?user=u&password=[redacted]&ssl=true'],
    ['but not the placeholder', 'database.user', 'app', 'jdbc:x://h/d?password=${env:PW}', 'jdbc:x://h/d?password=${env:PW}'],
    ['on one line, when it has several', 'ssl.keystore.key', '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0B\n-----END KEY-----\n', 'bad -----BEGIN KEY----- MIIEvQIBADANBgkqhkiG 9w0B -----END KEY-----.', 'bad [redacted].'],
    ['line by line', 'ssl.keystore.key', '-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG\n9w0B\n-----END KEY-----\n', 'no key: MIIEvQIBADANBgkqhkiG', 'no key: [redacted]'],
    ['not at all, when it is empty', 'x.password', '', 'text', 'text'],
  ];
  for (const [what, key, value, text, expected] of cuts) {
    it(`is cut out ${what}`, () => {
      const secrets = new Secrets();
      secrets.add(key, value);
      expect(secrets.cut(text)).to.equal(expected);
    });
  }

  it('is cut out also when it stands within an address', () => {
    const secrets = new Secrets();
    for (const text of ['http://u:p%40ssw@h/x', 'jdbc:x://h/d?user=u&password=hunter33', 'http://h:8083/x?a=b@c']) secrets.addPasswordsIn(text);
    expect(secrets.cut('p@ssw, p%40ssw or hunter33 at h:8083')).to.equal('[redacted], [redacted] or [redacted] at h:8083');
  });

  it('is cut out, the longer one first', () => {
    const secrets = new Secrets();
    for (const value of ['hunter', 'hunter22']) secrets.add('x.password', value);
    expect(secrets.cut('hunter22 hunter')).to.equal('[redacted] [redacted]');
  });
});

describe('placeholders', () => {
  const connector = parseConnector(
    JSON.stringify({ 'connector.class': 'x.Y', 'database.password': '${env:PW}', 'database.hostname': '${env:HOST}', url: 'a://${env:HOST}:${env:PORT}/', file: '${file:/run/x:pw}', route: '${routedByValue}' }),
    'f.json',
  );

  it('are left for Connect unless told otherwise', () => {
    const { connectors, problems } = resolveConnectors([connector], 'connect', {});
    expect(problems).to.deep.equal([]);
    expect(connectors[0]!.resolved).to.deep.equal(connector.config);
  });

  it('of the environment are resolved here, those of other providers are left', () => {
    const { connectors, problems } = resolveConnectors([connector], 'here', { PW: 'hunter22', HOST: 'db.example', PORT: '5432' });
    expect(problems).to.deep.equal([]);
    expect(connectors[0]!.resolved).to.include({ 'database.password': 'hunter22', 'database.hostname': 'db.example', url: 'a://db.example:5432/', file: '${file:/run/x:pw}', route: '${routedByValue}' });
    expect(connectors[0]!.secrets.cut('hunter22 at db.example')).to.equal('[redacted] at [redacted]');
  });

  it('without a variable are problems, each by its key', () => {
    const { problems } = resolveConnectors([connector], 'here', { HOST: 'h' });
    expect(problems).to.deep.equal(['f.json: database.password: the variable PW is not set here', 'f.json: url: the variable PORT is not set here']);
  });

  it('are kept out of messages also when Connect resolves them', () => {
    const { connectors } = resolveConnectors([connector], 'connect', { PW: 'hunter22' });
    expect(connectors[0]!.secrets.cut('login with hunter22')).to.equal('login with [redacted]');
  });
});
