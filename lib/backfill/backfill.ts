import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { existsSync } from 'node:fs';
import type { SinkNode } from '../../topology/node.ts';
import type { OutsideSink } from '../../topology/sinks.ts';
import { systemClock, type Clock } from '../core/clock.ts';
import { readConfig, type Config, type Environment } from '../core/config.ts';
import { ConfigurationError, RetryError, StopError } from '../core/errors.ts';
import { createLogger, type Logger } from '../core/logger.ts';
import { kafkaPort } from '../kafka/kafkajs/index.ts';
import type { KafkaAdmin, KafkaPort, TopicPartition } from '../kafka/port.ts';
import { names } from '../plan/names.ts';
import { plan as planOf } from '../plan/plan.ts';
import type { Plan, TopologyValue } from '../plan/types.ts';
import { applyReset } from '../runtime/reset.ts';
import { run, type RunOptions } from '../runtime/run.ts';
import { prepareTopics, type PartitionCounts } from '../runtime/topics.ts';
import { createDriver, settingProblems } from '../sinks/index.ts';
import type { SinkDriver } from '../sinks/contract.ts';
import { folderName } from '../state/folders.ts';
import { TokenBucket } from './bucket.ts';
import { Pace, standingOf, type BackfillProgress } from './progress.ts';
import { checkFit, differences, keepRange, readRange, settleRange, sourcePlaces, type From, type Range, type To } from './range.ts';
import { historyPort } from './reader.ts';
import { chosenSinks, cutTopics, notesOf, refusals, snapshotProblems, type Choice } from './rules.ts';
import { backfillTopology } from './topology.ts';

/** A group is busy until the session of a worker that was killed has timed out. */
const CLEAR_RETRY_MS = 500;

export interface BackfillOptions {
  /** Begins its groups, internal topics and transactions: `<app>-backfill-<name>`. One that was cut short goes on under its name. */
  readonly name: string;
  readonly from: From;
  readonly to: To;
  readonly choice: Choice;
  /** At most, over everything that is read of the history. Infinity: no limit. */
  readonly recordsPerSecond: number;
  /** Asked for anew at each start and stop of a part of it; default: Kafka at `kafkaBrokers`. */
  readonly port?: () => KafkaPort;
  readonly environment?: Environment;
  readonly settings?: Partial<Config>;
  readonly log?: Logger;
  readonly clock?: Clock;
  readonly drivers?: typeof createDriver;
  /** How often progress is told. Default: 1,000. */
  readonly progressMs?: number;
  readonly onStart?: (started: BackfillStart) => void;
  readonly onProgress?: (progress: BackfillProgress) => void;
  /** Stops it in good order; it can go on later. */
  readonly signal?: AbortSignal;
}

export interface BackfillStart {
  readonly app: string;
  readonly start: 'first' | 'resumed';
  readonly sinks: readonly string[];
  /** What the user should know of each sink. */
  readonly notes: readonly string[];
}

export interface BackfillSummary {
  readonly app: string;
  /** `stopped`: by the signal, before its end. */
  readonly end: 'done' | 'stopped';
  /** Null when there is nothing to count: only clearing up was left, or it was stopped before its first record or behind its last. */
  readonly progress: BackfillProgress | null;
  /** Topics with dead letters; they stay. */
  readonly deadLetters: readonly string[];
}

/**
 * Runs a topology over its history into its sinks, beside live traffic, and ends. Throws `ConfigurationError` with everything that cannot be right; `StopError` when it
 * cannot go on. Delivery: as that of the live application, for each sink (docs/DELIVERY.md), within the range.
 */
export const backfill = async (topology: TopologyValue, options: BackfillOptions): Promise<BackfillSummary> => {
  const job = new Job(topology, options);
  try {
    return await job.run();
  } catch (thrown) {
    const { signal } = options;
    // Told to stop while it waited, before its first record or behind its last.
    if (signal?.aborted !== true || thrown !== signal.reason) throw thrown;
    return { app: names.backfill(topology.name, options.name), end: 'stopped', progress: null, deadLetters: [] };
  } finally {
    await job.close();
  }
};

/** Takes away everything that a backfill has of its own, whether it has ended or not. What it has written to sinks stays. */
export const discardBackfill = async (topology: TopologyValue, options: BackfillOptions): Promise<void> => {
  const job = new Job(topology, options);
  try {
    await job.discard();
  } finally {
    await job.close();
  }
};

class Job {
  readonly #options: BackfillOptions;
  readonly #topology: TopologyValue;
  readonly #environment: Environment;
  readonly #config: Config;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #sinks: readonly SinkNode[];
  readonly #own: TopologyValue;
  readonly #plan: Plan;
  readonly #ports: KafkaPort[] = [];
  readonly #port: KafkaPort;
  readonly #admin: KafkaAdmin;

  constructor(topology: TopologyValue, options: BackfillOptions) {
    this.#topology = topology;
    this.#options = options;
    this.#environment = options.environment ?? process.env;
    this.#config = readConfig(this.#environment, options.settings ?? {});
    this.#clock = options.clock ?? systemClock;
    const { sinks, problems } = chosenSinks(topology, options.choice);
    if (problems.length > 0) throw new ConfigurationError(problems);
    this.#sinks = sinks;
    this.#own = backfillTopology(topology, options.name, sinks.map(({ name }) => name));
    this.#plan = planOf(this.#own);
    this.#log = options.log ?? createLogger({ level: this.#config.logLevel, service: this.#plan.app, correlationId: randomUUID() });
    this.#port = this.#newPort();
    this.#admin = this.#port.admin();
  }

  #newPort(): KafkaPort {
    const { kafkaBrokers: brokers, requestTimeoutMs } = this.#config;
    const port = this.#options.port?.() ?? kafkaPort({ brokers, requestTimeoutMs, clientId: this.#plan.app, clock: this.#clock, log: this.#log });
    this.#ports.push(port);
    return port;
  }

  async run(): Promise<BackfillSummary> {
    const { app } = this.#plan;
    const kept = await readRange(this.#port, this.#admin, app);
    if (kept?.state === 'done') return { app, end: 'done', progress: null, deadLetters: await this.#clear() };
    await this.#check(kept);
    const counts = await prepareTopics(this.#plan, { admin: this.#admin, port: this.#port, config: this.#config, clock: this.#clock, log: this.#log, signal: this.#options.signal ?? new AbortController().signal });
    await this.#eachDriver(async (driver, node) => {
      // Fences that an earlier one under the same name has left, its topics gone, would take this one's records for written.
      if (kept === null) await driver.release?.(await this.#placesOf(node));
      await driver.protect?.(kept === null ? 'first' : 'resumed');
    });
    const range = kept ?? await this.#settle();
    this.#options.onStart?.({ app, start: kept === null ? 'first' : 'resumed', sinks: range.sinks, notes: notesOf(this.#sinks, this.#plan.tables.length > 0) });
    const { end, progress } = await this.#work(range, counts);
    if (end === 'stopped') return { app, end, progress, deadLetters: [] };
    await keepRange({ ...range, state: 'done' }, this.#plan, this.#keeping());
    return { app, end, progress, deadLetters: await this.#clear() };
  }

  /** Everything that is wrong, at once. */
  async #check(kept: Range | null): Promise<void> {
    const { from, to, choice } = this.#options;
    const places = await sourcePlaces(this.#plan, this.#admin);
    if (kept !== null) checkFit(kept, places);
    // What retention has taken since the first start was read already, or its task says that it is gone.
    const cut = kept === null ? await cutTopics(places, this.#admin) : [];
    const doubtful = this.#sinks.filter(({ name }) => !choice.accept.includes(name));
    const problems = [
      ...(kept === null ? [] : differences(kept, { from, to, sinks: this.#sinks.map(({ name }) => name) }, this.#options.name)),
      ...(typeof from === 'number' && typeof to === 'number' && from >= to ? ['the range ends before it begins'] : []),
      ...snapshotProblems(from, cut),
      ...refusals(doubtful, { from, to, cut }),
      ...this.#sinks.flatMap(({ sink }) => (sink.kind === 'kafka' ? [] : settingProblems(sink, this.#environment))),
    ];
    if (problems.length > 0) throw new ConfigurationError(problems);
  }

  /** After live traffic has been told to leave word: what it has written before that lies within the range. */
  async #settle(): Promise<Range> {
    const { from, to } = this.#options;
    const sinks = this.#sinks.map(({ name }) => name);
    const range = await settleRange({ from, to, sinks }, await sourcePlaces(this.#plan, this.#admin), this.#port, this.#admin);
    await keepRange(range, this.#plan, this.#keeping());
    return range;
  }

  #keeping(): Parameters<typeof keepRange>[2] {
    return { port: this.#port, admin: this.#admin, config: this.#config, nowMs: this.#clock.now() };
  }

  #driver(node: SinkNode): SinkDriver {
    const drive = this.#options.drivers ?? createDriver;
    return drive(
      node.sink as OutsideSink,
      { app: this.#plan.app, sink: node.name, clock: this.#clock, log: this.#log, timeoutMs: this.#config.sinkTimeoutMs, backfillOf: this.#topology.name },
      { environment: this.#environment, config: this.#config },
    );
  }

  async #eachDriver(use: (driver: SinkDriver, node: SinkNode) => Promise<void> | undefined): Promise<void> {
    for (const node of this.#sinks) {
      if (node.sink.kind !== 'redis') continue;
      const driver = this.#driver(node);
      try {
        await driver.open();
        await use(driver, node);
      } finally {
        await driver.close();
      }
    }
  }

  async #work(range: Range, counts: PartitionCounts): Promise<Pick<BackfillSummary, 'end' | 'progress'>> {
    const { clock, signal } = { clock: this.#clock, signal: this.#options.signal };
    const drive = this.#options.drivers ?? createDriver;
    const settings: RunOptions = {
      environment: this.#environment, settings: this.#options.settings ?? {}, log: this.#log, clock,
      port: historyPort(this.#newPort(), { clock, starts: range.starts, ends: range.ends, bucket: new TokenBucket(clock, this.#options.recordsPerSecond) }),
      drivers: (sink, context, others) => drive(sink, { ...context, backfillOf: this.#topology.name }, others),
    };
    const handle = run(this.#own, settings);
    const pace = new Pace();
    let progress: BackfillProgress | null = null;
    let failed = false;
    const failure = handle.done.catch((error: unknown) => {
      failed = true;
      throw error;
    });
    failure.catch(() => undefined);
    try {
      for (;;) {
        const standing = await standingOf(this.#plan, range, counts, this.#admin).catch((error: unknown) => {
          if (error instanceof RetryError) return null;
          throw error;
        });
        if (standing !== null) {
          progress = pace.progress(standing, clock.monotonic(), handle.figures().stages.reduce((sum, stage) => sum + stage.deadLetters, 0));
          this.#options.onProgress?.(progress);
          if (standing.complete) return { end: 'done', progress };
        }
        await Promise.race([clock.sleep(this.#options.progressMs ?? 1_000, signal).catch(() => undefined), failure]);
        if (signal?.aborted === true) return { end: 'stopped', progress };
      }
    } finally {
      if (!failed) await handle.stop();
    }
  }

  async discard(): Promise<void> {
    await this.#clear();
  }

  /** What the sink's stage reads. */
  async #placesOf({ name }: SinkNode): Promise<readonly TopicPartition[]> {
    const { entries } = this.#plan.stages.find(({ sink }) => sink?.name === name)!;
    const described = await this.#admin.describeTopics(entries.map(({ topic }) => topic));
    return described.flatMap(({ topic, partitions }) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })));
  }

  /** @returns topics with dead letters */
  async #clear(): Promise<readonly string[]> {
    const { app, topics, stages } = this.#plan;
    const groups = (await this.#admin.listGroups()).filter((group) => stages.some((stage) => stage.group === group));
    await this.#untilIdle(groups);
    const deadLetters = await this.#filled(topics.filter(({ role }) => role === 'dead-letter').map(({ topic }) => topic));
    const own = topics.filter(({ role, topic }) => role !== 'source' && role !== 'table' && role !== 'sink' && !deadLetters.includes(topic)).map(({ topic }) => topic);
    await this.#eachDriver(async (driver, node) => driver.release?.(await this.#placesOf(node)));
    const folder = join(this.#config.stateDir, folderName(app));
    const reset = { app, topics: own, groups: groups.map((group) => ({ group, members: 0 })), folders: existsSync(folder) ? [folder] : [], notes: [] };
    await applyReset(reset, this.#admin);
    // Last: as long as it is there, the same command goes on clearing up.
    await this.#admin.deleteTopics([names.backfillRange(app)]);
    return deadLetters;
  }

  async #filled(topics: readonly string[]): Promise<readonly string[]> {
    const described = await this.#admin.describeTopics(topics);
    const places = described.flatMap(({ topic, partitions }) => Array.from({ length: partitions }, (_, partition) => ({ topic, partition })));
    const ends = await this.#admin.endOffsets(places, 'read_committed');
    return [...new Set(ends.filter(({ offset }) => offset > 0).map(({ topic }) => topic))];
  }

  async #untilIdle(groups: readonly string[]): Promise<void> {
    const deadlineMs = this.#clock.monotonic() + this.#config.sessionTimeoutMs + this.#config.requestTimeoutMs;
    for (;;) {
      const sizes = await this.#admin.groupSizes(groups);
      const busy = groups.filter((_, i) => sizes[i] !== 0);
      if (busy.length === 0) return;
      if (this.#clock.monotonic() > deadlineMs) throw new StopError(`another process runs this backfill: ${busy.join(', ')} have members`, { hint: 'Stop it first' });
      await this.#clock.sleep(CLEAR_RETRY_MS, this.#options.signal);
    }
  }

  async close(): Promise<void> {
    await this.#admin.close();
    await Promise.allSettled(this.#ports.map((port) => port.close()));
  }
}
