/**
 * Faults on the real stack: npm run faults -- [--only NAME]... [--rounds N] [--seed N] [--list] [--json] [--report]
 *
 * Progress goes to stderr, the table (or with --json the result) to stdout. A full run writes test/faults/results.json and
 * docs/RELIABILITY.md; --report makes the page anew from the result that is there. Exit code 1: something was lost, came
 * twice, or took too long.
 */
import { writeFile } from 'node:fs/promises';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine, versions, type LoadAround } from '../../benchmarks/results.ts';
import { say } from '../../benchmarks/say.ts';
import { withLock } from '../../lib/stack/lock.ts';
import type { Fault, FaultResult } from './fault.ts';
import { closeOwnGround, ownGround } from './ground.ts';
import { faults } from './list.ts';
import { reportText, tableOf } from './report.ts';
import { readResults, writeResults, type RunResult } from './results.ts';
import { lateRounds, runFault } from './run.ts';
import { defaultSettings, PARTITIONS, SESSION_TIMEOUT_MS, WORKERS } from './scene.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const REPORT = join(ROOT, 'docs', 'RELIABILITY.md');
const LOGS = join(ROOT, '.millrace-faults-logs');
const LOCK = join(ROOT, '.millrace-faults.lock');
const LOCK_TIMEOUT_MS = 1_000;
const SEEDS = 2 ** 31;

const interruption = new AbortController();

interface Choice {
  readonly chosen: readonly Fault[];
  readonly rounds: number | null;
  readonly seed: number;
  readonly output: 'table' | 'json';
}

const wholeNumber = (name: string, text: string | undefined): number | null => {
  if (text === undefined) return null;
  if (!/^\d+$/.test(text) || Number(text) < 1) throw new Error(`${name} takes a whole number of at least 1, not ${text}`);
  return Number(text);
};

const told = (result: FaultResult): void => {
  const late = lateRounds(result);
  for (const failure of result.failures) say(`  FAILED ${result.name}: ${failure}`);
  if (late.length > 0) say(`  LATE ${result.name}: resumed after ${late.join(', ')} s; at most ${result.resumeGoalS} s were to pass`);
  say(`  ${result.name}: ${result.events} events, ${result.lost} lost, ${result.duplicated} duplicated; resumed after ${result.resumeS.join(', ')} s (${result.seconds} s in all)`);
};

const runAll = async ({ chosen, rounds, seed }: Choice): Promise<readonly FaultResult[]> => {
  say(`Bringing up Kafka and the BigQuery emulator; seed ${seed}`);
  const results: FaultResult[] = [];
  try {
    const ground = await ownGround(say, interruption.signal);
    for (const fault of chosen) {
      if (interruption.signal.aborted) break;
      say(`${fault.name}: ${fault.title}`);
      const result = await runFault(fault, ground, { rounds: rounds ?? fault.rounds, seed, logs: join(LOGS, fault.name), signal: interruption.signal });
      told(result);
      if (result.failures.length > 0) say(`  the workers' logs are in ${join(LOGS, fault.name)}`);
      results.push(result);
    }
    return results;
  } finally {
    await closeOwnGround();
  }
};

const resultOf = async (found: readonly FaultResult[], seed: number, seconds: number, load: LoadAround): Promise<RunResult> => ({
  at: new Date().toISOString(), seconds, seed, machine: machine(), versions: await versions(), load,
  perSecond: defaultSettings.perSecond, workers: WORKERS, partitions: PARTITIONS, sessionTimeoutMs: SESSION_TIMEOUT_MS, faults: found,
});

const run = async (choice: Choice): Promise<void> => {
  const [beganMs, before] = [performance.now(), loadavg()[0]!];
  const found = await runAll(choice);
  const seconds = Math.round((performance.now() - beganMs) / 1_000);
  const result = await resultOf(found, choice.seed, seconds, { before: Number(before.toFixed(2)), after: Number(loadavg()[0]!.toFixed(2)) });
  process.stdout.write(choice.output === 'json' ? `${JSON.stringify(result, null, 2)}\n` : `${tableOf(found)}\n`);
  const isFull = !interruption.signal.aborted && choice.chosen.length === faults.length && choice.rounds === null;
  if (isFull) {
    await writeResults(result);
    await writeFile(REPORT, reportText(result));
    say('test/faults/results.json and docs/RELIABILITY.md are written');
  }
  if (found.some((one) => one.failures.length > 0 || lateRounds(one).length > 0)) process.exitCode = 1;
};

const main = async (): Promise<void> => {
  const { values } = parseArgs({
    options: {
      only: { type: 'string', multiple: true }, rounds: { type: 'string' }, seed: { type: 'string' },
      list: { type: 'boolean' }, json: { type: 'boolean' }, report: { type: 'boolean' },
    },
  });
  if (values.list === true) {
    for (const { name, title, rounds } of faults) process.stdout.write(`${name.padEnd(14)} ${title} (rounds: ${rounds})\n`);
    return;
  }
  if (values.report === true) return writeFile(REPORT, reportText(await readResults()));
  const unknown = (values.only ?? []).filter((name) => !faults.some((fault) => fault.name === name));
  if (unknown.length > 0) throw new Error(`there is no fault ${unknown.join(', ')}; there are ${faults.map(({ name }) => name).join(', ')}`);
  const choice: Choice = {
    chosen: values.only === undefined ? faults : faults.filter(({ name }) => values.only!.includes(name)),
    rounds: wholeNumber('--rounds', values.rounds),
    seed: wholeNumber('--seed', values.seed) ?? Math.floor(Math.random() * SEEDS) + 1,
    output: values.json === true ? 'json' : 'table',
  };
  const onWait = (owner: number): never => {
    throw new Error(`another run is at work here, process ${owner}`);
  };
  await withLock(LOCK, { timeoutMs: LOCK_TIMEOUT_MS, onWait }, () => run(choice));
};

for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  process.on(signal, () => {
    // The second one ends it at once; the servers then stay.
    if (interruption.signal.aborted) process.exit(code);
    say('interrupted: stopping everything');
    process.exitCode = code;
    interruption.abort(new Error('interrupted'));
  });
}

try {
  await main();
} catch (error) {
  say(`FAILED: ${(error as Error).message}`);
  process.exitCode ||= 1;
}
// What an open connection would keep alive is not waited for.
process.exit();
