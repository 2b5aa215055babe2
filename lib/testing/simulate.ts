import type { Stream, Table } from '../../topology/stream.ts';
import type { Topology } from '../../topology/topology.ts';
import type { Config, Environment } from '../core/config.ts';
import { ConfigurationError, MillraceError } from '../core/errors.ts';
import { silentLogger, type Logger } from '../core/logger.ts';
import type { Random } from './random.ts';
import { FAULTS, type Fault } from './simulation/faults.ts';
import type { InputRecord } from './simulation/input.ts';
import { World, type Mutation, type Outcome, type WorldOptions } from './simulation/world.ts';

/** A record of the input. */
export interface SimulatedRecord {
  /** Where it goes: a `stream(...)` or `table(...)` of the topology, or a topic by name. */
  readonly to: Stream<unknown, unknown> | Table<unknown, unknown> | string;
  /** Its key as text; decides the partition. Default: no key, any partition. */
  readonly key?: string | Buffer | null;
  /** A value for the topic's codec, null for a tombstone, or bytes that stand as they are. */
  readonly value: unknown;
  /** Kafka's timestamp, ms since the epoch. Default: about the time at which it comes. */
  readonly timestamp?: number;
  readonly partition?: number;
}

export interface SimulateOptions {
  /** Decides everything that is left to chance: a whole number. The same seed gives the same run. */
  readonly seed: number;
  /** The input, in the order in which it comes. Must take all its chances from `random`. */
  readonly records: (random: Random) => Iterable<SimulatedRecord>;
  /** Default: one to three, by the seed. */
  readonly workers?: number;
  /** Kinds of faults; each seed has some of them. Default: all. */
  readonly faults?: readonly Fault[];
  /** Partition counts of source and table topics. Default: one to three, by the seed. */
  readonly partitions?: Readonly<Record<string, number>>;
  /** Where `env(...)` and `secret(...)` are read. Default: nothing is set. */
  readonly environment?: Environment;
  /**
   * What of a written value is compared, for functions that use `meta.now` or chance: gets the value as its topic's codec reads
   * it and returns it without what differs from run to run. Default: all of it, byte for byte.
   */
  readonly steady?: (value: never, topic: string) => unknown;
  /** Settings that stand above the simulation's own. */
  readonly settings?: Partial<Config>;
  /** Time over which input comes and things go wrong, ms of the simulation's clock. Default: 8,000. */
  readonly forMs?: number;
  /** Time after the last fault in which all input must have been processed, ms of the simulation's clock. Default: 60,000. */
  readonly withinMs?: number;
  /** Takes the workers' logs. Default: none. */
  readonly log?: Logger;
}

/** How a run went. */
export interface Simulation extends Omit<Outcome, 'problems' | 'lines'> {
  readonly seed: number;
}

/** A run that ended as it must not. The message says what was wrong, and with which seed. */
export class SimulationError extends MillraceError {
  readonly seed: number;
  readonly problems: readonly string[];
  /** What happened last, one line for each start, fault and call. */
  readonly lines: readonly string[];

  constructor(topology: string, seed: number, { problems, trace, lines }: Outcome) {
    super(`topology ${topology}, seed ${seed}: ${problems.join('\n')}`, { hint: `Run it again with simulate(topology, { seed: ${seed}, ... }) and the same records; its trace is ${trace}` });
    this.seed = seed;
    this.problems = problems;
    this.lines = lines;
  }
}

const SEED_MAX = Number.MAX_SAFE_INTEGER;

const inputOf = ({ to, key, value, timestamp, partition }: SimulatedRecord): InputRecord => {
  const topic = typeof to === 'string' ? to : 'topic' in to.node ? to.node.topic : '';
  return { topic, key: typeof key === 'string' ? Buffer.from(key, 'utf8') : (key ?? null), value, timestamp: timestamp ?? null, partition: partition ?? null };
};

/** `simulate` with a mutation, and its outcome whatever it is: for the tests of the simulation itself. */
export const simulateOutcome = async (topology: Topology, options: SimulateOptions, mutation: Mutation = {}): Promise<Outcome> => {
  const { seed } = options;
  if (!Number.isInteger(seed) || seed < 0 || seed > SEED_MAX) throw new RangeError(`a seed is a whole number from 0 to ${SEED_MAX}, not ${seed}`);
  if (options.settings?.guarantee === 'at-least-once') throw new ConfigurationError(['a simulation checks that everything happens exactly once, which guarantee at-least-once does not promise']);
  const world = new World({
    topology, seed,
    records: function* (random) {
      for (const record of options.records(random)) yield inputOf(record);
    },
    workers: options.workers ?? null,
    faults: options.faults ?? FAULTS,
    partitions: options.partitions ?? {},
    environment: options.environment ?? {},
    steady: (options.steady as WorldOptions['steady'] | undefined) ?? null,
    settings: options.settings ?? {},
    forMs: options.forMs ?? 8_000,
    withinMs: options.withinMs ?? 60_000,
    log: options.log ?? silentLogger,
  }, mutation);
  return world.run();
};

/**
 * Runs a topology as it runs in production, several workers with their tasks, transactions, groups and commits, over a Kafka
 * cluster in memory and on virtual time, while things go wrong; then everything heals, and what is in the topics, changelogs and sinks
 * must be what the committed input says: nothing lost, nothing twice, in order.
 *
 * Rejects with `SimulationError` when it is not.
 */
export const simulate = async (topology: Topology, options: SimulateOptions): Promise<Simulation> => {
  const outcome = await simulateOutcome(topology, options);
  if (outcome.problems.length > 0) throw new SimulationError(topology.name, options.seed, outcome);
  const { problems: _, lines: __, ...rest } = outcome;
  return { seed: options.seed, ...rest };
};
