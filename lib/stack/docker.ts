/**
 * The servers of the stack as containers instead of processes: `docker compose` on the repository's docker-compose.yml, which
 * publishes the usual ports on 127.0.0.1. Passwords are the ones of the stack's folder and reach compose by the environment.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { ConfigurationError } from '../core/errors.ts';
import { lastLines } from './command.ts';
import { endpointsOf, environmentOf, type Endpoints } from './environment.ts';
import type { ProgressEvent } from './progress.ts';
import { onPath } from './requirements.mjs';
import { ensureSecrets, type Secrets } from './secrets.ts';
import { baseServices, ownServices } from './services/index.ts';
import { registry } from './services/registry.ts';

export interface DockerOptions {
  /** The stack's folder: its passwords are kept there. */
  readonly dir: string;
  /** Variables that docker-compose.yml asks for beside the passwords, such as PARTNER_TOKEN. */
  readonly env: Readonly<Record<string, string>>;
  /** Base port of each service of the caller's that the file has, by name. */
  readonly extraPorts?: Readonly<Record<string, number>>;
  /** What is started beside what watches it; the usual servers and the partner unless given. A profile's service is started when it is named. */
  readonly services?: readonly string[];
  readonly onProgress?: (event: ProgressEvent) => void;
  readonly signal?: AbortSignal;
}

export interface DockerStack {
  readonly dir: string;
  readonly endpoints: Endpoints;
  /** As `Stack.environment`. It holds the database's password. */
  readonly environment: Readonly<Record<string, string>>;
}

/** Beside the code in the repository; the published package has none. */
export const COMPOSE_FILE = join(import.meta.dirname, '..', '..', 'docker-compose.yml');
/** What `dockerUp` starts of the file unless told otherwise. */
export const COMPOSE_SERVICES: readonly string[] = [...baseServices.map(({ name }) => name), 'partner'];
/**
 * What it starts beside them to look at, with its port. Not Prometheus: it would look for workers that are containers, find none and raise
 * an alarm; and Grafana shows what Prometheus has.
 */
export const WATCHING_PORTS: Readonly<Record<string, number>> = { 'kafka-ui': 8088 };

const PROBE_TIMEOUT_MS = 10_000;
const KEPT_OUTPUT_CHARS = 20_000;
const SHOWN_LINES = 15;
const PROGRAM = 'docker';
const PROJECT = 'millrace';

interface Outcome {
  readonly code: number | null;
  readonly output: string;
}

/** Ends with what the program wrote, whatever its exit code. */
const docker = (args: readonly string[], environment: Readonly<Record<string, string>>, signal: AbortSignal, onLine: (line: string) => void = () => {}): Promise<Outcome> =>
  new Promise((done, reject) => {
    const child = spawn(PROGRAM, [...args], { stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, ...environment }, signal });
    let output = '';
    const take = (text: string): void => {
      output = (output + text).slice(-KEPT_OUTPUT_CHARS);
      for (const line of text.split(/[\r\n]+/)) if (line.trim() !== '') onLine(line.trim());
    };
    child.stdout.setEncoding('utf8').on('data', take);
    child.stderr.setEncoding('utf8').on('data', take);
    child.once('error', reject);
    child.once('close', (code) => done({ code, output }));
  });

const refuse = (problem: string): never => {
  throw new ConfigurationError([problem], { hint: 'Without --docker the same servers run as ordinary processes' });
};

/** Throws `ConfigurationError` that says what is missing: the program, its compose plugin, or an engine that answers. */
export const checkEngine = async (): Promise<void> => {
  if (!existsSync(COMPOSE_FILE)) refuse('docker-compose.yml belongs to the repository: run it from a clone');
  if (onPath(PROGRAM) === undefined) refuse('docker is not installed');
  const timeout = (): AbortSignal => AbortSignal.timeout(PROBE_TIMEOUT_MS);
  const late = (error: unknown): Outcome => ({ code: null, output: error instanceof Error && error.name === 'AbortError' ? `no answer within ${PROBE_TIMEOUT_MS / 1000} s` : String(error) });
  const plugin = await docker(['compose', 'version'], {}, timeout()).catch(late);
  if (plugin.code !== 0) refuse(`docker has no compose plugin (docker compose version: ${lastLines(plugin.output, 1)})`);
  const engine = await docker(['version', '--format', '{{.Server.Version}}'], {}, timeout()).catch(late);
  if (engine.code !== 0) refuse(`no Docker engine answers: ${lastLines(engine.output, 1)}`);
};

/** Compose wants every variable of the file, also of a service that is not started. */
const UNUSED = { PARTNER_TOKEN: 'the partner is not started' };

const variables = (secrets: Secrets, env: Readonly<Record<string, string>>): Record<string, string> => ({
  ...UNUSED,
  ...env,
  MILLRACE_PG_ADMIN_PASSWORD: secrets.postgresAdmin,
  MILLRACE_PG_PASSWORD: secrets.postgresPipeline,
});

const FILE_ARGS = ['compose', '-f', COMPOSE_FILE, '--project-name', PROJECT, '--ansi', 'never'];

/** @returns what compose wrote */
const compose = async (args: readonly string[], environment: Readonly<Record<string, string>>, options: Pick<DockerOptions, 'onProgress' | 'signal'>): Promise<string> => {
  const begunAtMs = performance.now();
  const report = (phase: ProgressEvent['phase'], message: string): void => options.onProgress?.({ service: PROGRAM, phase, message, elapsedMs: performance.now() - begunAtMs });
  report('starting', `compose ${args[0]!}`);
  const signal = options.signal ?? new AbortController().signal;
  const { code, output } = await docker([...FILE_ARGS, ...args], environment, signal, (line) => report('starting', line));
  if (code !== 0) {
    report('failed', 'docker compose failed');
    throw new Error(`docker compose ${args[0]!} failed with code ${code}:\n${lastLines(output, SHOWN_LINES)}`);
  }
  report('ready', `compose ${args[0]!} is done`);
  return output;
};

const ofExtra = (ports: Readonly<Record<string, number>>) => Object.fromEntries(Object.entries(ports).map(([name, http]) => [name, { ports: { http } }]));

/** The ports that docker-compose.yml publishes: the usual ones, which is held by a test. */
const publishedPorts = (started: readonly string[], extra: Readonly<Record<string, number>>): Readonly<Record<string, { readonly ports: Readonly<Record<string, number>> }>> => ({
  ...Object.fromEntries(ownServices.filter(({ name }) => started.includes(name)).map(({ name, ports }) => [name, { ports }])),
  ...ofExtra(extra),
});

/** How the containers are reached from this machine. `services`: those that are started; `extra`: base port of each of them that is not the stack's own. */
export const reachContainers = (services: readonly string[], extra: Readonly<Record<string, number>>, secrets: Secrets): Pick<DockerStack, 'endpoints' | 'environment'> => {
  const ports = publishedPorts(services, extra);
  return { endpoints: endpointsOf({ ...ports, ...ofExtra(WATCHING_PORTS) }, secrets), environment: environmentOf(ports, secrets) };
};

/**
 * Builds what is to be built, starts the containers and waits until every one that has a check is healthy. What runs already is kept.
 * @throws ConfigurationError when there is no engine; an Error with compose's last lines when it fails, for instance on a taken port
 */
export const dockerUp = async (options: DockerOptions): Promise<DockerStack> => {
  await checkEngine();
  const dir = resolve(options.dir);
  await mkdir(dir, { recursive: true });
  const secrets = await ensureSecrets(dir);
  const services = options.services ?? COMPOSE_SERVICES;
  await compose(['up', '--detach', '--build', '--wait', ...services, ...Object.keys(WATCHING_PORTS)], variables(secrets, options.env), options);
  const ports = publishedPorts(services, {});
  const port = (service: string, role: string): number => ports[service]!.ports[role]!;
  await registry.initialise!({ port } as Parameters<NonNullable<typeof registry.initialise>>[0]);
  const { endpoints, environment } = reachContainers(services, options.extraPorts ?? {}, secrets);
  return { dir, endpoints, environment: { MILLRACE_STACK_DIR: dir, ...environment } };
};

/** True when any container of the stack runs. */
export const dockerRuns = async (options: Omit<DockerOptions, 'extraPorts'>): Promise<boolean> => {
  await checkEngine();
  const secrets = await ensureSecrets(resolve(options.dir));
  return (await compose(['ps', '--quiet', '--status', 'running'], variables(secrets, options.env), { ...(options.signal === undefined ? {} : { signal: options.signal }) })).trim() !== '';
};

/** Stops and removes the containers and keeps the data; with `volumes: 'delete'` the data goes too. */
export const dockerDown = async (options: Omit<DockerOptions, 'extraPorts'> & { readonly volumes?: 'keep' | 'delete' }): Promise<void> => {
  await checkEngine();
  const secrets = await ensureSecrets(resolve(options.dir));
  await compose(['--profile', 'workers', '--profile', 'cassandra', 'down', ...(options.volumes === 'delete' ? ['--volumes'] : [])], variables(secrets, options.env), options);
};
