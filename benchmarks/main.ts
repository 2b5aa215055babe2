/**
 * The benchmarks: npm run bench -- [PART...] [--small] [--events N] [--rounds N]
 *
 * Parts: engine profile latency hold rate join commit restore backfill micro report; all of them unless some are named. Progress goes to stderr, results to
 * benchmarks/results/*.json, the report to docs/PERFORMANCE.md.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { clean, down } from '../lib/stack/index.ts';
import { runBackfill } from './backfill/run.ts';
import { runCommit } from './commit/run.ts';
import { loadedStack } from './data/load.ts';
import { Deadline } from './deadline.ts';
import { runEngine } from './engine/run.ts';
import { runJoin } from './join/run.ts';
import { runHold, runRate } from './live/hold.ts';
import { runLatency } from './live/latency.ts';
import { runMicro } from './micro/run.ts';
import { runProfile } from './profile/run.ts';
import { reportText } from './report/text.ts';
import { runRestore } from './restore/run.ts';
import { readResult, recorded, type PartName } from './results.ts';
import { say } from './say.ts';
import { sizes, type Sizes } from './sizes.ts';
import { BACKFILL_DIR, backfillStack, COMMIT_DIR, commitStack, INPUT_DIR, JOIN_DIR, joinStack, LIVE_DIR, liveStack, RESTORE_DIR, restoreStack } from './stack.ts';

const PARTS = ['engine', 'profile', 'latency', 'hold', 'rate', 'join', 'commit', 'restore', 'backfill', 'micro'] as const satisfies readonly PartName[];
const REPORT = join(import.meta.dirname, '..', 'docs', 'PERFORMANCE.md');
/** The whole run ends within it; what there is no time for is left out and said. */
const TOTAL_MS = 50 * 60_000;

const failures: string[] = [];
/** Set when a signal has told this run to end. */
let interruptedCode: number | null = null;

/** A part that fails or has no time left keeps no other from running. */
const part = async (name: PartName, task: () => Promise<unknown>, needMs: number, deadline: Deadline): Promise<void> => {
  if (interruptedCode !== null) return;
  if (deadline.leftMs() < needMs) {
    failures.push(`${name}: no time left`);
    say(`${name} is left out: it needs ${Math.round(needMs / 1_000)} s, and ${Math.round(deadline.leftMs() / 1_000)} s are left`);
    return;
  }
  try {
    await recorded(name, task);
  } catch (error) {
    if (interruptedCode !== null) return;
    failures.push(`${name}: ${(error as Error).message}`);
    say(`${name} FAILED: ${(error as Error).stack ?? String(error)}`);
  }
};

const onInput = async (wanted: ReadonlySet<string>, size: Sizes, deadline: Deadline): Promise<void> => {
  if (!wanted.has('engine') && !wanted.has('profile')) return;
  try {
    const { environment } = await loadedStack(size.events);
    const reserve = new Deadline(Math.max(0, deadline.leftMs() - (wanted.has('latency') ? size.liveMs : 0)));
    if (wanted.has('engine')) await part('engine', () => runEngine({ environment, events: size.events, rounds: size.rounds, deadline: reserve }), 60_000, deadline);
    if (wanted.has('profile')) await part('profile', () => runProfile(environment, size.events), 60_000, deadline);
  } finally {
    await down({ dir: INPUT_DIR });
  }
};

const onLive = async (wanted: ReadonlySet<string>, size: Sizes, deadline: Deadline): Promise<void> => {
  if (!['latency', 'hold', 'rate'].some((name) => wanted.has(name))) return;
  await clean({ dir: LIVE_DIR });
  try {
    const stack = await liveStack();
    const { workers } = size;
    if (wanted.has('latency')) await part('latency', () => runLatency(stack, { rate: size.latencyRate, workers, runs: size.latencyRuns }), 90_000, deadline);
    if (wanted.has('hold')) await part('hold', () => runHold(stack, { rate: size.holdRate, workers, seconds: size.holdS }), size.holdS * 1_000 + 60_000, deadline);
    if (wanted.has('rate')) await part('rate', () => runRate(stack, { first: size.firstRate, workers, stepSeconds: size.stepS, deadline }), 60_000, deadline);
  } finally {
    await clean({ dir: LIVE_DIR });
  }
};

const onPairs = async (wanted: ReadonlySet<string>, { joinPairs: pairs, joinRate: rate }: Sizes, deadline: Deadline): Promise<void> => {
  if (!wanted.has('join')) return;
  await part('join', async () => {
    await clean({ dir: JOIN_DIR });
    try {
      return await runJoin(await joinStack(), { pairs, rate });
    } finally {
      await clean({ dir: JOIN_DIR });
    }
  }, (pairs / rate) * 1_000 + 120_000, deadline);
};

const onCommits = async (wanted: ReadonlySet<string>, { commitRecords: records, commitRounds: rounds }: Sizes, deadline: Deadline): Promise<void> => {
  if (!wanted.has('commit')) return;
  await part('commit', async () => {
    await clean({ dir: COMMIT_DIR });
    try {
      return await runCommit({ environment: (await commitStack()).environment, records, rounds });
    } finally {
      await clean({ dir: COMMIT_DIR });
    }
  }, rounds * 40_000, deadline);
};

const onRestore = async (wanted: ReadonlySet<string>, { restoreKeys: keys, restoreRounds: rounds }: Sizes, deadline: Deadline): Promise<void> => {
  if (!wanted.has('restore')) return;
  await part('restore', async () => {
    await clean({ dir: RESTORE_DIR });
    try {
      return await runRestore({ environment: (await restoreStack()).environment, keys, rounds });
    } finally {
      await clean({ dir: RESTORE_DIR });
    }
  }, 40_000 + rounds * 25_000, deadline);
};

const onBackfill = async (wanted: ReadonlySet<string>, { backfillRecords: records, backfillRows: rows, backfillS: seconds }: Sizes, deadline: Deadline): Promise<void> => {
  if (!wanted.has('backfill')) return;
  await part('backfill', async () => {
    await clean({ dir: BACKFILL_DIR });
    try {
      return await runBackfill({ environment: (await backfillStack()).environment, records, rows, seconds });
    } finally {
      await clean({ dir: BACKFILL_DIR });
    }
  }, 60_000 + 2 * seconds * 1_000 + records / 4, deadline);
};

const report = async (): Promise<void> => {
  const [engine, profile, latency, hold, rate, pairs, commit, restore, backfill, micro] = await Promise.all(PARTS.map((name) => readResult<never>(name)));
  await writeFile(REPORT, reportText({ engine: engine!, profile: profile!, latency: latency!, hold: hold!, rate: rate!, join: pairs!, commit: commit!, restore: restore!, backfill: backfill!, micro: micro! }));
  say('docs/PERFORMANCE.md is written');
};

const main = async (): Promise<void> => {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { small: { type: 'boolean', default: false }, events: { type: 'string' }, rounds: { type: 'string' } } });
  const unknown = positionals.filter((name) => name !== 'report' && !PARTS.some((known) => known === name));
  if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(', ')}; there are ${PARTS.join(', ')}, report`);
  const chosen = values.small ? sizes.small : sizes.full;
  const size = { ...chosen, ...(values.events === undefined ? {} : { events: Number(values.events) }), ...(values.rounds === undefined ? {} : { rounds: Number(values.rounds) }) };
  const wanted = new Set<string>(positionals.length === 0 ? PARTS : positionals);
  const deadline = new Deadline(TOTAL_MS);
  if (wanted.has('micro')) await part('micro', runMicro, 0, deadline);
  await onInput(wanted, size, deadline).catch((error: unknown) => void failures.push(`the stack with the input: ${(error as Error).message}`));
  await onLive(wanted, size, deadline).catch((error: unknown) => void failures.push(`the whole stack: ${(error as Error).message}`));
  await onPairs(wanted, size, deadline);
  await onCommits(wanted, size, deadline);
  await onRestore(wanted, size, deadline).catch((error: unknown) => void failures.push(`the broker of the restore: ${(error as Error).message}`));
  await onBackfill(wanted, size, deadline);
  if (interruptedCode !== null) return;
  await report();
  for (const failure of failures) say(`not measured: ${failure}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
};

// What runs then fails, since its servers go; a second signal ends this process at once, and the servers stay.
for (const [signal, code] of [['SIGINT', 130], ['SIGTERM', 143]] as const) {
  process.on(signal, () => {
    if (interruptedCode !== null) process.exit(code);
    interruptedCode = code;
    say('interrupted: stopping the stacks');
    void Promise.allSettled([down({ dir: INPUT_DIR }), down({ dir: LIVE_DIR }), down({ dir: JOIN_DIR }), down({ dir: COMMIT_DIR }), down({ dir: RESTORE_DIR }), down({ dir: BACKFILL_DIR })]).then(() => process.exit(code));
  });
}

await main().catch((error: unknown) => {
  say(`FAILED: ${(error as Error).message}`);
  process.exitCode = 1;
});
if (interruptedCode !== null) await new Promise(() => undefined);
// What an open connection would keep alive is not waited for.
process.exit();
