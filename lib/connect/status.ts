import { systemClock } from '../core/clock.ts';
import { scrub } from '../core/logger.ts';
import { clientOf, type ConnectClient, type ConnectOptions } from './client.ts';

export interface TaskStatus {
  readonly id: number;
  /** RUNNING, FAILED, PAUSED, UNASSIGNED, RESTARTING, STOPPED. */
  readonly state: string;
  /** Why it failed: the first line of the trace, and its innermost cause when that is another one. */
  readonly cause?: string;
}

export interface ConnectorStatus {
  readonly name: string;
  /** The connector's own state; MISSING when Connect does not know it. Its tasks may be in another one. */
  readonly state: string;
  readonly cause?: string;
  readonly tasks: readonly TaskStatus[];
  /** The connector and all its tasks, of which there is at least one, are RUNNING. */
  readonly running: boolean;
  /** The connector or one of its tasks is FAILED. */
  readonly failed: boolean;
}

interface RawState {
  readonly state: string;
  readonly trace?: string;
}

interface RawStatus {
  readonly connector: RawState;
  readonly tasks: readonly (RawState & { readonly id: number })[];
}

const CAUSED_BY = 'Caused by: ';

export const causeOf = (trace: string): string => {
  const lines = trace.split('\n').map((line) => line.trim());
  const first = lines[0] ?? '';
  const innermost = lines.findLast((line) => line.startsWith(CAUSED_BY))?.slice(CAUSED_BY.length);
  return scrub(innermost === undefined || innermost === first ? first : `${first} <- ${innermost}`);
};

const stateOf = (raw: RawState): { state: string; cause?: string } => ({
  state: raw.state,
  ...(raw.trace === undefined || raw.trace === '' ? {} : { cause: causeOf(raw.trace) }),
});

const MISSING = { state: 'MISSING', tasks: [], running: false, failed: false } as const;

export const readStatus = async (client: ConnectClient, name: string): Promise<ConnectorStatus> => {
  const path = `/connectors/${encodeURIComponent(name)}/status`;
  const answer = await client.request('GET', path);
  if (answer.status === 404) return { name, ...MISSING };
  const raw = (answer.status === 200 ? answer.body : await client.expect('GET', path)) as RawStatus;
  const tasks = raw.tasks.map((task) => ({ id: task.id, ...stateOf(task) })).sort((a, b) => a.id - b.id);
  const states = [raw.connector.state, ...tasks.map((task) => task.state)];
  return {
    name,
    ...stateOf(raw.connector),
    tasks,
    running: tasks.length > 0 && states.every((state) => state === 'RUNNING'),
    failed: states.includes('FAILED'),
  };
};

export interface StatusOptions extends ConnectOptions {
  /** Waits that long for all to run; less when one has failed for some seconds. Default: looks once. */
  readonly waitMs?: number;
}

const POLL_INTERVAL_MS = 500;
/** A task that was told to restart shows FAILED for a moment. */
const FAILED_PATIENCE_MS = 5000;

/** The state of the connectors named, or of all that Connect knows. */
export const connectorStatus = async (names: readonly string[] | 'all', options: StatusOptions): Promise<readonly ConnectorStatus[]> => {
  const client = clientOf(options);
  const clock = options.clock ?? systemClock;
  const deadline = clock.monotonic() + (options.waitMs ?? 0);
  const chosen = names === 'all' ? ((await client.expect('GET', '/connectors')) as string[]).sort() : names;
  let failedSince: number | undefined;
  for (;;) {
    const found = await Promise.all(chosen.map((name) => readStatus(client, name)));
    const now = clock.monotonic();
    failedSince = found.some((connector) => connector.failed) ? (failedSince ?? now) : undefined;
    const hopeless = failedSince !== undefined && now - failedSince >= FAILED_PATIENCE_MS;
    if (found.every((connector) => connector.running) || hopeless || now >= deadline) return found;
    await clock.sleep(POLL_INTERVAL_MS, options.signal);
  }
};
