/** Results as JSON files, each with the machine, the versions and the load beside it. */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { arch, availableParallelism, cpus, loadavg, platform, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { runCommand, versionOf } from './command.ts';

const FOLDER = join(import.meta.dirname, 'results');
const ROOT = join(import.meta.dirname, '..');
const GIB = 1_073_741_824;

export type PartName = 'engine' | 'profile' | 'latency' | 'hold' | 'rate' | 'join' | 'commit' | 'restore' | 'backfill' | 'micro';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  readonly system: string;
}

export type Versions = Readonly<Record<string, string>>;

/** Averages over one minute, of the whole machine. */
export interface LoadAround {
  readonly before: number;
  readonly after: number;
}

export interface Result<T> {
  readonly part: PartName;
  /** When it ended, ISO 8601 in UTC. */
  readonly at: string;
  readonly seconds: number;
  readonly machine: Machine;
  readonly versions: Versions;
  readonly load: LoadAround;
  readonly body: T;
}

export const machine = (): Machine => ({
  cpu: cpus()[0]?.model.trim() ?? 'unknown',
  cores: availableParallelism(),
  memoryGiB: Math.round(totalmem() / GIB),
  system: `${platform()} ${release()} ${arch()}`,
});

const packageVersion = async (name: string): Promise<string> =>
  (JSON.parse(await readFile(join(ROOT, 'node_modules', name, 'package.json'), 'utf8')) as { readonly version: string }).version;

const kafkaVersion = async (): Promise<string> => /<version>(\d[\d.]+)<\/version><\/dependency>/.exec(await readFile(join(ROOT, 'lib', 'stack', 'artifacts', 'kafka-pom.xml'), 'utf8'))?.[1] ?? 'unknown';

/** What a run writes itself. */
const OWN = ['benchmarks/results', 'docs/PERFORMANCE.md'];

/** Of the working copy, `-dirty` where something else than results has been changed in it; null where it is none. */
const commit = async (): Promise<string | null> => {
  const git = async (...args: readonly string[]): Promise<string | null> => {
    const { code, stdout } = await runCommand('git', ['-C', ROOT, ...args], { timeoutMs: 20_000 }).catch(() => ({ code: 1, stdout: '' }));
    return code === 0 ? stdout.trim() : null;
  };
  const [revision, changed] = [await git('rev-parse', '--short', 'HEAD'), await git('status', '--porcelain', '--', '.', ...OWN.map((path) => `:!${path}`))];
  return revision === null ? null : `${revision}${changed === '' ? '' : '-dirty'}`;
};

export const versions = async (): Promise<Versions> => {
  const found: Readonly<Record<string, string | null>> = {
    millrace: await commit(),
    node: process.version,
    kafkajs: await packageVersion('kafkajs'),
    kafka: await kafkaVersion(),
    java: await versionOf('java', '-version'),
    go: await versionOf('go', 'version'),
    postgres: await versionOf('psql', '--version'),
    redis: await versionOf('redis-server', '--version'),
  };
  return Object.fromEntries(Object.entries(found).filter((entry): entry is [string, string] => entry[1] !== null));
};

const fileOf = (part: PartName): string => join(FOLDER, `${part}.json`);

/** Runs a part of the benchmarks and writes what it found. */
export const recorded = async <T>(part: PartName, task: () => Promise<T>): Promise<void> => {
  const before = loadavg()[0]!;
  const begunMs = performance.now();
  const body = await task();
  const result: Result<T> = {
    part,
    at: new Date().toISOString(),
    seconds: Math.round((performance.now() - begunMs) / 1_000),
    machine: machine(),
    versions: await versions(),
    load: { before: Number(before.toFixed(2)), after: Number(loadavg()[0]!.toFixed(2)) },
    body,
  };
  await mkdir(FOLDER, { recursive: true });
  await writeFile(fileOf(part), `${JSON.stringify(result, null, 2)}\n`);
};

/** What the last run of a part found, or null when it has never run. */
export const readResult = async <T>(part: PartName): Promise<Result<T> | null> => JSON.parse(await readFile(fileOf(part), 'utf8').catch(() => 'null')) as Result<T> | null;
