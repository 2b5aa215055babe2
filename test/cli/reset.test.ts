/** What `millrace reset` takes. What it does: test/runtime/fit.test.ts, test/runtime/reset-by-name.test.ts, test/integration/reset.test.ts. */
import { expect } from 'chai';
import { describe, it } from 'mocha';
import { millrace } from './support.ts';

describe('millrace reset', () => {
  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /name the file of the topology, or with --app the application whose file is gone/],
    [['gone.ts'], /there is no file gone\.ts; an application whose file is gone is reset with --app NAME/],
    [['topology.ts', '--app', 'shop'], /FILE and --app exclude each other/],
    [['--app', 'a b'], /It has letters, digits/],
    [['--app', 'shop', '--with', 'everything'], /They are outputs, dead-letters, orphans, backfills, doubtful/],
    [['--app', 'shop', '--yes', '--dry-run'], /--yes and --dry-run exclude each other/],
  ];
  for (const [args, said] of wrong) {
    it(`refuses ${args.length === 0 ? 'nothing' : args.join(' ')}`, async () => {
      const { code, stdout, stderr } = await millrace(['reset', ...args]);
      expect({ code, stdout }).to.deep.equal({ code: 2, stdout: '' });
      expect(stderr).to.match(said);
    }).timeout(20_000);
  }
});
