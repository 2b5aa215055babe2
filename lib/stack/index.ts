/**
 * The local stack: the servers a pipeline needs, as ordinary processes on 127.0.0.1, without containers. Data, logs,
 * process ids and ports live in one folder; several stacks run beside each other in different folders.
 */
import { existsSync } from 'node:fs';
import { mkdir, rm, rmdir, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { cacheFolder } from './cache.ts';
import { withLock } from './lock.ts';
import { isListening } from './ports.ts';
import { stopProcess } from './process.ts';
import type { ProgressEvent } from './progress.ts';
import { findTools, STACK_TOOLS, type ToolName } from './requirements.mjs';
import { ensureSecrets, readSecrets } from './secrets.ts';
import type { Service } from './service.ts';
import { extraService, type ExtraService } from './services/extra.ts';
import { baseServices, optionalServices, ownServices } from './services/index.ts';
import { infoOf, Stack, type ServiceInfo } from './stack.ts';
import { readState, runningProcess, StateFile, type ServiceState } from './state.ts';
import { Supervisor } from './supervisor.ts';

export { cacheFolder } from './cache.ts';
export type { Endpoints } from './environment.ts';
export type { ProgressEvent, ProgressPhase } from './progress.ts';
export type { ExtraService } from './services/extra.ts';
export { Stack, type ServiceInfo } from './stack.ts';

export type BaseServiceName = 'kafka' | 'registry' | 'postgres' | 'redis' | 'bigquery' | 'connect';
export type ServiceName = BaseServiceName | 'cassandra';

/** The servers that `up` starts unless told otherwise. */
export const baseServiceNames: readonly string[] = baseServices.map((service) => service.name);
/** The servers that `up` knows beside them, and starts only when they are named. */
export const optionalServiceNames: readonly string[] = optionalServices.map((service) => service.name);

const ownServiceNames: readonly string[] = ownServices.map((service) => service.name);

export interface UpOptions {
  /** The stack's folder, such as `.millrace`. */
  readonly dir: string;
  /** Which of the stack's own servers; all but the optional ones unless given. Connect needs kafka, registry and postgres. */
  readonly services?: readonly ServiceName[];
  /** Servers of the caller that start, stop and are shown with the stack. */
  readonly extraServices?: readonly ExtraService[];
  /** Preferred port by service and role, for instance `{ kafka: { client: 9092 } }`; one that is taken is replaced. */
  readonly ports?: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** Added to every usual port, so that a second stack has a range of its own. Default 0. */
  readonly portOffset?: number;
  /** Variables for Connect, which its connectors reach as `${env:NAME}`. */
  readonly env?: Readonly<Record<string, string>>;
  readonly onProgress?: (event: ProgressEvent) => void;
  /** Ends the work early. What was started by then keeps running; `down` stops it. */
  readonly signal?: AbortSignal;
}

const LOCK_TIMEOUT_MS = 60_000;
const STOP_GRACE_MS = 6000;
const TOOLS_OF: Readonly<Record<string, readonly ToolName[]>> = {
  kafka: ['java', 'maven'],
  connect: ['java', 'maven'],
  registry: ['java', 'maven'],
  postgres: ['postgres'],
  bigquery: ['python'],
  cassandra: ['java', 'maven'],
};

const withDirLock = <T>(dir: string, signal: AbortSignal | undefined, task: () => Promise<T>): Promise<T> =>
  withLock(join(dir, 'lock'), { timeoutMs: LOCK_TIMEOUT_MS, ...(signal === undefined ? {} : { signal }) }, task);

const chosenServices = (options: UpOptions): readonly Service[] => {
  const names = options.services ?? baseServiceNames;
  const chosen = ownServices.filter((service) => names.includes(service.name));
  const problems = names.filter((name) => !ownServiceNames.includes(name)).map((name) => `There is no service ${name}; there are ${ownServiceNames.join(', ')}`);
  for (const service of chosen) {
    for (const needed of service.after) if (!names.includes(needed as ServiceName)) problems.push(`${service.name} needs ${needed}`);
  }
  const extra = (options.extraServices ?? []).map(extraService);
  for (const { name } of extra) if (ownServiceNames.includes(name)) problems.push(`The stack has a service ${name} already`);
  if (problems.length > 0) throw new ConfigurationError(problems);
  return [...chosen, ...extra];
};

const checkTools = async (services: readonly Service[]): Promise<void> => {
  const needed = STACK_TOOLS.filter((tool) => services.some((service) => TOOLS_OF[service.name]?.includes(tool)));
  const { problems } = await findTools(needed);
  if (problems.length > 0) throw new ConfigurationError(problems);
};

const partsOf = async (dir: string, services: readonly Service[], options: UpOptions) => {
  const state = await StateFile.open(dir);
  const secrets = await ensureSecrets(dir);
  const supervisor = new Supervisor({
    dir,
    cache: cacheFolder(),
    services,
    state,
    secrets,
    ports: options.ports ?? {},
    portOffset: options.portOffset ?? 0,
    environment: options.env ?? {},
    signal: options.signal ?? new AbortController().signal,
    onProgress: options.onProgress ?? (() => {}),
  });
  return { dir, services, state, secrets, supervisor };
};

/**
 * Brings the stack up and waits until every server serves. What runs already is kept, what died is started again, on
 * the same ports and data.
 * @throws ConfigurationError with everything that is missing on this machine
 */
export const up = async (options: UpOptions): Promise<Stack> => {
  const dir = resolve(options.dir);
  const services = chosenServices(options);
  await checkTools(services);
  await mkdir(cacheFolder(), { recursive: true });
  return withDirLock(dir, options.signal, async () => {
    const parts = await partsOf(dir, services, options);
    await parts.supervisor.assignPorts();
    await parts.supervisor.startAll();
    const stack = new Stack(parts);
    await writeEnvironment(stack);
    return stack;
  });
};

const ENVIRONMENT_FILE = 'stack.env';

/** For shells and editors: `set -a; . .millrace/stack.env`. It holds the database's password, so only its owner reads it. */
const writeEnvironment = async (stack: Stack): Promise<void> => {
  const lines = Object.entries(stack.environment).map(([name, value]) => `${name}='${value.replaceAll("'", "'\\''")}'`);
  await writeFile(join(stack.dir, ENVIRONMENT_FILE), `${lines.join('\n')}\n`, { mode: 0o600 });
};

/** The stack that another process brought up. Only its own servers can be started through it. */
export const attach = async (options: { readonly dir: string }): Promise<Stack> => {
  const dir = resolve(options.dir);
  const state = await readState(dir);
  if (Object.keys(state.services).length === 0) throw new ConfigurationError([`There is no stack in ${dir}`], { hint: 'Bring it up with: millrace up' });
  const services = ownServices.filter((service) => service.name in state.services);
  return new Stack(await partsOf(dir, services, { dir }));
};

const stopAll = async (state: StateFile): Promise<string[]> => {
  const all = Object.entries(state.services);
  const needed = new Set(all.flatMap(([, service]) => service.after));
  const stopped: string[] = [];
  const stop = async ([name, service]: [string, ServiceState]): Promise<void> => {
    if (service.process === null) return;
    const end = await stopProcess(service.process, { signal: service.stopSignal, graceMs: STOP_GRACE_MS });
    if (end !== 'gone') stopped.push(name);
    await state.set(name, { ...service, process: null });
  };
  // What others are built on goes last: a broker that is gone would hold up Connect's stop.
  for (const phase of [all.filter(([name]) => !needed.has(name)), all.filter(([name]) => needed.has(name))]) await Promise.all(phase.map(stop));
  return stopped;
};

/** Stops every server of the stack within 15 s and keeps data and ports. @returns the names of those that ran */
export const down = async (options: { readonly dir: string }): Promise<readonly string[]> => {
  const dir = resolve(options.dir);
  if (!existsSync(dir)) return [];
  return withDirLock(dir, undefined, async () => stopAll(await StateFile.open(dir)));
};

export interface ServiceStatus extends ServiceInfo {
  /** True when it runs and answers. */
  readonly healthy: boolean;
}

/** Looks at every service of the stack without changing anything. Empty when there is no stack. */
export const status = async (options: { readonly dir: string }): Promise<readonly ServiceStatus[]> => {
  const dir = resolve(options.dir);
  const { services } = await readState(dir);
  if (Object.keys(services).length === 0) return [];
  const secrets = await readSecrets(dir);
  const healthy = async (name: string, state: ServiceState): Promise<boolean> => {
    if (runningProcess(state) === undefined) return false;
    const known = ownServices.find((service) => service.name === name);
    if (known === undefined) return (await Promise.all(Object.values(state.ports).map(isListening))).every(Boolean);
    const context = {
      ...{ dir, secrets, dataDir: state.dataDir, cache: cacheFolder(), environment: {} },
      ...{ signal: AbortSignal.timeout(LOCK_TIMEOUT_MS), progress: () => {} },
      port: (service: string, role: string) => services[service]?.ports[role] ?? 0,
    };
    return known.probe(context).then(
      () => true,
      () => false,
    );
  };
  return Promise.all(Object.entries(services).map(async ([name, state]) => ({ ...infoOf(name, state), healthy: await healthy(name, state) })));
};

const OWN_ENTRIES = ['data', 'logs', 'state.json', 'secrets.json', ENVIRONMENT_FILE];

/** Stops the stack and deletes its data, logs, ports and passwords; other files in its folder stay. Downloads stay too. */
export const clean = async (options: { readonly dir: string }): Promise<readonly string[]> => {
  const dir = resolve(options.dir);
  if (!existsSync(dir)) return [];
  const stopped = await withDirLock(dir, undefined, async () => {
    const state = await StateFile.open(dir);
    const names = await stopAll(state);
    for (const { dataDir } of Object.values(state.services)) await rm(dataDir, { recursive: true, force: true });
    for (const entry of OWN_ENTRIES) await rm(join(dir, entry), { recursive: true, force: true });
    return names;
  });
  await rmdir(dir).catch(() => {});
  return stopped;
};
