import { expect } from 'chai';
import { describe, it } from 'mocha';
import { ConfigurationError } from '../../lib/core/errors.ts';
import { httpAddress } from '../../lib/core/http-address.ts';

describe('the address of an HTTP server', () => {
  // The second is RFC 7617's own example; the others were made with the tool base64.
  const facts: readonly (readonly [text: string, base: string, authorization?: string])[] = [
    ['http://h:8083/', 'http://h:8083'],
    ['https://Aladdin:open%20sesame@h/api//', 'https://h/api', 'Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=='],
    ['http://u:p%40ss@h', 'http://h', 'Basic dTpwQHNz'],
    ['http://u@h', 'http://h', 'Basic dTo='],
    ['http://:pw@h', 'http://h', 'Basic OnB3'],
    ['http://u:50%@h', 'http://h', 'Basic dTo1MCU='],
  ];
  for (const [text, base, authorization] of facts) {
    it(`sends user info as basic authentication, and does not show it: ${text}`, () => {
      const { login: _, ...found } = httpAddress(text, 'it');
      expect(found).to.deep.equal({ base, headers: authorization === undefined ? {} : { authorization } });
    });
  }

  it('gives user and password by themselves, too', () => {
    expect(httpAddress('http://u:p%40ss%@h', 'it').login).to.deep.equal({ username: 'u', password: 'p@ss%' });
    expect(httpAddress('http://h', 'it').login).to.equal(null);
  });

  for (const text of ['', 'h:8083', 'user:pw@h:8083', 'ftp://u:pw@h', 'http://', 'http://u:pw@', 'http://u:pw@h:port']) {
    it(`has to be one, and is not repeated when it is none: '${text}'`, () => {
      expect(() => httpAddress(text, "Connect's address")).to.throw(ConfigurationError, /^Connect's address is not an http URL$/);
    });
  }
});
