import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { withLock } from './lock.ts';
import { isRunning, type ProcessRecord } from './process.ts';

/** What the stack remembers of a service, running or not. */
export interface ServiceState {
  readonly ports: Readonly<Record<string, number>>;
  readonly dataDir: string;
  readonly log: string;
  readonly stopSignal: NodeJS.Signals;
  readonly after: readonly string[];
  readonly process: ProcessRecord | null;
  /** ISO time of the last start. */
  readonly startedAt: string | null;
  /** Digest of the command, its environment and its settings. */
  readonly command: string | null;
}

export interface StackState {
  readonly version: 1;
  readonly services: Readonly<Record<string, ServiceState>>;
}

const FILE = 'state.json';
const EMPTY: StackState = { version: 1, services: {} };

export const readState = async (dir: string): Promise<StackState> => {
  let text: string;
  try {
    text = await readFile(join(dir, FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return EMPTY;
    throw error;
  }
  const state = JSON.parse(text) as StackState;
  if (state.version !== 1) throw new ConfigurationError([`${join(dir, FILE)} was written by another version of Millrace`]);
  return state;
};

const LOCK_TIMEOUT_MS = 10_000;

/**
 * The state file of one stack, written whole at each change. Several processes may have it open (a test beside `npm start`, say): a
 * change is made to what stands in the file now, so that none forgets a process that another one has started.
 */
export class StateFile {
  readonly #dir: string;
  #state: StackState;
  #written: Promise<void> = Promise.resolve();

  private constructor(dir: string, state: StackState) {
    this.#dir = dir;
    this.#state = state;
  }

  static async open(dir: string): Promise<StateFile> {
    return new StateFile(dir, await readState(dir));
  }

  get services(): Readonly<Record<string, ServiceState>> {
    return this.#state.services;
  }

  /** Takes over what other processes have written. */
  async refresh(): Promise<void> {
    this.#state = await readState(this.#dir);
  }

  async set(name: string, service: ServiceState): Promise<void> {
    const write = (): Promise<void> => withLock(join(this.#dir, `${FILE}.lock`), { timeoutMs: LOCK_TIMEOUT_MS }, async () => {
      await this.refresh();
      this.#state = { ...this.#state, services: { ...this.#state.services, [name]: service } };
      await this.#write();
    });
    this.#written = this.#written.then(write, write);
    await this.#written;
  }

  async #write(): Promise<void> {
    await mkdir(this.#dir, { recursive: true });
    const unfinished = join(this.#dir, `${FILE}.unfinished`);
    await writeFile(unfinished, `${JSON.stringify(this.#state, null, 2)}\n`, { mode: 0o600 });
    await rename(unfinished, join(this.#dir, FILE));
  }
}

/** The process of a service, when it is the recorded one and runs. */
export const runningProcess = (service: ServiceState | undefined): ProcessRecord | undefined =>
  service?.process !== null && service !== undefined && isRunning(service.process) ? service.process : undefined;
