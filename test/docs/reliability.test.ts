/** docs/RELIABILITY.md is made of the result beside the faults, by the code that a full run uses. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { faults } from '../faults/list.ts';
import { reportText } from '../faults/report.ts';
import { readResults } from '../faults/results.ts';
import { read } from './support.ts';

describe('docs/RELIABILITY.md', () => {
  it('is what the generator makes of test/faults/results.json', async () => {
    expect(read('docs/RELIABILITY.md')).to.equal(reportText(await readResults()));
  });

  it('tells of every fault, in a table, with its proof', async () => {
    const { faults: found } = await readResults();
    expect(found.map(({ name }) => name)).to.deep.equal(faults.map(({ name }) => name));
    expect(found.filter(({ proofs }) => proofs.length === 0)).to.deep.equal([]);
    for (const { title } of faults) expect(read('docs/RELIABILITY.md')).to.contain(`| ${title} |`);
  });
});
