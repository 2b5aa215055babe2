import type { Topology } from '../../../topology/topology.ts';
import type { Config, Environment } from '../../core/config.ts';
import { messageOf } from '../../core/errors.ts';
import { silentLogger, type Logger } from '../../core/logger.ts';
import { MemoryBroker } from '../../kafka/memory/index.ts';
import type { KafkaPort, TopicPartition } from '../../kafka/port.ts';
import { plan as planOf } from '../../plan/plan.ts';
import type { Plan } from '../../plan/types.ts';
import type { RunOptions } from '../../runtime/run.ts';
import { serdesOf, type Serdes } from '../../runtime/serdes.ts';
import { createSerde, LocalSchemas } from '../../serde/index.ts';
import { Random } from '../random.ts';
import { VirtualClock } from '../virtual-clock.ts';
import { FaultPlan, type Fault } from './faults.ts';
import { feed, type EncodedRecord } from './feed.ts';
import { encodeInput, type InputRecord } from './input.ts';
import { KeptState } from './kept-state.ts';
import { Oracle } from './oracle.ts';
import { OutsideWorld } from './outside/index.ts';
import { Trace } from './trace.ts';
import { Workers } from './workers.ts';

export interface WorldOptions {
  readonly topology: Topology;
  readonly seed: number;
  readonly workers: number | null;
  readonly faults: readonly Fault[];
  readonly records: (random: Random) => Iterable<InputRecord>;
  readonly partitions: Readonly<Record<string, number>>;
  readonly environment: Environment;
  readonly steady: ((value: unknown, topic: string) => unknown) | null;
  readonly settings: Partial<Config>;
  /** Time over which the input comes and things go wrong, ms. */
  readonly forMs: number;
  /** Time after that in which everything must have been processed, ms. */
  readonly withinMs: number;
  readonly log: Logger;
}

/** What tests change to see whether the simulation notices. Not for users. */
export interface Mutation {
  readonly port?: (port: KafkaPort, broker: MemoryBroker) => KafkaPort;
  readonly sinkFence?: 'ignored';
  /** Called for each worker's process, with the name of its place and what is kept there. */
  readonly home?: (place: string, kept: KeptState) => NonNullable<RunOptions['home']>;
}

export interface Outcome {
  readonly problems: readonly string[];
  /** The same for the same seed. */
  readonly trace: string;
  readonly lines: readonly string[];
  readonly events: number;
  readonly virtualMs: number;
  readonly faults: Readonly<Partial<Record<Fault, number>>>;
  readonly records: number;
}

const MAX_EVENTS = 2_000_000;
/** Of the broker, by some seeds: workers may be away for longer than deletes are kept. */
const SHORT_DELETE_RETENTION_MS = 3_000;
/** A few owners before the id gets a new producer id. */
const NEARLY_LAST_EPOCH = 32_764;
const POLL_MS = 100;
const STOP_MS = 30_000;

/** Settings that make much happen in little time, other ones for each seed. */
const settingsOf = (random: Random): Partial<Config> => ({
  logLevel: 'error',
  registryUrl: '',
  requestTimeoutMs: 1_500,
  sessionTimeoutMs: 3_000,
  heartbeatIntervalMs: 700,
  rebalanceTimeoutMs: 3_000,
  transactionTimeoutMs: random.pick([4_000, 10_000]),
  fetchMaxWaitMs: random.pick([300, 1_000]),
  fetchMaxBytes: random.pick([500, 4_000, 1_000_000]),
  fetchPartitionBytes: random.pick([100, 1_000, 1_000_000]),
  queueBytes: random.pick([200, 2_000, 1_000_000]),
  commitIntervalMs: random.pick([20, 100, 400]),
  sinkCommitIntervalMs: random.pick([100, 1_000]),
  commitRecords: random.pick([1, 3, 10_000]),
  openTasks: random.pick([1, 4]),
  purgeIntervalMs: 1_500,
  sinkCheckIntervalMs: 600,
  retryBaseMs: 50,
  retryMaxMs: 1_000,
  sinkTimeoutMs: 2_000,
  stopTimeoutMs: 4_000,
});

/** One run of a topology by one seed. */
export class World {
  readonly #options: WorldOptions;
  readonly #random: Random;
  readonly #clock: VirtualClock;
  readonly #trace: Trace;
  readonly #plan: Plan;
  readonly #broker: MemoryBroker;
  readonly #faults: FaultPlan;
  readonly #settings: Partial<Config>;
  readonly #schemas = new LocalSchemas();
  readonly #serdes: Serdes;
  readonly #workers: Workers;
  readonly #outside: OutsideWorld;
  readonly #problems: string[] = [];
  #records = 0;

  constructor(options: WorldOptions, mutation: Mutation) {
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#clock = new VirtualClock(this.#random.fork());
    this.#trace = new Trace(() => this.#clock.monotonic());
    this.#plan = planOf(options.topology);
    const wire = this.#random.fork();
    const slowMarkers = wire.chance(0.3);
    this.#broker = new MemoryBroker({
      clock: this.#clock,
      firstEpoch: wire.chance(0.2) ? NEARLY_LAST_EPOCH : 0,
      config: wire.chance(0.3) ? { 'delete.retention.ms': String(SHORT_DELETE_RETENTION_MS) } : {},
      markerMs: () => (slowMarkers && wire.chance(0.05) ? wire.next() * 2_000 : wire.next() * 5),
      onOffset: (group, position, before) => {
        if (before !== undefined && position.offset < before) this.#problems.push(`group ${group} went back from ${before} to ${position.offset} in ${position.topic}[${position.partition}]`);
      },
    });
    this.#settings = { ...settingsOf(this.#random.fork()), ...options.settings };
    this.#faults = new FaultPlan({
      random: this.#random.fork(), clock: this.#clock, trace: this.#trace, faults: options.faults,
      requestTimeoutMs: this.#settings.requestTimeoutMs!, sessionTimeoutMs: this.#settings.sessionTimeoutMs!,
    });
    this.#serdes = serdesOf(createSerde({ registryUrl: null, clock: this.#clock, log: silentLogger }, this.#schemas));
    this.#outside = new OutsideWorld({ app: this.#plan.app, clock: this.#clock, random: this.#random.fork(), trace: this.#trace, faults: this.#faults, fence: mutation.sinkFence ?? 'kept' });
    const kept = new KeptState();
    const disk = this.#random.fork().chance(0.5) ? (place: string) => kept.home(place) : null;
    this.#workers = new Workers(options.workers ?? 1 + this.#random.below(3), {
      topology: options.topology, broker: this.#broker, clock: this.#clock, random: this.#random.fork(), trace: this.#trace, faults: this.#faults,
      environment: options.environment, settings: this.#settings, requestTimeoutMs: this.#settings.requestTimeoutMs!, log: (worker) => options.log.child({ simulated: worker }), schemas: this.#schemas,
      drivers: (network) => this.#outside.drivers(network),
      home: mutation.home === undefined ? disk : (place) => mutation.home!(place, kept),
      wrapPort: (port) => mutation.port?.(port, this.#broker) ?? port,
      failed: (error) => void this.#problems.push(`a worker ended by itself: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`),
    });
  }

  async run(): Promise<Outcome> {
    let over = false;
    const live = this.#live().catch((error: unknown) => void this.#problems.push(`${messageOf(error)}`)).finally(() => { over = true; });
    try {
      await this.#clock.run(() => over || this.#problems.length > 0, MAX_EVENTS);
      if (over) await live;
    } catch (error) {
      this.#problems.push(messageOf(error));
    }
    if (this.#problems.length === 0) await this.#check();
    return {
      problems: this.#problems, trace: this.#trace.hash, lines: this.#trace.lines, events: this.#clock.events, virtualMs: this.#clock.monotonic(),
      faults: this.#faults.counts, records: this.#records,
    };
  }

  async #live(): Promise<void> {
    const clock = this.#clock;
    this.#createForeign();
    const records = await this.#input();
    this.#records = records.length;
    this.#workers.start();
    const feeding = feed({ broker: this.#broker, clock, random: this.#random.fork(), trace: this.#trace, records, forMs: this.#options.forMs });
    const disturbing = [this.#workers.disturb(), this.#outside.disturb(), this.#clean()];
    await clock.sleep(this.#options.forMs);
    this.#trace.add('heal');
    this.#faults.heal();
    this.#workers.heal();
    await Promise.all([feeding, ...disturbing]);
    await this.#untilProcessed();
    if (this.#faults.counts['sink-loss'] !== undefined) {
      // What Redis has lost is noticed when it is asked the next time; no offset tells that it is missing.
      await clock.sleep(this.#settings.sinkCheckIntervalMs! + 2 * this.#settings.sessionTimeoutMs!);
      await this.#untilProcessed();
    }
    await this.#untilStopped();
  }

  /** What belongs to others is there before the workers are. */
  #createForeign(): void {
    const random = this.#random.fork();
    for (const { topic, role } of this.#plan.topics) {
      if (role !== 'source' && role !== 'table') continue;
      const config = role === 'table' ? { 'cleanup.policy': 'compact' } : {};
      this.#broker.createTopics([{ topic, partitions: this.#options.partitions[topic] ?? 1 + random.below(3), replicationFactor: 1, config }]);
    }
  }

  #partitions(topic: string): number {
    return this.#broker.describeTopics([topic])[0]?.partitions ?? 0;
  }

  #input(): Promise<EncodedRecord[]> {
    const random = this.#random.fork();
    return encodeInput({
      plan: this.#plan, serdes: this.#serdes, faults: this.#faults, clock: this.#clock, random, forMs: this.#options.forMs,
      records: [...this.#options.records(random.fork())], partitions: (topic) => this.#partitions(topic),
    });
  }

  /** The log cleaner, at its own pace. */
  async #clean(): Promise<void> {
    const random = this.#random.fork();
    while (!this.#faults.isHealed) {
      await this.#clock.sleep(random.next() * 2_000);
      if (!this.#faults.has('compaction')) continue;
      for (const { topic } of this.#plan.topics) {
        const [described] = this.#broker.describeTopics([topic]);
        if (described?.config['cleanup.policy'] !== 'compact') continue;
        this.#faults.count('compaction');
        for (let partition = 0; partition < described.partitions; partition += 1) {
          const { end } = this.#broker.log({ topic, partition });
          this.#broker.compact({ topic, partition }, Math.floor(random.next() * (end + 1)), () => random.chance(0.5));
        }
      }
    }
  }

  /** Input that no group has committed yet. */
  #behind(): string[] {
    const behind: string[] = [];
    for (const stage of this.#plan.stages) {
      for (const { topic } of stage.entries) {
        const partitions = this.#partitions(topic);
        if (partitions === 0) behind.push(`topic ${topic} does not exist`);
        for (let partition = 0; partition < partitions; partition += 1) {
          const { entries, end, lastStable } = this.#broker.log({ topic, partition });
          const last = entries.findLast(({ record, transaction }) => record !== null && transaction?.outcome !== 'aborted');
          const committed = this.#broker.group(stage.group).offsetOf({ topic, partition }) ?? 0;
          if (lastStable < end || (last !== undefined && committed <= last.offset)) {
            behind.push(`${stage.name} has committed ${committed} of ${topic}[${partition}], whose last record is ${last?.offset ?? 'none'} (stable to ${lastStable} of ${end})`);
          }
        }
      }
    }
    return behind;
  }

  async #untilProcessed(): Promise<void> {
    const deadline = this.#clock.monotonic() + this.#options.withinMs;
    for (let behind = this.#behind(); behind.length > 0; behind = this.#behind()) {
      if (this.#clock.monotonic() > deadline) throw new Error(`${this.#options.withinMs} ms after the last fault there is work left:\n${behind.slice(0, 6).join('\n')}`);
      await this.#clock.sleep(POLL_MS);
    }
  }

  async #untilStopped(): Promise<void> {
    const late = this.#clock.sleep(STOP_MS).then(() => 'late');
    if ((await Promise.race([this.#workers.stop(), late])) === 'late') throw new Error(`the workers did not stop in ${STOP_MS} ms`);
  }

  async #check(): Promise<void> {
    for (const { outputs, stores } of this.#plan.stages) {
      for (const { codec, topic } of outputs) await this.#serdes.encoder(codec, topic).prepare();
      for (const { node, changelog } of stores) await this.#serdes.encoder(node.state, changelog).prepare();
    }
    const partitions = new Map(this.#plan.topics.map(({ topic }) => [topic, this.#partitions(topic)]));
    const oracle = new Oracle({
      plan: this.#plan, broker: this.#broker, serdes: this.#serdes, partitions,
      steady: this.#options.steady,
      render: (sink, write) => this.#outside.render(sink, write),
      sunk: (stage, places: readonly TopicPartition[], writes) => this.#outside.differences(stage, places, writes),
    });
    this.#problems.push(...(await oracle.problems()), ...this.#outside.surplus());
  }
}
