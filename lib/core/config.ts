/**
 * Every setting of the runtime: one table, read from the environment once, at start. All problems are reported at once.
 * `.env.example` is checked against this table by a test.
 */
import { CRASH_POINTS, parseCrashAt, type ArmedPoint } from './crash-points.ts';
import { ConfigurationError } from './errors.ts';
import { isHttpAddress } from './http-address.ts';

type Parse<T> = (text: string) => T | undefined;

interface Definition<T> {
  readonly variable: string;
  /** Written as it would stand in the environment. */
  readonly fallback: string;
  /** One line for people. */
  readonly about: string;
  readonly expected: string;
  readonly parse: Parse<T>;
}

const integer = (variable: string, fallback: number, min: number, max: number, about: string): Definition<number> => ({
  variable,
  fallback: String(fallback),
  about,
  expected: `a whole number from ${min} to ${max}`,
  parse: (text) => (/^\d+$/.test(text) && Number(text) >= min && Number(text) <= max ? Number(text) : undefined),
});

const text = (variable: string, fallback: string, about: string): Definition<string> => ({ variable, fallback, about, expected: 'text', parse: (t) => t });

const list = (variable: string, fallback: string, about: string): Definition<readonly string[]> => ({
  variable,
  fallback,
  about,
  expected: 'host:port, separated by commas',
  parse: (t) => {
    const items = t.split(',').map((item) => item.trim());
    return items.every((item) => /^[^\s:]+:\d+$|^\[[0-9a-f:]+\]:\d+$/i.test(item)) ? items : undefined;
  },
});

const url = (variable: string, fallback: string, about: string): Definition<string> => ({
  variable,
  fallback,
  about,
  expected: 'an http URL',
  parse: (t) => (t === '' || isHttpAddress(t) ? t : undefined),
});

const choice = <C extends string>(variable: string, fallback: C, choices: readonly C[], about: string): Definition<C> => ({
  variable,
  fallback,
  about,
  expected: choices.join(' or '),
  parse: (t) => choices.find((c) => c === t),
});

const address = (variable: string, fallback: string, about: string): Definition<string> => ({
  variable,
  fallback,
  about,
  expected: 'a host name or an IP address',
  parse: (t) => (/^[\w.-]+$|^[0-9a-f:.]+$/i.test(t) ? t : undefined),
});

/** Where a worker serves: a port of the user's choice, one that is free, or nowhere. */
export type HttpPort = number | 'auto' | 'off';

const port = (variable: string, fallback: HttpPort, about: string): Definition<HttpPort> => ({
  variable,
  fallback: String(fallback),
  about,
  expected: 'a port from 1 to 65535, auto or off',
  parse: (t) => (t === 'auto' || t === 'off' ? t : /^[1-9]\d{0,4}$/.test(t) && Number(t) < 65_536 ? Number(t) : undefined),
});

const crashPoint = (variable: string, about: string): Definition<ArmedPoint | null> => ({
  variable,
  fallback: '',
  about,
  expected: `empty, or one of ${CRASH_POINTS.join(', ')}, and :n for the n-th passing`,
  parse: parseCrashAt,
});

/** What a task's outputs, state and offsets have in common. */
export const GUARANTEES = ['exactly-once', 'at-least-once'] as const;

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

export const definitions = {
  kafkaBrokers: list('MILLRACE_KAFKA_BROKERS', '127.0.0.1:9092', 'Kafka bootstrap brokers.'),
  requestTimeoutMs: integer('MILLRACE_REQUEST_TIMEOUT_MS', 10_000, 100, 15 * MINUTE_MS, 'request.timeout.ms: longest wait for an answer of a broker; then the outcome counts as unknown.'),
  kafkaReplicationFactor: integer('MILLRACE_KAFKA_REPLICATION_FACTOR', 1, 1, 9, 'Replication factor of the topics that Millrace creates.'),
  registryUrl: url('MILLRACE_REGISTRY_URL', 'http://127.0.0.1:8081/apis/ccompat/v7', 'Schema registry, Confluent-compatible API.'),
  redisUrl: text('MILLRACE_REDIS_URL', 'redis://127.0.0.1:6379', 'Redis of the redis sinks that name no other; may carry user and password.'),
  bigqueryProject: text('MILLRACE_BIGQUERY_PROJECT', 'local', 'Google Cloud project of the BigQuery tables that name none.'),
  bigqueryEndpoint: url('MILLRACE_BIGQUERY_ENDPOINT', '', 'BigQuery API of an emulator; empty: the real service with GOOGLE_APPLICATION_CREDENTIALS.'),
  logLevel: choice('MILLRACE_LOG_LEVEL', 'info', ['debug', 'info', 'warn', 'error'], 'Least level that is logged (JSON lines on stderr).'),
  httpHost: address('MILLRACE_HTTP_HOST', '127.0.0.1', 'Where a worker listens for /health and /metrics; another address than this shows them to the network.'),
  httpPort: port('MILLRACE_HTTP_PORT', 'auto', 'Port of /health and /metrics; auto: the first free one from 9464 on, which is logged; off: none. With --workers a fixed port is the first worker\'s, the next ones have those after it.'),
  guarantee: choice('MILLRACE_GUARANTEE', GUARANTEES[0], GUARANTEES, 'exactly-once: outputs, state and offsets in one transaction; at-least-once: without transactions, a fault may repeat records and count them twice in states.'),
  slotsUrl: text('MILLRACE_SLOTS_URL', '', 'PostgreSQL whose replication slots this worker shows in its metrics, with any user; may carry a password. Empty: none.'),
  commitIntervalMs: integer('MILLRACE_COMMIT_INTERVAL_MS', 100, 1, MINUTE_MS, 'commit.interval.ms: longest time between two commits of a task that has something to commit.'),
  sinkCommitIntervalMs: integer('MILLRACE_SINK_COMMIT_INTERVAL_MS', 1_000, 1, MINUTE_MS, 'Longest time between two offset commits of a stage that ends in an outside sink.'),
  sinkCheckIntervalMs: integer('MILLRACE_SINK_CHECK_INTERVAL_MS', 5_000, 100, HOUR_MS, 'How often a task asks its sink whether it still has what it was given (sinks that keep positions).'),
  commitRecords: integer('MILLRACE_COMMIT_RECORDS', 10_000, 1, 1_000_000, 'A task commits early after so many input records.'),
  commitBytes: integer('MILLRACE_COMMIT_BYTES', 8_388_608, 1_024, 1_073_741_824, 'A task commits early when its output reaches so many bytes.'),
  transactionTimeoutMs: integer('MILLRACE_TRANSACTION_TIMEOUT_MS', 30_000, 1_000, 15 * MINUTE_MS, 'transaction.timeout.ms: the broker aborts a transaction left open so long.'),
  fetchMaxWaitMs: integer('MILLRACE_FETCH_MAX_WAIT_MS', 100, 1, 30_000, 'fetch.max.wait.ms: how long a fetch may wait for its first byte.'),
  fetchMaxBytes: integer('MILLRACE_FETCH_MAX_BYTES', 4_194_304, 1_024, 104_857_600, 'fetch.max.bytes: most bytes of one fetch over all partitions.'),
  fetchPartitionBytes: integer('MILLRACE_FETCH_PARTITION_BYTES', 1_048_576, 1_024, 104_857_600, 'max.partition.fetch.bytes: most bytes of one fetch for one partition.'),
  queueBytes: integer('MILLRACE_QUEUE_BYTES', 4_194_304, 1_024, 1_073_741_824, 'A task asks for no more records of a partition while it holds so many bytes of it.'),
  sessionTimeoutMs: integer('MILLRACE_SESSION_TIMEOUT_MS', 6_000, 1_000, 5 * MINUTE_MS, 'session.timeout.ms: a worker that is silent so long loses its tasks. The broker has bounds of its own (6 s at least by default).'),
  heartbeatIntervalMs: integer('MILLRACE_HEARTBEAT_INTERVAL_MS', 500, 100, MINUTE_MS, 'heartbeat.interval.ms.'),
  rebalanceTimeoutMs: integer('MILLRACE_REBALANCE_TIMEOUT_MS', 10_000, 1_000, 15 * MINUTE_MS, 'rebalance.timeout.ms: how long a rebalance waits for a member to join again.'),
  sourceTopicTimeoutMs: integer('MILLRACE_SOURCE_TOPIC_TIMEOUT_MS', 60_000, 0, HOUR_MS, 'How long a start waits for source and table topics that do not exist yet.'),
  openTasks: integer('MILLRACE_OPEN_TASKS', 4, 1, 256, 'Tasks that one stage opens (restores) at once.'),
  state: choice('MILLRACE_STATE', 'memory', ['memory', 'disk'], 'Where stores keep their entries: memory, restored whole from the changelogs at each start; or disk, for state larger than memory, of which a start reads what is new.'),
  stateDir: text('MILLRACE_STATE_DIR', '.millrace-state', 'State folder, on a disk of this machine; workers share it, each takes a folder of its own in it.'),
  stateCacheRecords: integer('MILLRACE_STATE_CACHE_RECORDS', 10_000, 2, 100_000_000, 'Values of a store on disk that a task keeps decoded in memory.'),
  stateMaxBytes: integer('MILLRACE_STATE_MAX_BYTES', 68_719_476_736, 65_536, Number.MAX_SAFE_INTEGER, 'Most bytes of one task\'s state on disk; above it the task stops.'),
  stateKeepMs: integer('MILLRACE_STATE_KEEP_MS', 604_800_000, 3_600_000, Number.MAX_SAFE_INTEGER, 'A start removes state on disk that nothing was written to for so long: of tasks that are elsewhere now, and of stages that are no more.'),
  restoreLogIntervalMs: integer('MILLRACE_RESTORE_LOG_INTERVAL_MS', 5_000, 10, HOUR_MS, 'How often the log tells how far the restore of a store is, for each task.'),
  purgeIntervalMs: integer('MILLRACE_PURGE_INTERVAL_MS', 30_000, 1_000, HOUR_MS, 'How often repartition and input topics are deleted behind the committed offsets; a sink that loses its last writes must not lose older ones.'),
  tableBootstrapTimeoutMs: integer('MILLRACE_TABLE_BOOTSTRAP_TIMEOUT_MS', 5_000, 0, HOUR_MS, 'table.bootstrap.timeout.ms: how long a start waits for a running first snapshot of a table; loading what the topic holds is not bounded by it.'),
  tableCatchupTimeoutMs: integer('MILLRACE_TABLE_CATCHUP_TIMEOUT_MS', 5_000, 1, HOUR_MS, 'table.catchup.timeout.ms: longest wait of a batch for the tables it joins; then it goes on, logged and counted.'),
  retryBaseMs: integer('MILLRACE_RETRY_BASE_MS', 100, 1, MINUTE_MS, 'First backoff after a passing fault; doubles, with full jitter.'),
  retryMaxMs: integer('MILLRACE_RETRY_MAX_MS', 5_000, 1, HOUR_MS, 'Longest backoff.'),
  failuresAtPosition: integer('MILLRACE_FAILURES_AT_POSITION', 20, 1, 1_000_000, 'A task that fails so often at one position stops the worker.'),
  innerTimeoutMs: integer('MILLRACE_INNER_TIMEOUT_MS', 30_000, 1, HOUR_MS, 'Longest time of one record\'s inner stream (concatMap, mergeMap, rx); then its task begins again at the last commit.'),
  innerValues: integer('MILLRACE_INNER_VALUES', 10_000, 1, 10_000_000, 'Most values that one record\'s inner stream may emit; a record with more is a dead letter.'),
  breakerFailures: integer('MILLRACE_BREAKER_FAILURES', 5, 1, 1_000_000, 'So many failed writes in a row, over all tasks of an outside sink in a worker, open its circuit breaker: nothing is written for a while.'),
  breakerOpenMs: integer('MILLRACE_BREAKER_OPEN_MS', 500, 1, HOUR_MS, 'How long a circuit breaker stays open the first time; doubles with each write that it lets through and that fails, jittered down to a half.'),
  breakerOpenMaxMs: integer('MILLRACE_BREAKER_OPEN_MAX_MS', 5_000, 1, HOUR_MS, 'Longest time that a circuit breaker stays open, unless the sink itself asks for more.'),
  sinkTimeoutMs: integer('MILLRACE_SINK_TIMEOUT_MS', 30_000, 100, HOUR_MS, 'Longest time of one write to an outside sink before it counts as failed and is tried again.'),
  stopTimeoutMs: integer('MILLRACE_STOP_TIMEOUT_MS', 8_000, 100, 10 * MINUTE_MS, 'Longest time of a graceful stop: finish, commit, leave.'),
  timestampAheadMs: integer('MILLRACE_TIMESTAMP_AHEAD_MS', 3_600_000, 0, 24 * HOUR_MS, 'A record further in the future is a dead letter; the brokers refuse it (message.timestamp.after.max.ms, one hour by default).'),
  crashAt: crashPoint('MILLRACE_CRASH_AT', 'For tests: the worker ends itself by SIGKILL at this point of its work, before-commit:3 for the third time that it comes there (docs/SIMULATION.md). Empty: never.'),
} as const satisfies Record<string, Definition<unknown>>;

type Values<D> = { readonly [Name in keyof D]: D[Name] extends Definition<infer T> ? T : never };

/** The runtime's settings, read and checked. */
export type Config = Values<typeof definitions>;

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads all settings. Overrides stand above the environment and are taken as they are.
 * Throws `ConfigurationError` with every problem.
 */
export const readConfig = (environment: Environment, overrides: Partial<Config> = {}): Config => {
  const problems: string[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, definition] of Object.entries<Definition<unknown>>(definitions)) {
    const given = environment[definition.variable];
    const parsed = definition.parse(given ?? definition.fallback);
    // Before an @ may stand a password.
    if (parsed === undefined) problems.push(`${definition.variable} must be ${definition.expected}${given?.includes('@') === true ? '; what it holds is not shown' : `, not '${given}'`}`);
    values[name] = parsed;
  }
  if (problems.length > 0) throw new ConfigurationError(problems, { hint: 'See .env.example for every setting' });
  return { ...(values as Config), ...overrides };
};
