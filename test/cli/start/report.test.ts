import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { DemoResult } from '../../../lib/cli/start/demo.ts';
import { reportOf, reportText, succeeded } from '../../../lib/cli/start/report.ts';

const result = (changes: Partial<DemoResult> = {}): DemoResult => ({
  checks: [{ sink: 'BigQuery', check: 'rows', expected: '20', actual: '20' }, { sink: 'partner', check: 'rows', expected: '5', actual: '5' }],
  specials: { edits: 3, nullLengths: 2 },
  latency: { count: 20, p50Ms: 30, p95Ms: 40, p99Ms: 50 },
  ...changes,
});

const bounded = (given: DemoResult, without: readonly string[] = []) => ({ events: 2_000, seconds: 4, result: given, without });
const text = (given: DemoResult): string => reportText(bounded(given));

describe('the report of a bounded run', () => {
  it('succeeds when every check agrees and everything special has happened', () => {
    expect(succeeded(result())).to.equal(true);
    expect(text(result())).to.include('2,000 events in 4.0 s: 500 a second').and.to.match(/BigQuery +rows +20 +20 +equal/).and.to.include('All 2 checks agree');
    expect(text(result())).to.include('Special: edits 3, null lengths 2.');
  });

  it('fails when a check differs, and shows it', () => {
    const different = result({ checks: [{ sink: 'partner', check: 'rows', expected: '5', actual: '6' }] });
    expect(succeeded(different)).to.equal(false);
    expect(text(different)).to.match(/partner +rows +5 +6 +DIFFERENT/).and.to.include('1 of 1 checks DIFFER');
  });

  it('fails when something special never happened, and names it', () => {
    const plain = result({ specials: { edits: 3, nullLengths: 0 } });
    expect(succeeded(plain)).to.equal(false);
    expect(text(plain)).to.include('no null lengths');
  });

  it('says what was left out, and that no latency was measured', () => {
    const shown = reportText(bounded(result({ latency: null }), ['redis']));
    expect(shown).to.include('Left out, and not compared: redis.').and.to.include('PostgreSQL to Redis was not measured.');
    expect(text(result())).not.to.include('Left out');
  });

  it('is data for programs', () => {
    expect(reportOf(bounded(result({ checks: [{ sink: 'partner', check: 'rows', expected: '5', actual: '6' }] }), ['bigquery']))).to.deep.equal({
      type: 'result', agrees: false, events: 2_000, seconds: 4, eventsPerSecond: 500,
      checks: [{ sink: 'partner', check: 'rows', expected: '5', actual: '6', agrees: false }],
      specials: { edits: 3, nullLengths: 2 }, latency: { count: 20, p50Ms: 30, p95Ms: 40, p99Ms: 50 }, without: ['bigquery'],
    });
  });

  it('fails when nothing was compared', () => {
    expect(succeeded(result({ checks: [] }))).to.equal(false);
  });
});
