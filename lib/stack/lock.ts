import { mkdir, open, readFile, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { identityOf, isRunning, type ProcessRecord } from './process.ts';

export interface LockOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  /** Called once when somebody else holds the lock. */
  readonly onWait?: (owner: number) => void;
}

const POLL_INTERVAL_MS = 200;

const ownerOf = async (file: string): Promise<ProcessRecord | undefined> => {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as ProcessRecord;
  } catch {
    return undefined;
  }
};

const take = async (file: string): Promise<boolean> => {
  try {
    const handle = await open(file, 'wx', 0o600);
    await handle.writeFile(JSON.stringify({ pid: process.pid, identity: identityOf(process.pid) }));
    await handle.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
};

/** Runs `task` while no other process holds the lock file. A lock whose owner died is taken over. */
export const withLock = async <T>(file: string, options: LockOptions, task: () => Promise<T>): Promise<T> => {
  await mkdir(dirname(file), { recursive: true });
  const deadline = performance.now() + options.timeoutMs;
  let unreadable = 0;
  let told = false;
  while (!(await take(file))) {
    const owner = await ownerOf(file);
    unreadable = owner === undefined ? unreadable + 1 : 0;
    if (owner === undefined ? unreadable > 5 : !isRunning(owner)) {
      await rm(file, { force: true });
      continue;
    }
    if (!told && owner !== undefined) options.onWait?.(owner.pid);
    told = true;
    if (performance.now() > deadline) throw new Error(`Process ${owner?.pid ?? '?'} still holds ${file}; waited ${Math.round(options.timeoutMs / 1000)} s`);
    await delay(POLL_INTERVAL_MS, undefined, options.signal === undefined ? {} : { signal: options.signal });
  }
  try {
    return await task();
  } finally {
    await rm(file, { force: true });
  }
};
