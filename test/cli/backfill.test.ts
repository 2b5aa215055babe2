/** What `millrace backfill` says, and what it takes. What it does: test/backfill, test/integration/backfill.test.ts. */
import { join } from 'node:path';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { progressLine } from '../../lib/cli/backfill.ts';
import { millrace } from './support.ts';

const TOPOLOGY = join(import.meta.dirname, '..', '..', 'examples', 'engagement', 'topology.ts');

describe('millrace backfill', () => {
  const lines: readonly (readonly [string, Parameters<typeof progressLine>[0], string])[] = [
    ['nothing yet', { records: 0, totalRecords: 90_000, waitingRecords: 0, recordsPerSecond: 0, leftMs: null, deadLetters: 0 }, `${'░'.repeat(30)} 0 %  0 of 90,000 records, 0/s, time left unknown`],
    ['a third', { records: 30_000, totalRecords: 90_000, waitingRecords: 120, recordsPerSecond: 8_000, leftMs: 7_500, deadLetters: 0 }, `${'█'.repeat(10)}${'░'.repeat(20)} 33 %  30,000 of 90,000 records, 120 on their way, 8,000/s, 8 s left`],
    ['hours', { records: 9, totalRecords: 10, waitingRecords: 0, recordsPerSecond: 1, leftMs: 3_725_000, deadLetters: 2 }, `${'█'.repeat(27)}${'░'.repeat(3)} 90 %  9 of 10 records, 1/s, 1 h 2 min left, 2 dead letters`],
    ['an empty range', { records: 0, totalRecords: 0, waitingRecords: 0, recordsPerSecond: 0, leftMs: 0, deadLetters: 0 }, `${'█'.repeat(30)} 100 %  0 of 0 records, 0/s, 0 s left`],
  ];
  for (const [what, progress, expected] of lines) it(`shows ${what}`, () => expect(progressLine(progress)).to.equal(expected));

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /--from is missing: a time, earliest or snapshot/],
    [['--from', 'yesterday'], /It is a time such as 2026-03-01T12:00:00Z, earliest or snapshot/],
    [['--from', 'earliest', '--to', '12'], /It is a time such as .*, or now/],
    [['--from', 'earliest', '--rate', '0'], /It is a whole number of records a second, 1 or more/],
    [['--from', 'earliest', '--name', 'a.b'], /It has letters, digits/],
    [['--from', 'earliest', '--only', 'warehous'], /there is no sink warehous; there are warehouse, partner/],
  ];
  for (const [args, said] of wrong) {
    it(`refuses ${args.length === 0 ? 'no --from' : args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await millrace(['backfill', TOPOLOGY, ...args]);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.match(said);
    }).timeout(20_000);
  }
});
