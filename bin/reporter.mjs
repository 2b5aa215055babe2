import mocha from 'mocha';
import { writeFileSync } from 'node:fs';

const { EVENT_RUN_END } = mocha.Runner.constants;

/** Mocha's usual output on stdout, and the counts as JSON in the file that MILLRACE_TEST_REPORT names. */
export default class CountingReporter extends mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    const file = process.env.MILLRACE_TEST_REPORT;
    if (file === undefined) return;
    runner.once(EVENT_RUN_END, () => {
      const { passes, failures, pending } = runner.stats;
      writeFileSync(file, JSON.stringify({ passed: passes, failed: failures, skipped: pending }));
    });
  }
}
