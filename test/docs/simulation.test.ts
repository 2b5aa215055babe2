/** docs/SIMULATION.md shows code that runs, and names the faults and options that there are. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { FAULTS } from 'millrace/testing';
import { survives } from './simulation/spending.ts';
import { fences, inline, read } from './support.ts';

const page = read('docs/SIMULATION.md');

/** First cells of the table that begins with this header. */
const firstCells = (header: string): string[] => {
  const table = page.slice(page.indexOf(header)).split('\n\n')[0]!;
  return table.split('\n').slice(2).flatMap((row) => inline(row.split('|')[1]!));
};

describe('docs/SIMULATION.md', function () {
  this.timeout(30_000);

  it('shows code as it is in a file that is compiled and run', () => {
    expect(fences(page, 'ts')).to.deep.equal([read('test/docs/simulation/spending.ts')]);
  });

  it('shows code that survives', () => survives(20));

  it('names every fault, and no other', () => {
    expect(firstCells('| fault | what happens |').toSorted()).to.deep.equal([...FAULTS].toSorted());
  });

  it('names every option, and no other', () => {
    const options = /export interface SimulateOptions \{(.*?)^\}/ms.exec(read('lib/testing/simulate.ts'))![1]!;
    expect(firstCells('| option | what it is |').toSorted()).to.deep.equal([...options.matchAll(/readonly (\w+)\??:/g)].map((match) => match[1]!).toSorted());
  });
});
