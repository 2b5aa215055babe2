import { readFile, rename, stat, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { StopError } from '../core/errors.ts';
import { digest, type InstallContext } from './cache.ts';
import { lastLines } from './command.ts';
import { environmentOf } from './environment.ts';
import { freePort, isFree } from './ports.ts';
import { waitUntil } from './probe.ts';
import { isRunning, killProcess, launchDetached, stopProcess, type Launch, type ProcessRecord } from './process.ts';
import type { ProgressEvent, ProgressPhase } from './progress.ts';
import type { Secrets } from './secrets.ts';
import type { Service, ServiceContext } from './service.ts';
import { runningProcess, type ServiceState, type StateFile } from './state.ts';

const SHOWN_LOG_LINES = 12;
const READ_LOG_CHARS = 20_000;
const MAX_LOG_BYTES = 50_000_000;
const MAX_PORT_ATTEMPTS = 3;
const STOP_GRACE_MS = 6000;

class EndedError extends Error {}

export interface SupervisorOptions {
  readonly dir: string;
  readonly cache: string;
  readonly services: readonly Service[];
  readonly state: StateFile;
  readonly secrets: Secrets;
  /** Preferred port by service and role, before the services' own wishes. */
  readonly ports: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly portOffset: number;
  /** Added to the environment of Connect and of the caller's own services. */
  readonly environment: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  readonly onProgress: (event: ProgressEvent) => void;
}

/** Brings the services of one stack to the state they should be in. */
export class Supervisor {
  readonly #options: SupervisorOptions;

  constructor(options: SupervisorOptions) {
    this.#options = options;
  }

  /** Gives every service its ports: the recorded ones as long as they are free or its own, so that addresses stay. */
  async assignPorts(): Promise<void> {
    for (const service of this.#options.services) await this.#assignPortsOf(service);
  }

  async #assignPortsOf(service: Service): Promise<void> {
    const { state, dir } = this.#options;
    const recorded = state.services[service.name];
    if (runningProcess(recorded) !== undefined) return;
    const taken = new Set(Object.entries(state.services).flatMap(([name, other]) => (name === service.name ? [] : Object.values(other.ports))));
    const ports: Record<string, number> = {};
    for (const [role, wish] of Object.entries(service.ports)) {
      const preferred = recorded?.ports[role] ?? this.#options.ports[service.name]?.[role] ?? wish + this.#options.portOffset;
      ports[role] = await freePort(preferred, taken);
      taken.add(ports[role]);
    }
    const preferredFolder = join(dir, 'data', service.name);
    await mkdir(preferredFolder, { recursive: true });
    const dataDir = recorded?.dataDir ?? (await service.dataFolder?.(preferredFolder)) ?? preferredFolder;
    await mkdir(dataDir, { recursive: true });
    await state.set(service.name, {
      ports,
      dataDir,
      log: join(dir, 'logs', `${service.name}.log`),
      stopSignal: service.stopSignal,
      after: service.after,
      process: null,
      startedAt: null,
      command: null,
    });
  }

  /** Installs and starts everything, as much at once as the services' order allows. @throws with every failure */
  async startAll(): Promise<void> {
    const started = new Map<string, Promise<void>>();
    const startAfter = async (service: Service): Promise<void> => {
      const began = performance.now();
      const tell = (phase: ProgressPhase, message: string): void =>
        this.#options.onProgress({ service: service.name, phase, message, elapsedMs: performance.now() - began });
      try {
        await service.install(this.#installContext((message) => tell('installing', message)));
        if (service.after.length > 0) tell('waiting', `waits for ${service.after.join(', ')}`);
        await Promise.all(service.after.map((name) => started.get(name)));
        await this.#ensureRunning(service, tell);
      } catch (error) {
        tell('failed', (error as Error).message);
        throw error;
      }
    };
    // A tick later each finds the promises of those it comes after.
    for (const service of this.#options.services) started.set(service.name, Promise.resolve().then(() => startAfter(service)));
    const results = await Promise.allSettled(started.values());
    this.#options.signal.throwIfAborted();
    const reasons = new Set(results.flatMap((result) => (result.status === 'rejected' ? [result.reason as Error] : [])));
    if (reasons.size === 1) throw [...reasons][0];
    if (reasons.size > 1) throw new StopError([...reasons].map((reason) => reason.message).join('\n'), { cause: new AggregateError(reasons) });
  }

  /** Starts one service again, on the ports it had. */
  async start(service: Service): Promise<void> {
    await this.#assignPortsOf(service);
    await this.#ensureRunning(service, () => {});
  }

  #installContext(progress: (message: string) => void): InstallContext {
    return { cache: this.#options.cache, signal: this.#options.signal, progress };
  }

  #context(service: Service, progress: (message: string) => void): ServiceContext {
    const { dir, state, secrets, environment } = this.#options;
    return {
      ...this.#installContext(progress),
      dir,
      dataDir: state.services[service.name]!.dataDir,
      secrets,
      environment: { ...environmentOf(state.services, secrets), ...environment },
      port: (name, role) => {
        const port = state.services[name]?.ports[role];
        if (port === undefined) throw new Error(`${service.name} needs ${name}, which is not part of this stack`);
        return port;
      },
    };
  }

  async #ensureRunning(service: Service, tell: (phase: ProgressPhase, message: string) => void): Promise<void> {
    for (let attempt = 1; ; attempt += 1) {
      const context = this.#context(service, (message) => tell('starting', message));
      const launch = await service.launch(context);
      const running = await this.#keepOrStop(service, launch);
      if (running === undefined) tell('starting', 'starting');
      const record = running ?? (await this.#launch(service, launch));
      try {
        await this.#untilReady(service, context, record);
        await service.initialise?.(context);
        tell('ready', this.#portList(service));
        return;
      } catch (error) {
        if (!(error instanceof EndedError) || attempt >= MAX_PORT_ATTEMPTS || (await this.#portsFree(service))) throw error;
        tell('starting', 'its port was taken in the meantime; taking another one');
        await this.#assignPortsOf(service);
      }
    }
  }

  async #portsFree(service: Service): Promise<boolean> {
    const free = await Promise.all(Object.values(this.#options.state.services[service.name]!.ports).map(isFree));
    return free.every(Boolean);
  }

  #portList(service: Service): string {
    const ports = Object.values(this.#options.state.services[service.name]!.ports);
    return `${ports.length === 1 ? 'port' : 'ports'} ${ports.join(', ')}`;
  }

  /** A running process stays when it was started in the same way; otherwise it makes room. */
  async #keepOrStop(service: Service, launch: Launch): Promise<ProcessRecord | undefined> {
    const recorded = this.#options.state.services[service.name];
    const running = runningProcess(recorded);
    if (running === undefined || recorded?.command === commandOf(launch)) return running;
    await stopProcess(running, { signal: service.stopSignal, graceMs: STOP_GRACE_MS });
    return undefined;
  }

  async #launch(service: Service, launch: Launch): Promise<ProcessRecord> {
    this.#options.signal.throwIfAborted();
    const recorded = this.#options.state.services[service.name]!;
    await mkdir(join(this.#options.dir, 'logs'), { recursive: true });
    await rotate(recorded.log);
    const record = await launchDetached(launch, recorded.log);
    const next: ServiceState = { ...recorded, process: record, startedAt: new Date().toISOString(), command: commandOf(launch) };
    await this.#options.state.set(service.name, next);
    return record;
  }

  async #untilReady(service: Service, context: ServiceContext, record: ProcessRecord): Promise<void> {
    const { log } = this.#options.state.services[service.name]!;
    const check = (): void => {
      if (!isRunning(record)) throw new EndedError('it ended at once');
    };
    try {
      await waitUntil(() => service.probe(context), { timeoutMs: service.readyTimeoutMs, signal: this.#options.signal, check });
      check();
    } catch (error) {
      this.#options.signal.throwIfAborted();
      const text = `${service.name} did not start: ${(error as Error).message}. The end of ${log}:\n${await tail(log)}`;
      if (error instanceof EndedError) throw new EndedError(text);
      // It would hold the port and the data at the next try.
      await killProcess(record);
      throw new StopError(text);
    }
  }
}

const commandOf = ({ file, args, environment, folder, settings }: Launch): string =>
  digest(JSON.stringify([file, args, Object.entries(environment).sort(), folder ?? '', settings ?? '']));

const rotate = async (log: string): Promise<void> => {
  const size = await stat(log).then(
    (found) => found.size,
    () => 0,
  );
  if (size > MAX_LOG_BYTES) await rename(log, `${log}.1`);
};

const tail = async (log: string): Promise<string> => {
  const text = await readFile(log, 'utf8').catch(() => '');
  return lastLines(text.slice(-READ_LOG_CHARS), SHOWN_LOG_LINES);
};
