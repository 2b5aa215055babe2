import { InvalidArgumentError } from 'commander';
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { interruptible, seconds, table } from '../../lib/cli/shared.ts';

describe('what commands share', () => {
  it('aligns a table by its longest cells and leaves no blanks at line ends', () => {
    expect(table(['A', 'LONG', 'C'], [['first', 'x', ''], ['b', 'y', 'z']])).to.equal('A      LONG  C\nfirst  x\nb      y     z');
  });

  for (const [text, value] of [['0', 0], ['1.5', 1.5], ['60', 60]] as const) {
    it(`reads ${text} seconds`, () => expect(seconds(text)).to.equal(value));
  }

  for (const text of ['', ' ', '-1', 'long', 'Infinity', '1m']) {
    it(`refuses ${JSON.stringify(text)} as seconds`, () => expect(() => seconds(text)).to.throw(InvalidArgumentError));
  }

  for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
    it(`ends work on ${signal} with ${code}`, async () => {
      const outcome = await interruptible(
        (aborted) =>
          new Promise((_, reject) => {
            aborted.addEventListener('abort', () => reject(aborted.reason as Error));
            process.emit(signal);
          }),
      );
      expect(outcome).to.equal(code);
    });
  }

  it('passes on what work throws by itself, and takes its handlers away', async () => {
    const before = process.listenerCount('SIGINT');
    const failure = await interruptible(async () => {
      throw new Error('own');
    }).catch((error: Error) => error.message);
    expect(failure).to.equal('own');
    expect(process.listenerCount('SIGINT')).to.equal(before);
  });
});
