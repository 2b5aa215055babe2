import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { runAlone } from '../engine/alone.ts';
import { say } from '../say.ts';
import type { StackEnvironment } from '../stack.ts';
import { byLayer, type CpuProfile, type LayerTimes } from './layers.ts';

const FUNCTIONS = 25;
const PROGRAMS = ['global', 'repartition'] as const;

export interface ProfiledProgram extends LayerTimes {
  readonly program: string;
  readonly events: number;
  readonly seconds: number;
}

export interface ProfileBody {
  readonly programs: readonly ProfiledProgram[];
}

/** Where the time of one worker goes, from its first record to its last commit. */
export const runProfile = async (environment: StackEnvironment, events: number): Promise<ProfileBody> => {
  const folder = await mkdtemp(join(tmpdir(), 'millrace-bench-'));
  try {
    const programs: ProfiledProgram[] = [];
    for (const program of PROGRAMS) {
      say(`Profile of ${program}, one worker`);
      const file = join(folder, `${program}.cpuprofile`);
      const { seconds, n } = await runAlone(environment, { program, workers: 1, events, profile: file });
      const times = byLayer(JSON.parse(await readFile(file, 'utf8')) as CpuProfile, FUNCTIONS);
      for (const { layer, ms } of times.layers) say(`  ${layer}: ${ms} ms`);
      programs.push({ program, events: n, seconds, ...times });
    }
    return { programs };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
