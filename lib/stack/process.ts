import { spawn, spawnSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A process that we started. A pid alone is not enough: the system gives it to somebody else after the process died. */
export interface ProcessRecord {
  readonly pid: number;
  /** When the process started, as the system counts it, with the boot it belongs to. */
  readonly identity: string;
}

export interface Launch {
  readonly file: string;
  readonly args: readonly string[];
  /** Added to this process's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  readonly folder?: string;
  /** What the server reads from files at its start: a change of it restarts the server. */
  readonly settings?: string;
  /** Another user to run as; only root may name one. */
  readonly user?: OsUser;
}

export interface OsUser {
  readonly uid: number;
  readonly gid: number;
}

const POLL_INTERVAL_MS = 50;

const bootId = (): string => {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
};

const fromProc = (pid: number): string | undefined => {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [threads, startTicks] = [rest[16], rest[18]];
  // The first thread may be a zombie while others still hold the ports.
  const ended = state === 'X' || (state === 'Z' && Number(threads) <= 1);
  return ended || startTicks === undefined ? undefined : `${bootId()}:${startTicks}`;
};

const fromPs = (pid: number): string | undefined => {
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
  const line = (stdout ?? '').trim();
  return status !== 0 || line === '' || line.startsWith('Z') ? undefined : line.replace(/^\S+\s+/, '');
};

/** What tells a live process from another one that had or will have its pid; undefined when none runs (a zombie does not run). */
export const identityOf = (pid: number): string | undefined => {
  if (process.platform !== 'linux') return fromPs(pid);
  try {
    return fromProc(pid);
  } catch {
    return undefined;
  }
};

/** True while the very process that was recorded runs. */
export const isRunning = (record: ProcessRecord): boolean => identityOf(record.pid) === record.identity;

/** Starts a process in a group of its own that outlives this one, its output appended to `logFile`. */
export const launchDetached = async (launch: Launch, logFile: string): Promise<ProcessRecord> => {
  const log = openSync(logFile, 'a', 0o600);
  try {
    const child = spawn(launch.file, [...launch.args], {
      detached: true,
      stdio: ['ignore', log, log],
      env: { ...process.env, ...launch.environment },
      ...(launch.folder === undefined ? {} : { cwd: launch.folder }),
      ...(launch.user === undefined ? {} : { uid: launch.user.uid, gid: launch.user.gid }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    child.unref();
    const pid = child.pid!;
    const identity = identityOf(pid);
    if (identity === undefined) throw new Error(`${launch.file} ended at once; see ${logFile}`);
    return { pid, identity };
  } finally {
    closeSync(log);
  }
};

const signalGroup = (record: ProcessRecord, signal: NodeJS.Signals): void => {
  if (!isRunning(record)) return;
  try {
    process.kill(-record.pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
};

const endedWithin = async (record: ProcessRecord, timeoutMs: number): Promise<boolean> => {
  const deadline = performance.now() + timeoutMs;
  while (isRunning(record)) {
    if (performance.now() >= deadline) return false;
    await delay(POLL_INTERVAL_MS);
  }
  return true;
};

export interface StopOptions {
  /** How the process is asked to stop. */
  readonly signal: NodeJS.Signals;
  /** After that time it is killed. */
  readonly graceMs: number;
}

/**
 * Stops a process and its group. A process that is not the recorded one any more is left alone.
 * @returns how it ended; `gone` when it did not run
 */
export const stopProcess = async (record: ProcessRecord, options: StopOptions): Promise<'gone' | 'stopped' | 'killed'> => {
  if (!isRunning(record)) return 'gone';
  signalGroup(record, options.signal);
  if (await endedWithin(record, options.graceMs)) return 'stopped';
  await killProcess(record);
  return 'killed';
};

const KILL_TIMEOUT_MS = 3000;

/** Ends a process and its group without asking. */
export const killProcess = async (record: ProcessRecord): Promise<void> => {
  signalGroup(record, 'SIGKILL');
  if (!(await endedWithin(record, KILL_TIMEOUT_MS))) throw new Error(`Process ${record.pid} does not end`);
};
