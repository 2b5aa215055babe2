import { systemClock } from '../core/clock.ts';
import { clientOf, type ConnectClient, type ConnectOptions } from './client.ts';
import { runningConfig } from './diff.ts';
import { hasPlaceholder } from './placeholders.ts';
import { REDACTED, Secrets } from './secrets.ts';
import { askWorker, remember } from './worker.ts';

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

const CAUSED_BY = /^(?:Caused|Wrapped) by: /;
/** A frame of the stack, or a note of those left out. */
const FRAME = /^(?:at \S+\(|\.\.\. \d+ (?:more|common frames))|^Suppressed: /;

/**
 * Why something failed, out of a Java stack trace: its first message, and its innermost cause when that is another one,
 * each with all its lines (PostgreSQL's detail and hint stand in lines of their own).
 */
export const causeOf = (trace: string): string => {
  const messages: string[] = [];
  let open = true;
  for (const line of trace.split('\n').map((text) => text.trim())) {
    if (FRAME.test(line)) open = false;
    else if (CAUSED_BY.test(line) || messages.length === 0) {
      messages.push(line.replace(CAUSED_BY, ''));
      open = true;
    } else if (open && line !== '') messages[messages.length - 1] += ` ${line}`;
  }
  const [first = '', ...causes] = messages;
  const innermost = causes.at(-1);
  return innermost === undefined || innermost === first ? first : `${first} <- ${innermost}`;
};

const stateOf = (raw: RawState, cut: Cut): { state: string; cause?: string } => ({
  state: raw.state,
  ...(raw.trace === undefined || raw.trace === '' ? {} : { cause: cut(causeOf(raw.trace)) }),
});

const MISSING = { state: 'MISSING', tasks: [], running: false, failed: false } as const;

type Cut = (text: string) => string;

/** What is known of configurations, each by its own text: Connect is not asked again at every look. */
type Known = Map<string, Promise<Cut>>;

/** A trace may repeat a secret of the configuration, or what a placeholder in it stands for: only Connect knows that. */
const cutOf = async (client: ConnectClient, config: Readonly<Record<string, string>>): Promise<Cut> => {
  const secrets = new Secrets();
  remember(secrets, config, await askWorker(client, config));
  // Also a value that Connect does not tell any more.
  const repeated = (whole: string, before: string, after: string, key: string): string => (hasPlaceholder(config[key] ?? '') ? before + REDACTED + after + key : whole);
  return (text) => secrets.cut(text.replaceAll(/(Invalid value ).*?( for configuration )([\w.-]+)/g, repeated));
};

const knownCut = async (client: ConnectClient, name: string, known: Known): Promise<Cut> => {
  const config = (await runningConfig(client, name)) ?? {};
  const text = JSON.stringify(config);
  const cut = known.get(text) ?? cutOf(client, config);
  known.set(text, cut);
  return cut;
};

export const readStatus = async (client: ConnectClient, name: string, known: Known = new Map()): Promise<ConnectorStatus> => {
  const path = `/connectors/${encodeURIComponent(name)}/status`;
  const answer = await client.request('GET', path);
  if (answer.status === 404) return { name, ...MISSING };
  const raw = (answer.status === 200 ? answer.body : await client.expect('GET', path)) as RawStatus;
  const explained = [raw.connector, ...raw.tasks].some(({ trace }) => trace !== undefined && trace !== '');
  const cut = explained ? await knownCut(client, name, known) : new Secrets().cut;
  const tasks = raw.tasks.map((task) => ({ id: task.id, ...stateOf(task, cut) })).sort((a, b) => a.id - b.id);
  const states = [raw.connector.state, ...tasks.map((task) => task.state)];
  return {
    name,
    ...stateOf(raw.connector, cut),
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
  const known: Known = new Map();
  let failedSince: number | undefined;
  for (;;) {
    const found = await Promise.all(chosen.map((name) => readStatus(client, name, known)));
    const now = clock.monotonic();
    failedSince = found.some((connector) => connector.failed) ? (failedSince ?? now) : undefined;
    const hopeless = failedSince !== undefined && now - failedSince >= FAILED_PATIENCE_MS;
    if (found.every((connector) => connector.running) || hopeless || now >= deadline) return found;
    await clock.sleep(POLL_INTERVAL_MS, options.signal);
  }
};
