import { randomUUID } from 'node:crypto';
import type { Observable } from 'rxjs';
import type { TableNode } from '../../topology/node.ts';
import { systemClock, type Clock } from '../core/clock.ts';
import { readConfig, type Config, type Environment } from '../core/config.ts';
import { crashAt, type Crash } from '../core/crash-points.ts';
import { ConfigurationError } from '../core/errors.ts';
import { createLogger, RateLimitedLog, type Logger } from '../core/logger.ts';
import { StageCounters, type TableFigures, type WorkerFigures, type WorkerState } from '../core/metrics.ts';
import { kafkaPort } from '../kafka/kafkajs/index.ts';
import type { KafkaAdmin, KafkaPort } from '../kafka/port.ts';
import { plan as planOf } from '../plan/plan.ts';
import type { Plan, StagePlan, TopologyValue } from '../plan/types.ts';
import { createSerde, type Schemas } from '../serde/index.ts';
import { attemptThrough } from '../sinks/breaker.ts';
import { createDriver, settingProblems, type SinkDriver } from '../sinks/index.ts';
import { openDiskHome } from '../state/disk-home.ts';
import type { StateHome } from '../state/home.ts';
import { memoryHome } from '../state/memory-home.ts';
import type { OutsideSink } from '../../topology/sinks.ts';
import { groupLag, type Lag } from './committed-lag.ts';
import type { StageContext } from './context.ts';
import { WorkerEvents, type WorkerEvent } from './events.ts';
import { processedOf } from './purge.ts';
import { atMost, retrying } from './retry.ts';
import { serdesOf, type Serdes } from './serdes.ts';
import { sinkBreaker } from './sink-breaker.ts';
import { StageRunner } from './stage.ts';
import { StoreViews, type StoreView } from './store-views.ts';
import { TableReader } from './table.ts';
import { largestRecords, prepareTopics, type PartitionCounts } from './topics.ts';

/** How long connections are given to close, once the tasks have ended. */
const CLOSE_TIMEOUT_MS = 1_000;

export interface RunOptions {
  /** Where settings, `env(...)` and `secret(...)` are read. Default: the process's environment. */
  readonly environment?: Environment;
  /** Settings that stand above the environment. */
  readonly settings?: Partial<Config>;
  /** Default: JSON lines on stderr. */
  readonly log?: Logger;
  readonly clock?: Clock;
  /** Default: Kafka at `kafkaBrokers`. */
  readonly port?: KafkaPort;
  /** How outside sinks are reached. Default: their own drivers. */
  readonly drivers?: typeof createDriver;
  /** Where tasks keep their state. Default: what the setting `state` says. */
  readonly home?: StateHome;
  /** Where Avro schemas come from and go to. Default: the registry at `registryUrl`. */
  readonly schemas?: Schemas;
  /** Called at each crash point. Default: what `crashAt` arms. */
  readonly crash?: Crash;
}

export interface RunHandle {
  /** Name of this worker in logs and figures. */
  readonly worker: string;
  readonly plan: Plan;
  /** The worker's own log, for lines that belong with its own. */
  readonly log: Logger;
  /** Resolves after `stop`; rejects with what no retry mends, `ConfigurationError` among it. */
  readonly done: Promise<void>;
  figures(): WorkerFigures;
  /** What happens, as it happens, until the worker has stopped. What was before one subscribed is not told. */
  readonly events$: Observable<WorkerEvent>;
  /** A store's committed values in this worker, and their changes. Throws `StopError` on a name that no store has. */
  store(name: string): StoreView;
  /** Finishes what is under way, commits, leaves the groups. Bounded by `stopTimeoutMs`, then cut short: nothing is lost either way. */
  stop(): Promise<void>;
}

/** Everything that is wrong with a topology, the settings and what its sinks need, before anything starts. */
const prepare = (topology: TopologyValue, environment: Environment, settings: Partial<Config>): { readonly plan: Plan; readonly config: Config } => {
  const problems: string[] = [];
  const collect = <T>(read: () => T): T | undefined => {
    try {
      return read();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      problems.push(...error.problems);
      return undefined;
    }
  };
  const plan = collect(() => planOf(topology));
  const config = collect(() => readConfig(environment, settings));
  for (const { sink } of topology.sinks) if (sink.kind !== 'kafka') problems.push(...settingProblems(sink, environment));
  if (plan === undefined || config === undefined || problems.length > 0) throw new ConfigurationError(problems);
  return { plan, config };
};

/**
 * Runs a topology in this process as one worker; start more processes to share the partitions. Throws `ConfigurationError`
 * listing everything that is wrong. Delivery: exactly once between topics; for each outside sink see docs/DELIVERY.md.
 */
export const run = (topology: TopologyValue, options: RunOptions = {}): RunHandle => {
  const environment = options.environment ?? process.env;
  const { plan, config } = prepare(topology, environment, options.settings ?? {});
  return new Worker(plan, config, environment, options);
};

const tableFigures = (topic: string, table: TableReader | undefined): TableFigures => ({
  topic, rows: table?.size ?? 0, loaded: table?.loaded ?? false, unreadable: table?.unreadable ?? 0, valuesUnavailable: table?.valuesUnavailable ?? 0,
  ...(table?.pausedBy == null ? {} : { pausedBy: table.pausedBy }),
});

class Worker implements RunHandle {
  readonly worker = randomUUID().slice(0, 8);
  readonly plan: Plan;
  readonly done: Promise<void>;
  readonly #config: Config;
  readonly #environment: Environment;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #limited: RateLimitedLog;
  readonly #port: KafkaPort;
  readonly #admin: KafkaAdmin;
  readonly #serdes: Serdes;
  readonly #drive: typeof createDriver;
  readonly #crash: Crash;
  #home: StateHome;
  /** Whether the state's folder has yet to be taken. */
  readonly #opensHome: boolean;
  readonly #stopping = new AbortController();
  readonly #counters: readonly StageCounters[];
  readonly #stages: StageRunner[] = [];
  /** How far the groups of those stages are behind that have not asked to join them. */
  readonly #waiting = new Map<StageCounters, () => Lag>();
  readonly #drivers: SinkDriver[] = [];
  readonly #tables = new Map<TableNode, TableReader>();
  readonly #events: WorkerEvents;
  readonly #views: StoreViews;
  #maxBytes: ReadonlyMap<string, number> = new Map();
  #fail: (error: unknown) => void = () => {};
  #finish: () => void = () => {};
  #stopped: Promise<void> | null = null;
  #state: WorkerState = 'starting';

  constructor(plan: Plan, config: Config, environment: Environment, options: RunOptions) {
    this.plan = plan;
    this.#config = config;
    this.#environment = environment;
    this.#clock = options.clock ?? systemClock;
    this.#log = (options.log ?? createLogger({ level: config.logLevel, service: plan.app, correlationId: randomUUID() })).child({ worker: this.worker });
    this.#limited = new RateLimitedLog(this.#log, this.#clock);
    this.#port = options.port ?? kafkaPort({ brokers: config.kafkaBrokers, requestTimeoutMs: config.requestTimeoutMs, clientId: `${plan.app}-${this.worker}`, clock: this.#clock, log: this.#log });
    this.#admin = this.#port.admin();
    this.#serdes = serdesOf(createSerde({ registryUrl: config.registryUrl === '' ? null : config.registryUrl, clock: this.#clock, log: this.#log }, options.schemas));
    this.#drive = options.drivers ?? createDriver;
    this.#home = options.home ?? memoryHome();
    this.#opensHome = options.home === undefined && config.state === 'disk' && plan.stages.some((stage) => stage.stores.length > 0);
    this.#crash = options.crash ?? (config.crashAt === null ? null : crashAt(config.crashAt));
    if (config.crashAt !== null) this.#log.warn('this worker is armed to crash', { ...config.crashAt });
    const report = (error: unknown): void => this.#limited.warn('subscriber', 'a subscriber of events$ or changes$ threw, or let an error pass', { error });
    this.#events = new WorkerEvents(report);
    this.#views = new StoreViews(plan.stages.flatMap((stage) => stage.stores.map((store) => store.name)), report);
    this.#counters = plan.stages.map((stage) => new StageCounters(stage.name, stage.sink?.name ?? null));
    this.done = new Promise<void>((resolve, reject) => {
      this.#finish = resolve;
      this.#fail = reject;
    });
    this.#start().catch((error: unknown) => this.#failed(error));
  }

  async #start(): Promise<void> {
    const { signal } = this.#stopping;
    if (this.#opensHome) this.#home = await this.#diskHome();
    const partitions = await this.#retry('preparing topics', () => prepareTopics(this.plan, { admin: this.#admin, port: this.#port, config: this.#config, clock: this.#clock, log: this.#log, signal }));
    this.#maxBytes = await this.#retry('describing topics', () => largestRecords(this.plan, this.#admin));
    const tables = new Map(this.plan.tables.map((node) => [node, this.#load(node, partitions)]));
    void this.#purging(partitions);
    const asking = { admin: this.#admin, clock: this.#clock, limited: this.#limited, partitions };
    this.plan.stages.forEach((stage, i) => this.#waiting.set(this.#counters[i]!, groupLag({ ...asking, stage })));
    // A stage whose sink is down, or whose table cannot be read, waits for it alone.
    await Promise.all(this.plan.stages.map((stage, i) => this.#startStage(stage, this.#counters[i]!, partitions, tables)));
    if (!signal.aborted) this.#state = 'running';
  }

  #diskHome(): Promise<StateHome> {
    const { stateDir: dir, stateCacheRecords: cacheRecords, stateMaxBytes: maxBytes, stateKeepMs: keepMs } = this.#config;
    return openDiskHome({ dir, app: this.plan.app, cacheRecords, maxBytes, keepMs, clock: this.#clock, log: this.#log });
  }

  async #load(node: TableNode, partitions: PartitionCounts): Promise<void> {
    const table = new TableReader({
      node, partitions: partitions.get(node.topic)!, port: this.#port, serdes: this.#serdes, config: this.#config,
      clock: this.#clock, log: this.#log, limited: this.#limited, signal: this.#stopping.signal,
    });
    this.#tables.set(node, table);
    await table.load();
    table.running.catch((error: unknown) => this.#failed(error));
  }

  async #startStage(stage: StagePlan, counters: StageCounters, partitions: PartitionCounts, loads: ReadonlyMap<TableNode, Promise<void>>): Promise<void> {
    await Promise.all(stage.tables.map((node) => loads.get(node)));
    const log = this.#log;
    const driver = stage.sink === null ? null : this.#drive(
      stage.sink.sink as OutsideSink,
      { app: this.plan.app, sink: stage.sink.name, clock: this.#clock, log, timeoutMs: this.#config.sinkTimeoutMs },
      { environment: this.#environment, config: this.#config },
    );
    const outside = driver === null ? null : { driver, breaker: sinkBreaker(stage.name, { clock: this.#clock, config: this.#config, counters, log, limited: this.#limited, events: this.#events }) };
    if (outside !== null) {
      this.#drivers.push(outside.driver);
      await this.#retry(`opening sink ${stage.name}`, () => attemptThrough(outside.breaker, () => outside.driver.open()), counters);
    }
    const tables = new Map(stage.tables.map((node) => [node, this.#tables.get(node)!]));
    const context: StageContext = {
      app: this.plan.app, stage, port: this.#port, admin: this.#admin, serdes: this.#serdes, config: this.#config, clock: this.#clock, crash: this.#crash,
      log, limited: this.#limited, counters, tables, outside, home: this.#home, partitions, maxBytes: this.#maxBytes, events: this.#events, views: this.#views,
    };
    const runner = new StageRunner(context, (error) => this.#failed(error));
    this.#stages.push(runner);
    this.#waiting.delete(counters);
    counters.waitingRecords = 0;
    if (!this.#stopping.signal.aborted) await runner.start();
  }

  #retry<T>(what: string, attempt: () => Promise<T>, counters?: StageCounters): Promise<T> {
    return retrying({
      clock: this.#clock, config: this.#config, limited: this.#limited, signal: this.#stopping.signal, what,
      onRetry: () => { if (counters !== undefined) counters.retries += 1; },
    }, attempt);
  }

  async #purging(partitions: PartitionCounts): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      await this.#clock.sleep(this.#config.purgeIntervalMs, signal).catch(() => {});
      if (signal.aborted) return;
      try {
        await this.#admin.deleteRecordsBefore(await processedOf(this.plan, this.#admin, partitions));
      } catch (error) {
        this.#limited.warn('purge', 'deleting processed records of internal topics failed', { error });
      }
    }
  }

  get events$(): Observable<WorkerEvent> {
    return this.#events.events$;
  }

  store(name: string): StoreView {
    return this.#views.view(name);
  }

  get log(): Logger {
    return this.#log;
  }

  figures(): WorkerFigures {
    for (const [counters, lag] of this.#waiting) ({ records: counters.waitingRecords, ms: counters.lagMs } = lag());
    for (const stage of this.#stages) stage.measure();
    const tables = this.plan.tables.map((node) => tableFigures(node.topic, this.#tables.get(node)));
    return { worker: this.worker, state: this.#state, stages: this.#counters.map((c) => c.snapshot()), tables };
  }

  #failed(error: unknown): void {
    if (this.#stopping.signal.aborted && this.#stopped !== null) return;
    this.#state = 'failed';
    this.#log.error('the worker stops', { error });
    this.#events.emit({ type: 'error', error });
    void this.#shut().finally(() => this.#fail(error));
  }

  #shut(): Promise<void> {
    this.#stopped ??= this.#close();
    return this.#stopped;
  }

  async #close(): Promise<void> {
    this.#stopping.abort(new Error('the worker stops'));
    await Promise.allSettled(this.#stages.map((stage) => stage.stop()));
    const closed = Promise.allSettled([...this.#drivers.map((d) => d.close()), ...[...this.#tables.values()].map((t) => t.close()), this.#home.close(), this.#admin.close()])
      .then(() => this.#port.close());
    // Nothing is lost in connections: everything was committed before, or never will be.
    await atMost(this.#clock, CLOSE_TIMEOUT_MS, closed);
    this.#views.complete();
    this.#events.complete();
  }

  async stop(): Promise<void> {
    this.#log.info('stopping');
    if (this.#state !== 'failed') this.#state = 'stopping';
    await this.#shut();
    if (this.#state !== 'failed') this.#state = 'stopped';
    this.#log.info('stopped');
    this.#finish();
  }
}
