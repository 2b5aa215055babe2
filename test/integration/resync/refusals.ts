import { expect } from 'chai';
import { describe, it } from 'mocha';
import { millrace, type Outcome } from '../../cli/support.ts';
import type { Captured } from '../support/captured.ts';
import { eventually } from '../support/lab.ts';
import { stack } from '../support/stack.ts';

export interface RefusalContext {
  captured(): Captured;
  cli(command: string, ...args: readonly string[]): Promise<Outcome>;
  /** A call of Connect about the connector. */
  connect(method: string, path: string): Promise<void>;
  signals(): Readonly<Record<string, string>>;
}

/** What `snapshot` and `resync` do not do, each with its message and exit code. */
export const refusals = ({ captured, cli, connect, signals }: RefusalContext): void => {
  describe('refuses, with a message that says why,', () => {
    const sql = (text: string): Promise<unknown> => captured().client.query(text);
    const refused = async (code: number, message: RegExp, ...args: readonly [string, ...string[]]): Promise<void> => {
      const outcome = await cli(...args);
      expect({ code: outcome.code, stdout: outcome.stdout }, outcome.stderr).to.deep.equal({ code, stdout: '' });
      expect(outcome.stderr).to.match(message);
    };
    const name = (suffix: string): string => captured().table(suffix);

    it('a table that no connector captures, that is no name, or that PostgreSQL does not have', async () => {
      await refused(2, /no connector captures public\.resync_nowhere\n/, 'snapshot', 'resync_nowhere');
      await refused(2, /'a\.b\.c' is no table/, 'resync', 'a.b.c');
      await refused(2, /Connect has no connector bogus\n/, 'snapshot', name('item'), '--connector', 'bogus');
      await sql(`ALTER TABLE ${name('clock')} RENAME TO ${name('clock')}_moved`);
      try {
        await refused(2, new RegExp(`PostgreSQL has no table public\\.${name('clock')}\n`), 'snapshot', name('clock'));
      } finally {
        await sql(`ALTER TABLE ${name('clock')}_moved RENAME TO ${name('clock')}`);
      }
    });

    it('a table without a primary key, and a key that it cannot compare', async () => {
      await refused(2, new RegExp(`public\\.${name('loose')} has no primary key`), 'snapshot', name('loose'));
      await refused(2, /key column at of .* has the type timestamp with time zone, which resync does not compare/, 'resync', name('clock'));
    });

    for (const [what, where, message] of [
      ['that names no column', 'nmae = 1', /--where: column "nmae" does not exist/], ['that is no SQL', 'id >', /--where: syntax error/], ['that is two statements', '1 = 1); DROP TABLE nothing; --', /--where: (syntax error|cannot insert multiple commands)/],
      ['that compares what cannot be', "id = 'ten'", /--where: invalid input syntax/],
    ] as const) {
      it(`a condition ${what}`, () => refused(2, message, 'snapshot', name('item'), '--where', where));
    }

    it('a signal that the user may not write', async () => {
      await sql(`REVOKE INSERT ON ${name('signal')} FROM CURRENT_USER`);
      try {
        await refused(2, new RegExp(`user millrace may not insert into the signal table public\\.${name('signal')}\nmillrace: GRANT INSERT`), 'snapshot', name('item'));
      } finally {
        await sql(`GRANT INSERT ON ${name('signal')} TO CURRENT_USER`);
      }
    });

    it('a signal that the connector would not see', async () => {
      await sql(`ALTER PUBLICATION ${captured().name} DROP TABLE ${name('signal')}`);
      try {
        await refused(2, /is not in publication .*: the connector would not see the signal\nmillrace: ALTER PUBLICATION/, 'snapshot', name('item'));
      } finally {
        await sql(`ALTER PUBLICATION ${captured().name} ADD TABLE ${name('signal')}`);
      }
    });

    it('a connector that does not run, and one that takes no signals', async () => {
      await connect('PUT', '/pause');
      await eventually(async () => (await cli('snapshot', name('item'))).stderr.includes('does not run: it is PAUSED'), () => 'the connector is paused');
      await refused(1, new RegExp(`connector ${captured().name} does not run: it is PAUSED\n`), 'snapshot', name('item'));
      await connect('PUT', '/resume');
      const { 'signal.data.collection': _, ...others } = signals();
      await captured().capture({ ...others, 'snapshot.mode': 'no_data' });
      await refused(2, /takes no signals: signal\.data\.collection is not set/, 'snapshot', name('item'));
      // A row that comes back under its tombstone could not be read again, so there is no tombstone at all.
      await sql(`BEGIN; CREATE TEMP TABLE kept AS TABLE ${name('item')}; TRUNCATE ${name('item')}; INSERT INTO ${name('item')} SELECT * FROM kept WHERE id <> 30; DROP TABLE kept; COMMIT`);
      await refused(2, /takes no signals: signal\.data\.collection is not set/, 'resync', name('item'), '--apply');
      expect((await cli('resync', name('item'))).stdout).to.equal('30\n');
    });

    it('a PostgreSQL and a Connect that are not there', async () => {
      const outcome = await millrace(['snapshot', name('item'), '--retry', '1'], { ...stack.environment, MILLRACE_PG_URL: 'postgres://nobody:hidden@127.0.0.1:1/none' });
      expect(outcome.code).to.be.oneOf([1, 2]);
      expect(outcome.stderr).not.to.contain('hidden');
      const away = await millrace(['resync', name('item'), '--retry', '1'], { ...stack.environment, MILLRACE_PG_URL: 'postgres://nobody:hidden@127.0.0.1:1/none' });
      expect(away).to.include({ code: 1, stdout: '' });
      expect(away.stderr).to.contain('PostgreSQL cannot be asked').and.not.contain('hidden');
      await refused(1, /Kafka Connect at http:\/\/127\.0\.0\.1:2/, 'resync', name('item'), '--connect-url', 'http://127.0.0.1:2', '--retry', '0');
    });
  });
};
