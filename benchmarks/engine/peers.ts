/** The peers' programs and the script that measures theirs and ours alike. They live outside this repository. */
import { existsSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { runCommand, versionOf } from '../command.ts';
import { PEERS_BUILD } from '../data/load.ts';
import type { StackEnvironment } from '../stack.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const NODE_BIN = join(ROOT, 'node_modules', '.bin');
const RUN_TIMEOUT_MS = 260_000;
/** The first build downloads what it needs. */
const BUILD_TIMEOUT_MS = 600_000;

/** One run of a program, as `measure.py` writes it. */
export interface Run {
  readonly peer: string;
  readonly variant: string;
  readonly n: number;
  /** From the first record in the program's own code to the last commit marker on the output topic. */
  readonly seconds: number;
  readonly evps: number;
  /** Over the last quarter of the output. */
  readonly late_evps: number;
  readonly cpu_s: number;
  readonly rss_mb: number;
  readonly broker_cpu_s: number;
  readonly other_cpu_s: number;
  readonly load_before: number;
  readonly load_after: number;
  readonly markers: number;
  readonly dups: number;
  readonly wrong: number;
  /** Records whose percentage is one hundredth off from SQL's. */
  readonly ties: number;
  /** Every record of the output is what SQL says. */
  readonly ok: boolean;
}

interface RawRun extends Run {
  readonly end: string | null;
}

export interface Peers {
  /** Programs that can be run: `streams`, `kafkajs`, `go`. */
  readonly available: ReadonlySet<string>;
  /** Name -> why it is not run. */
  readonly skipped: Readonly<Record<string, string>>;
  readonly folder: string;
}

export const peersFolder = (): string => resolve(ROOT, process.env.MILLRACE_BENCH_PEERS ?? join('..', 'shared', 'bench', 'peers'));

const environmentOf = (stack: StackEnvironment): Readonly<Record<string, string>> => ({
  KAFKA: stack.MILLRACE_KAFKA_BROKERS!,
  REGISTRY: stack.MILLRACE_REGISTRY_URL!,
  PG: stack.MILLRACE_PG_URL!,
  BUILD_DIR: PEERS_BUILD,
  PATH: `${NODE_BIN}:${process.env.PATH ?? ''}`,
});

/** What is missing for a peer, from the tools it needs; undefined when nothing is. */
const missingTools = async (tools: Readonly<Record<string, readonly string[]>>): Promise<string | undefined> => {
  const missing: string[] = [];
  for (const [tool, args] of Object.entries(tools)) if ((await versionOf(tool, ...args)) === null) missing.push(tool);
  return missing.length === 0 ? undefined : `${missing.join(' and ')} not found`;
};

const CONTROL = { go: ['version'], python3: ['--version'], psql: ['--version'] } as const;
const TOOLS: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  streams: { mvn: ['--version'], java: ['-version'] },
  kafkajs: { npm: ['--version'] },
  go: {},
};
/** Any variant: it says what to build. */
const BUILT_FOR: Readonly<Record<string, string>> = { streams: 'streams:global-eos-t1', kafkajs: 'kafkajs:txn', go: 'go:txn' };

/** Builds the peers; those that cannot be built are skipped. Without the folder or its control program all are. */
export const preparePeers = async (stack: StackEnvironment, names: readonly string[]): Promise<Peers> => {
  const folder = peersFolder();
  const none = (why: string): Peers => ({ folder, available: new Set(), skipped: Object.fromEntries(['verification', ...names].map((name) => [name, why])) });
  if (!existsSync(join(folder, 'run.sh'))) return none('the folder of the peers is missing (MILLRACE_BENCH_PEERS)');
  const control = await missingTools(CONTROL);
  if (control !== undefined) return none(control);
  await mkdir(join(PEERS_BUILD, 'logs'), { recursive: true });
  const available = new Set<string>();
  const skipped: Record<string, string> = {};
  for (const name of names) {
    const missing = await missingTools(TOOLS[name] ?? {});
    if (missing !== undefined) skipped[name] = missing;
    else {
      const built = await runCommand(join(folder, 'run.sh'), [BUILT_FOR[name]!], { environment: { ...environmentOf(stack), RUNS: '0' }, timeoutMs: BUILD_TIMEOUT_MS });
      if (built.code === 0) available.add(name);
      else skipped[name] = `its build failed: ${built.stderr.trim().split('\n').at(-1) ?? ''}`;
    }
  }
  return { folder, available, skipped };
};

const rawRuns = async (): Promise<readonly RawRun[]> => {
  const text = await readFile(join(PEERS_BUILD, 'runs.jsonl'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '').map((line) => JSON.parse(line) as RawRun);
};

/** Several processes say themselves what they took together: the script sees the largest one only. */
export const runOf = ({ end, ...raw }: RawRun & Readonly<Record<string, unknown>>): Run => {
  const { peer, variant, n, seconds, evps, late_evps, cpu_s, rss_mb, broker_cpu_s, other_cpu_s, load_before, load_after, markers, dups, wrong, ties, ok } = raw;
  const said = /rss_mb=(\d+)/.exec(end ?? '')?.[1];
  return { peer, variant, n, seconds, evps, late_evps, cpu_s, rss_mb: said === undefined ? rss_mb : Number(said), broker_cpu_s, other_cpu_s, load_before, load_after, markers, dups, wrong, ties, ok };
};

const measured = async (file: string, args: readonly string[], environment: Readonly<Record<string, string>>): Promise<Run> => {
  const before = (await rawRuns()).length;
  const { stderr } = await runCommand(file, args, { environment, timeoutMs: RUN_TIMEOUT_MS });
  const run = (await rawRuns())[before];
  if (run === undefined) throw new Error(`no result: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  return runOf(run as RawRun & Readonly<Record<string, unknown>>);
};

/** Runs a peer once. `variant` as `run.sh` names it. */
export const runPeer = (peers: Peers, stack: StackEnvironment, peer: string, variant: string): Promise<Run> =>
  measured(join(peers.folder, 'run.sh'), [`${peer}:${variant}`], { ...environmentOf(stack), RUNS: '1' });

/** Runs our program once as if it were a peer. */
export const runOurs = (peers: Peers, stack: StackEnvironment, program: string, workers: number): Promise<Run> =>
  measured(
    'python3',
    [join(peers.folder, 'measure.py'), '--peer', 'millrace', '--variant', `${program}-eos-w${workers}`, '--txn', '--', process.execPath, join(import.meta.dirname, 'worker.ts'), program, String(workers)],
    environmentOf(stack),
  );
