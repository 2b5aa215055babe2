import { StopError } from '../core/errors.ts';
import { endpointsOf, environmentOf, type Endpoints } from './environment.ts';
import { killProcess, stopProcess } from './process.ts';
import type { Secrets } from './secrets.ts';
import type { Service } from './service.ts';
import { runningProcess, type ServiceState, type StateFile } from './state.ts';
import type { Supervisor } from './supervisor.ts';

export interface ServiceInfo {
  readonly name: string;
  readonly running: boolean;
  readonly pid: number | null;
  readonly ports: Readonly<Record<string, number>>;
  readonly log: string;
  readonly dataDir: string;
  readonly startedAt: string | null;
}

const STOP_GRACE_MS = 6000;

export const infoOf = (name: string, state: ServiceState): ServiceInfo => {
  const running = runningProcess(state);
  return {
    name,
    running: running !== undefined,
    pid: running?.pid ?? null,
    ports: state.ports,
    log: state.log,
    dataDir: state.dataDir,
    startedAt: state.startedAt,
  };
};

export interface StackParts {
  readonly dir: string;
  readonly services: readonly Service[];
  readonly state: StateFile;
  readonly secrets: Secrets;
  readonly supervisor: Supervisor;
}

/** A local stack that was brought up. */
export class Stack {
  readonly dir: string;
  readonly #parts: StackParts;

  constructor(parts: StackParts) {
    this.dir = parts.dir;
    this.#parts = parts;
  }

  get endpoints(): Endpoints {
    return endpointsOf(this.#parts.state.services, this.#parts.secrets);
  }

  /** How workers, tests and the generator find everything, as MILLRACE_ variables. It holds the database's password. */
  get environment(): Record<string, string> {
    return { MILLRACE_STACK_DIR: this.dir, ...environmentOf(this.#parts.state.services, this.#parts.secrets) };
  }

  service(name: string): ServiceInfo {
    return infoOf(name, this.#stateOf(name));
  }

  /** Stops one service in order. */
  async stop(name: string): Promise<void> {
    await this.#parts.state.refresh();
    const state = this.#stateOf(name);
    if (state.process !== null) await stopProcess(state.process, { signal: state.stopSignal, graceMs: STOP_GRACE_MS });
  }

  /** Ends one service as a crash would. */
  async kill(name: string): Promise<void> {
    await this.#parts.state.refresh();
    const { process } = this.#stateOf(name);
    if (process !== null) await killProcess(process);
  }

  /** Starts one service again, on the ports and the data it had, and waits until it serves. */
  async start(name: string): Promise<void> {
    const service = this.#parts.services.find((known) => known.name === name);
    if (service === undefined) throw new StopError(`How to start ${name} is known only where the stack was brought up`);
    await this.#parts.state.refresh();
    await this.#parts.supervisor.start(service);
  }

  #stateOf(name: string): ServiceState {
    const state = this.#parts.state.services[name];
    if (state === undefined) throw new StopError(`${name} is not part of the stack in ${this.dir}`);
    return state;
  }
}
