import { expect } from 'chai';
import { describe, it } from 'mocha';
import { scrub } from '../../lib/core/logger.ts';

describe('user info of URLs', () => {
  const facts: readonly (readonly [text: string, shown: string])[] = [
    ['at postgres://u:pw@h:5432/d, and redis://u@h', 'at postgres://[redacted]@h:5432/d, and redis://[redacted]@h'],
    ['postgres://u:p@ss@h', 'postgres://[redacted]@h'],
    ['postgres://u:p@s@s@h:1/d?x=y', 'postgres://[redacted]@h:1/d?x=y'],
    ['redis://u:p/s@h:1/0', 'redis://[redacted]@h:1/0'],
    ['redis://u:12a/s@h:1/0', 'redis://[redacted]@h:1/0'],
    ['redis://:p?s#@h', 'redis://[redacted]@h'],
    ['jdbc:postgresql://u:pw@h/d', 'jdbc:postgresql://[redacted]@h/d'],
    ['a://u:pw@h,b://u:pw@h', 'a://[redacted]@h,b://[redacted]@h'],
  ];
  for (const [text, shown] of facts) it(`is cut out whole: ${text}`, () => expect(scrub(text)).to.equal(shown));

  for (const text of ['http://h:8080/path/a@b', 'http://[::1]:8080/a@b', 'http://h/a@b', 'mail a@b about http://h:1/', 'a: b@c', 'http://h:8080 and u@h']) {
    it(`is not seen where there is none: ${text}`, () => expect(scrub(text)).to.equal(text));
  }
});
