/**
 * Compares the sinks with SQL as they are now, without load: `node --env-file=.millrace/stack.env examples/engagement/compare/main.ts`,
 * with PARTNER_TOKEN in the environment. Exit code 0 when all agree, 1 when not.
 */
import { comparisonTable } from '../../../lib/cli/start/report.ts';
import { agrees, compare } from '../compare.ts';
import { faults } from '../names.ts';

const { checks } = await compare({ environment: process.env, firstEvent: Number.MAX_SAFE_INTEGER, ...faults });
process.stdout.write(`${comparisonTable(checks)}\n`);
process.exitCode = checks.every(agrees) ? 0 : 1;
