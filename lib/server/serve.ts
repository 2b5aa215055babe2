import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { collectDefaultMetrics, Registry } from 'prom-client';
import { systemClock } from '../core/clock.ts';
import { readConfig, type Config, type Environment } from '../core/config.ts';
import type { RunHandle } from '../runtime/run.ts';
import { exposition, TEXT_FORMAT } from './exposition.ts';
import { healthOf, type Health } from './health.ts';
import { openHttp, type Answer } from './http.ts';
import { readSlots, slotWatch, type SlotHealth } from './slots.ts';

export interface ServeOptions {
  /** Where MILLRACE_HTTP_HOST and MILLRACE_HTTP_PORT are read. Default: the process's environment. */
  readonly environment?: Environment;
  /** Settings that stand above the environment. */
  readonly settings?: Partial<Pick<Config, 'httpHost' | 'httpPort'>>;
}

export interface WorkerServer {
  /** Its address without a path, or null when the port is `off`. */
  readonly url: string | null;
  /** Takes at most half a second; what is under way then is cut. */
  close(): Promise<void>;
}

/** What a worker is asked for. */
export type ServedWorker = Pick<RunHandle, 'worker' | 'figures' | 'log'> & { readonly plan: Pick<RunHandle['plan'], 'app'> };

let processRegistry: Registry | null = null;

/** `process_*` and `nodejs_*`: once per process, their observers have no end. */
const processMetrics = (): Registry => {
  if (processRegistry === null) {
    processRegistry = new Registry();
    collectDefaultMetrics({ register: processRegistry });
  }
  return processRegistry;
};

const packageVersion = (): string =>
  (JSON.parse(readFileSync(join(import.meta.dirname, '..', '..', 'package.json'), 'utf8')) as { readonly version: string }).version;

const json = (ok: boolean, body: Partial<Health>): Answer => ({ status: ok ? 200 : 503, type: 'application/json; charset=utf-8', body: `${JSON.stringify(body)}\n` });

const routesOf = (worker: ServedWorker, knownSlots: (() => readonly SlotHealth[] | null | undefined) | null): ReadonlyMap<string, () => Promise<Answer>> => {
  const version = packageVersion();
  const health = (): Health => healthOf(worker.figures());
  return new Map<string, () => Promise<Answer>>([
    ['/health', async () => {
      const found = health();
      return json(found.live && found.ready, found);
    }],
    ['/health/live', async () => {
      const { live, state } = health();
      return json(live, { live, state });
    }],
    ['/health/ready', async () => {
      const { ready, waiting, sinksDown } = health();
      return json(ready, { ready, waiting, sinksDown });
    }],
    ['/metrics', async () => {
      const figures = worker.figures();
      const own = exposition({ app: worker.plan.app, version, node: process.version, ready: healthOf(figures).ready, figures, slots: knownSlots?.() });
      return { status: 200, type: TEXT_FORMAT, body: `${own}${await processMetrics().metrics()}` };
    }],
  ]);
};

/**
 * Serves a worker's `/health`, `/health/live`, `/health/ready` and `/metrics` (docs/METRICS.md) until `close`; do that after
 * the worker's `done`. Rejects with `ConfigurationError` when the port is in use or cannot be listened on.
 */
export const serve = async (worker: ServedWorker, options: ServeOptions = {}): Promise<WorkerServer> => {
  const { httpHost: host, httpPort: port, slotsUrl } = readConfig(options.environment ?? process.env, options.settings);
  if (port === 'off') return { url: null, close: async () => {} };
  const knownSlots = slotsUrl === '' ? null : slotWatch({ clock: systemClock, log: worker.log, read: () => readSlots(slotsUrl) });
  const server = await openHttp({ host, port, clock: systemClock, routes: routesOf(worker, knownSlots) });
  // So that the first scrape mostly finds an answer.
  knownSlots?.();
  worker.log.info('serving /health and /metrics', { url: server.url });
  return server;
};
