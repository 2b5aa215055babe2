/** docs/EVOLUTION.md says of each change what the integration test sees of it. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { evolutionTable } from '../integration/evolution/facts.ts';
import { read } from './support.ts';

describe('docs/EVOLUTION.md', () => {
  it('says what is so', () => {
    const section = read('docs/EVOLUTION.md').split(/^## /m).find((part) => part.startsWith('What each change does'))!;
    expect(section.split('\n').filter((line) => line.startsWith('|'))).to.deep.equal(evolutionTable());
  });
});
