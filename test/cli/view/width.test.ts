import { expect } from 'chai';
import { describe, it } from 'mocha';
import { cut, cutStart, harmless, left, right, widthOf } from '../../../lib/cli/view/width.ts';

describe('texts on a terminal', () => {
  const widths: readonly (readonly [text: string, columns: number])[] = [
    ['', 0], ['abc', 3], ['äöü', 3], ['a\u0301', 1], ['東京', 4], ['한국어', 6], ['ｗｉｄｅ', 8], ['🎧', 2], ['👩‍👩‍👧', 2], ['🇩🇪', 2], ['❤️', 2], ['…', 1], ['▁█▌', 3], ['Привет', 6],
  ];
  for (const [text, columns] of widths) it(`${JSON.stringify(text)} takes ${columns} columns`, () => expect(widthOf(text)).to.equal(columns));

  it('are cut with an ellipsis, never in the middle of a character', () => {
    expect(cut('listening', 9)).to.equal('listening');
    expect(cut('listening', 5)).to.equal('list…');
    expect(cut('東京の朝', 5)).to.equal('東京…');
    expect(cut('東京の朝', 4)).to.equal('東…');
    expect(cut('👩‍👩‍👧 family', 3)).to.equal('👩‍👩‍👧…');
    expect(cut('ab', 1)).to.equal('…');
    expect(cut('ab', 0)).to.equal('');
    expect(cutStart('app.public.events', 8)).to.equal('….events');
  });

  it('are filled to columns', () => {
    expect(left('東京の朝', 6)).to.equal('東京… ');
    expect(right('12', 5)).to.equal('   12');
    expect(left('x', 0)).to.equal('');
  });

  it('lose what a terminal could take for a command', () => {
    expect(harmless('a\tb\r\nc\u001b]0;title\u0007')).to.equal('a b c ]0;title ');
    expect(harmless('\u202eabc\u2066\u200b')).to.equal('abc');
    expect(harmless('👩‍👧 x')).to.equal('👩‍👧 x');
    expect(harmless('\ud800x')).to.equal('\ufffdx');
  });
});
