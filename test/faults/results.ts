/** The result of a full run, as it is kept beside the code that made it. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LoadAround, Machine, Versions } from '../../benchmarks/results.ts';
import type { FaultResult } from './fault.ts';

const FILE = join(import.meta.dirname, 'results.json');

export interface RunResult {
  /** When it ended, ISO 8601 in UTC. */
  readonly at: string;
  readonly seconds: number;
  readonly seed: number;
  readonly machine: Machine;
  readonly versions: Versions;
  readonly load: LoadAround;
  readonly perSecond: number;
  readonly workers: number;
  readonly partitions: number;
  readonly sessionTimeoutMs: number;
  readonly faults: readonly FaultResult[];
}

export const readResults = async (): Promise<RunResult> => JSON.parse(await readFile(FILE, 'utf8')) as RunResult;

export const writeResults = (result: RunResult): Promise<void> => writeFile(FILE, `${JSON.stringify(result, null, 2)}\n`);
