/**
 * Everything `npm test` runs: type check, lint, layers, unit tests, and the integration tests on a stack of their own,
 * beside one that may be running. The last line on stdout counts all of it.
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { report } from '../lib/cli/shared.ts';
import { stackProgress } from '../lib/cli/progress.ts';
import { ConfigurationError } from '../lib/core/errors.ts';
import { baseServiceNames, clean, up } from '../lib/stack/index.ts';
import { withLock } from '../lib/stack/lock.ts';
import { AUDIT_EXIT } from './audit.ts';

const ROOT = join(import.meta.dirname, '..');
const STACK_DIR = join(ROOT, '.millrace-test');
/** Away from the usual ports, which a running `npm start` has. */
const PORT_OFFSET = 20_000;
const UNIT_TIMEOUT_MS = 600_000;
const INTEGRATION_TIMEOUT_MS = 1_500_000;
const CHECK_TIMEOUT_MS = 300_000;
/** For tests that name no limit of their own: some start a process, and the machine may be busy. */
const TEST_TIMEOUT_MS = 20_000;
const KILL_AFTER_MS = 5000;
/** Longer than a client of Kafka waits for an answer (30 s) after it was told to end. */
const LINGER_MS = 60_000;
const LOCK_TIMEOUT_MS = 1000;

interface Counts {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

const PASSED: Counts = { passed: 1, failed: 0, skipped: 0 };
const FAILED: Counts = { passed: 0, failed: 1, skipped: 0 };
const SKIPPED: Counts = { passed: 0, failed: 0, skipped: 1 };

const results: Counts[] = [];
const failedSteps: string[] = [];
const children = new Set<ChildProcess>();
const interruption = new AbortController();
let interruptedBy: NodeJS.Signals | undefined;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

const signalGroup = (child: ChildProcess, signal: NodeJS.Signals): void => {
  try {
    process.kill(-child.pid!, signal);
  } catch {
    // It ended in the meantime.
  }
};

const stopChild = (child: ChildProcess): void => {
  signalGroup(child, 'SIGTERM');
  setTimeout(() => signalGroup(child, 'SIGKILL'), KILL_AFTER_MS).unref();
};

interface Run {
  readonly name: string;
  readonly args: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Written when the work is done: the process has little time left to end then. */
  readonly report?: string;
}

/** Runs our own Node in a group of its own, so that what it starts can be ended with it. @returns undefined on success, else why not */
const runNode = (run: Run): Promise<string | undefined> =>
  new Promise((resolve) => {
    if (interruption.signal.aborted) return resolve('interrupted');
    const child = spawn(process.execPath, [...run.args], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'], detached: true, env: { ...process.env, ...run.environment } });
    children.add(child);
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      stopChild(child);
    }, run.timeoutMs);
    let lingers = false;
    const watch = setInterval(() => {
      if (run.report === undefined || !existsSync(run.report)) return;
      clearInterval(watch);
      setTimeout(() => {
        lingers = true;
        stopChild(child);
      }, LINGER_MS).unref();
    }, 1_000);
    const end = (reason: string | undefined): void => {
      clearTimeout(timer);
      clearInterval(watch);
      children.delete(child);
      resolve(late ? `not done after ${run.timeoutMs / 1000} s` : lingers ? `still there ${LINGER_MS / 1000} s after its last test: something was left running` : reason);
    };
    child.once('error', (error) => end(error.message));
    child.once('exit', (code, signal) => end(code === 0 ? undefined : (signal ?? `exit code ${code}`)));
  });

const timed = async <T>(name: string, task: () => Promise<T>): Promise<T> => {
  const began = performance.now();
  try {
    return await task();
  } finally {
    say(`[${name}: ${((performance.now() - began) / 1000).toFixed(1)} s]`);
  }
};

const record = (name: string, counts: Counts): void => {
  results.push(counts);
  if (counts.failed > 0) failedSteps.push(name);
};

const check = (run: Run): Promise<void> =>
  timed(run.name, async () => {
    const reason = await runNode(run);
    // The check itself has said why it could not be made.
    if (reason === `exit code ${AUDIT_EXIT.skipped}`) return record(run.name, SKIPPED);
    if (reason !== undefined) say(`${run.name} failed: ${reason}`);
    record(run.name, reason === undefined ? PASSED : FAILED);
  });

const bin = (...path: string[]): string => join(ROOT, 'node_modules', ...path);

const checks = async (): Promise<void> => {
  await check({ name: 'typecheck', args: [bin('typescript', 'bin', 'tsc'), '--noEmit'], timeoutMs: CHECK_TIMEOUT_MS });
  if (existsSync(join(ROOT, 'eslint.config.js'))) {
    await check({ name: 'lint', args: [bin('eslint', 'bin', 'eslint.js'), '.'], timeoutMs: CHECK_TIMEOUT_MS });
  }
  if (existsSync(join(ROOT, '.dependency-cruiser.cjs'))) {
    const folders = ['topology', 'lib', 'examples'].filter((folder) => existsSync(join(ROOT, folder)));
    const args = [bin('dependency-cruiser', 'bin', 'dependency-cruiser.mjs'), '--config', '.dependency-cruiser.cjs', ...folders];
    await check({ name: 'layers', args, timeoutMs: CHECK_TIMEOUT_MS });
  }
  await check({ name: 'advisories', args: [join(ROOT, 'bin', 'audit.ts')], timeoutMs: CHECK_TIMEOUT_MS });
};

const testFiles = async (kind: 'unit' | 'integration'): Promise<string[]> => {
  const all = await readdir(join(ROOT, 'test'), { recursive: true });
  return all
    .filter((file) => file.endsWith('.test.ts') && file.startsWith(`integration${sep}`) === (kind === 'integration'))
    .sort()
    .map((file) => relative(ROOT, join(ROOT, 'test', file)));
};

const mocha = (kind: 'unit' | 'integration', environment: Readonly<Record<string, string>>, extraArgs: readonly string[]): Promise<void> =>
  timed(kind, async () => {
    const files = await testFiles(kind);
    if (files.length === 0) return;
    const folder = await mkdtemp(join(tmpdir(), 'millrace-test-'));
    const file = join(folder, 'report.json');
    const timeoutMs = kind === 'unit' ? UNIT_TIMEOUT_MS : INTEGRATION_TIMEOUT_MS;
    const args = [bin('mocha', 'bin', 'mocha.js'), '--reporter', join(ROOT, 'bin', 'reporter.mjs'), '--forbid-only', '--timeout', String(TEST_TIMEOUT_MS), ...extraArgs, ...files];
    const reason = await runNode({ name: kind, args, environment: { ...environment, MILLRACE_TEST_REPORT: file }, timeoutMs, report: file });
    const counts = JSON.parse(await readFile(file, 'utf8').catch(() => 'null')) as Counts | null;
    await rm(folder, { recursive: true, force: true });
    if (counts !== null) record(kind, counts);
    // Mocha that could not load a file, hangs or is killed has counted nothing, or not what went wrong.
    if (reason !== undefined && (counts === null || counts.failed === 0)) {
      say(`${kind} tests failed: ${reason}`);
      record(kind, FAILED);
    }
  });

/** Lines of `lib/` and `topology/` that the tests ran, over all processes they started. `.c8rc.json` holds the floor and the files that hold types only. */
const coverage = (folder: string): Promise<void> =>
  check({ name: 'coverage', args: [bin('c8', 'bin', 'c8.js'), 'report', '--check-coverage', '--temp-directory', folder], timeoutMs: CHECK_TIMEOUT_MS });

const bringUp = async (): Promise<Readonly<Record<string, string>>> => {
  await clean({ dir: STACK_DIR });
  const progress = stackProgress(baseServiceNames);
  try {
    const stack = await up({ dir: STACK_DIR, portOffset: PORT_OFFSET, onProgress: progress.onProgress, signal: interruption.signal });
    return stack.environment;
  } finally {
    await progress.finish();
  }
};

const withStack = async (before: () => Promise<void>, task: (environment: Readonly<Record<string, string>>) => Promise<void>): Promise<void> => {
  const lock = {
    timeoutMs: LOCK_TIMEOUT_MS,
    onWait: (owner: number) => {
      throw new ConfigurationError([`Another run of the tests is at work here, process ${owner}; they would share one stack`]);
    },
  };
  await withLock(`${STACK_DIR}.lock`, lock, async () => {
    try {
      // Starting servers mostly waits; the checks fill the time.
      const [environment] = await Promise.allSettled([timed('stack', bringUp), before()]);
      if (environment.status === 'rejected') throw environment.reason;
      await task(environment.value);
    } finally {
      await timed('teardown', () => clean({ dir: STACK_DIR }));
    }
  });
};

const SETS = ['all', 'unit', 'integration'] as const;

const run = async (set: string | undefined, mochaArgs: readonly string[]): Promise<void> => {
  if (!SETS.some((known) => known === set)) throw new ConfigurationError([`There are the sets ${SETS.join(', ')}`]);
  if (set === 'unit') return mocha('unit', {}, mochaArgs);
  const first = async (): Promise<void> => (set === 'all' ? checks() : undefined);
  return withStack(first, async (environment) => {
    if (set === 'integration') return mocha('integration', environment, mochaArgs);
    const folder = await mkdtemp(join(tmpdir(), 'millrace-coverage-'));
    try {
      await mocha('unit', { NODE_V8_COVERAGE: folder }, mochaArgs);
      await mocha('integration', { ...environment, NODE_V8_COVERAGE: folder }, mochaArgs);
      await coverage(folder);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  });
};

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    interruptedBy ??= signal;
    interruption.abort(new Error('interrupted'));
    for (const child of children) stopChild(child);
  });
}

const sum = (field: keyof Counts): number => results.reduce((total, counts) => total + counts[field], 0);

const [set, ...mochaArgs] = process.argv.slice(2);
let usageCode: number | undefined;
try {
  await run(set, mochaArgs);
} catch (error) {
  if (interruptedBy === undefined) {
    const code = report(error);
    if (error instanceof ConfigurationError) usageCode = code;
  } else {
    say('interrupted');
  }
  record('run', FAILED);
}
if (failedSteps.length > 0) say(`failed: ${[...new Set(failedSteps)].join(', ')}`);
const skipped = sum('skipped');
say(`${sum('passed')} passed, ${sum('failed')} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`);
const failureCode = sum('failed') > 0 || sum('passed') === 0 ? 1 : 0;
process.exitCode = interruptedBy === undefined ? (usageCode ?? failureCode) : interruptedBy === 'SIGINT' ? 130 : 143;
