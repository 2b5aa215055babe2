import { expect } from 'chai';
import { describe, it } from 'mocha';
import { verdictOf } from '../../bin/audit.ts';

const counts = (changes: Readonly<Record<string, number>>) => ({ vulnerabilities: { info: 0, low: 0, moderate: 0, high: 0, critical: 0, total: 0, ...changes } });

describe('the check for advisories', () => {
  const verdicts: readonly (readonly [what: string, output: string, code: number, text: string])[] = [
    ['passes without any', JSON.stringify({ metadata: counts({}), vulnerabilities: {} }), 0, 'no critical advisory'],
    ['passes with lesser ones, and counts them', JSON.stringify({ metadata: counts({ high: 2, total: 2 }), vulnerabilities: { a: { severity: 'high', range: '<1' } } }), 0, 'no critical advisory (2 high)'],
    [
      'fails with a critical one, and names it',
      JSON.stringify({ metadata: counts({ high: 1, critical: 1, total: 2 }), vulnerabilities: { a: { severity: 'high', range: '<1' }, b: { severity: 'critical', range: '<2.0.1' } } }),
      1,
      'critical advisories: b <2.0.1',
    ],
    ['is skipped when the registry has no such service', JSON.stringify({ message: '405 Method Not Allowed - POST https://example.org/x', statusCode: 405 }), 77, 'advisories were not checked: 405 Method Not Allowed - POST the registry'],
    ['is skipped when the registry is not reached', JSON.stringify({ error: { code: 'ENOTFOUND', summary: 'getaddrinfo ENOTFOUND' } }), 77, 'advisories were not checked: getaddrinfo ENOTFOUND'],
    ['is skipped when npm says nothing', '', 77, 'advisories were not checked: npm audit wrote nothing'],
  ];
  for (const [what, output, code, text] of verdicts) {
    it(what, () => {
      expect(verdictOf(output)).to.deep.equal({ code, text });
    });
  }
});
