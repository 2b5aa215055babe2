/** The comparison itself has teeth: whatever is missing, doubled or wrong is found. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import type { ReadRecord } from '../integration/support/lab.ts';
import type { JavaRecord } from './java-reader.ts';
import { Partner } from './partner.ts';
import type { Truth } from './truth.ts';
import { truthOf } from './truth.ts';
import { checkCopy, checkPartner, checkTotals, type Findings } from './verify.ts';

const record = (value: object, key = 'k', partition = 0, offset = 0): JavaRecord => ({ partition, offset, key, value: JSON.stringify(value) });
const event = (value: object, partition: number, offset: number): ReadRecord => ({ partition, offset, key: null, value: Buffer.from(JSON.stringify(value)), headers: {}, timestamp: 0 });
const nothing = (): Findings => ({ lost: 0, duplicated: 0, failures: [] });

/** Two events of one user, one of another; item-0 costs 100 and is a book, item-1 costs 101 and is a game. */
const source = [
  event({ id: 0, user: 'ann', item: 'item-0', amount: 2, filling: '' }, 0, 0),
  event({ id: 1, user: 'ann', item: 'item-1', amount: 1, filling: '' }, 1, 0),
  event({ id: 2, user: 'bob', item: 'item-0', amount: 3, filling: '' }, 0, 1),
];
const copies = [
  { at: '0-0', id: 0, user: 'ann', category: 'books', cents: 200 },
  { at: '1-0', id: 1, user: 'ann', category: 'games', cents: 101 },
  { at: '0-1', id: 2, user: 'bob', category: 'books', cents: 300 },
];
const steps = [
  ['ann', { at: '0-0', n: 1, cents: 200 }],
  ['bob', { at: '0-1', n: 1, cents: 300 }],
  ['ann', { at: '1-0', n: 2, cents: 301 }],
] as const;

describe('what the faults compare', () => {
  const truth: Truth = truthOf(source);

  it('is computed from the source topic', () => {
    expect([...truth.byCategory.values()]).to.deep.equal([{ category: 'books', n: 2, cents: 500 }, { category: 'games', n: 1, cents: 101 }]);
    expect([...truth.centsByUser]).to.deep.equal([['ann', 301], ['bob', 300]]);
  });

  const copyCases: readonly (readonly [what: string, found: readonly object[], lost: number, duplicated: number, failures: readonly RegExp[]])[] = [
    ['nothing wrong', copies, 0, 0, []],
    ['a missing event', copies.slice(1), 1, 0, [/1 of 3 events are missing: 0-0/]],
    ['an event that came three times', [...copies, copies[2]!, copies[2]!], 0, 2, [/came more than once: 0-1 3 times/]],
    ['a record of no event', [...copies, { ...copies[0]!, at: '7-7' }], 0, 0, [/belong to no event: 7-7/, /differ from their events: 7-7/]],
    ['another content', [copies[0]!, copies[1]!, { ...copies[2]!, cents: 1 }], 0, 0, [/differ from their events: 0-1/]],
  ];
  for (const [what, found, lost, duplicated, failures] of copyCases) {
    it(`finds in a topic: ${what}`, () => {
      const findings = nothing();
      checkCopy(found.map((value) => record(value)), truth, findings);
      expect({ lost: findings.lost, duplicated: findings.duplicated }).to.deep.equal({ lost, duplicated });
      expect(findings.failures).to.have.length(failures.length);
      failures.forEach((failure, i) => expect(findings.failures[i]).to.match(failure));
    });
  }

  const totalCases: readonly (readonly [what: string, found: readonly (readonly [string, object])[], failures: readonly RegExp[]])[] = [
    ['nothing wrong', steps, []],
    ['a state that forgot a record', [steps[0], steps[1], ['ann', { at: '1-0', n: 1, cents: 101 }]], [/do not follow.*ann at 1-0: n 1 after 1/]],
    ['a record that was counted twice', [...steps, ['ann', { at: '1-0', n: 3, cents: 402 }]], [/came more than once: 1-0 2 times/]],
    ['a wrong sum', [steps[0], steps[1], ['ann', { at: '1-0', n: 2, cents: 300 }]], [/do not follow/]],
    ['a record under another key', [['bob', steps[0][1]], steps[1], steps[2]], [/do not follow/]],
  ];
  for (const [what, found, failures] of totalCases) {
    it(`finds in the totals: ${what}`, () => {
      const findings = nothing();
      checkTotals(found.map(([key, value]) => record(value, key)), truth, findings);
      expect(findings.failures).to.have.length(failures.length);
      failures.forEach((failure, i) => expect(findings.failures[i]).to.match(failure));
    });
  }

  it('finds at the partner what is missing, and what was said differently the second time', async () => {
    const partner = new Partner();
    await partner.up();
    const post = (at: string, cents: number): Promise<unknown> =>
      fetch(partner.url, { method: 'POST', headers: { 'idempotency-key': `"${at}"` }, body: JSON.stringify({ at, id: 0, cents }) }).then((response) => response.text());
    try {
      await post('0-0', 200);
      await post('0-0', 200);
      await post('0-1', 300);
      await post('0-1', 301);
    } finally {
      await partner.down();
    }
    const findings = nothing();
    checkPartner(partner, truth, findings);
    expect({ lost: findings.lost, duplicated: findings.duplicated, repeated: partner.repeated }).to.deep.equal({ lost: 1, duplicated: 0, repeated: 2 });
    expect(findings.failures).to.have.length(2);
    expect(findings.failures[0]).to.match(/1 of 3 events are missing: 1-0/);
    expect(findings.failures[1]).to.match(/said something else: 0-1/);
  });
});
