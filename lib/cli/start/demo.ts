/** What `millrace start` needs of an example: it lives in `examples/NAME/demo.ts` and is that file's default export. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ConfigurationError } from '../../core/errors.ts';
import type { TopicSpec } from '../../kafka/port.ts';
import type { ExtraService, ServiceName } from '../../stack/index.ts';

export type DemoEnvironment = Readonly<Record<string, string>>;

/** Something outside Kafka that a run can be without: its sinks stay out of the topology, its server is not started. */
export interface DemoSystem {
  /** Of the option, and of the server: of the stack's own or one of `services`. */
  readonly name: string;
  readonly sinks: readonly string[];
}

export interface Demo {
  readonly name: string;
  readonly systems: readonly DemoSystem[];
  /** Which of the stack's own servers it needs. Default: all but the optional ones. */
  readonly servers?: readonly ServiceName[];
  /** The file whose default export is the topology. */
  readonly topology: string;
  /** Files of the connectors that capture its tables. */
  readonly connectors: readonly string[];
  /** Topics that must exist before anything writes to them. */
  readonly topics: readonly TopicSpec[];
  /** Servers beside the stack's own. `dir`: the stack's folder, which exists. */
  services(dir: string): Promise<readonly ExtraService[]>;
  /** What the workers find in their environment beside the stack's variables; nothing of servers that this run is without. */
  environment(dir: string, stack: DemoEnvironment): Promise<DemoEnvironment>;
  /** Creates tables; harmless when they exist. `without`: as for `open`. */
  setUp(environment: DemoEnvironment, without?: readonly string[]): Promise<void>;
  /** `without`: names of systems that are neither written to, nor waited for, nor compared. */
  open(environment: DemoEnvironment, without: readonly string[]): Promise<DemoRun>;
}

export interface LoadOptions {
  readonly seed: number;
  readonly signal: AbortSignal;
}

export interface Latency {
  /** How many were measured. */
  readonly count: number;
  readonly p50Ms: number;
  readonly p95Ms: number;
  readonly p99Ms: number;
}

export interface TopEntry {
  readonly title: string;
  readonly value: string;
  /** The same as a number, for bars. */
  readonly amount: number;
}

export interface DemoFigures {
  /** Rows written to PostgreSQL since the start. */
  readonly written: number;
  /** From the commit in PostgreSQL until the result is seen in Redis; of the last ten seconds, null when there was none. */
  readonly latency: Latency | null;
  readonly top: readonly TopEntry[];
}

/** How far a sink is: records it must have by now and has. */
export interface SinkProgress {
  readonly sink: string;
  readonly expected: number;
  readonly actual: number;
}

/** One line of the comparison: it agrees when both texts are the same. */
export interface Check {
  readonly sink: string;
  readonly check: string;
  readonly expected: string;
  readonly actual: string;
}

export interface DemoResult {
  readonly checks: readonly Check[];
  /** What must have happened at least once, with how often it did. */
  readonly specials: Readonly<Record<string, number>>;
  /** Over the whole run. */
  readonly latency: Latency | null;
}

export interface DemoRun {
  /** Writes at a steady rate, events per second, until the signal aborts. */
  steady(options: LoadOptions & { readonly rate: number }): Promise<void>;
  /** Writes so many events as fast as it can; calls `barrier` whenever everything must have arrived before it goes on. */
  bounded(options: LoadOptions & { readonly events: number; readonly barrier: () => Promise<void> }): Promise<void>;
  figures(): Promise<DemoFigures>;
  progress(): Promise<readonly SinkProgress[]>;
  /** Compares every sink with SQL over the source rows. */
  compare(): Promise<DemoResult>;
  close(): Promise<void>;
}

/** Throws `ConfigurationError` that lists what there is, for names that are no system of the demo. */
export const checkSystems = ({ name: demo, systems }: Demo, names: readonly string[]): void => {
  const known = systems.map(({ name }) => name);
  const unknown = names.filter((name) => !known.includes(name));
  const problems = unknown.map((name) => `There is no system ${JSON.stringify(name)} to leave out of ${demo}; there are ${known.join(', ')}`);
  if (problems.length === 0 && systems.every(({ name }) => names.includes(name))) problems.push(`Without ${known.join(', ')} no sink is left`);
  if (problems.length > 0) throw new ConfigurationError(problems);
};

const EXAMPLES = join(import.meta.dirname, '..', '..', '..', 'examples');

/** The library knows no example: its demo is looked up by name when it is asked for. */
export const loadDemo = async (name: string): Promise<Demo> => {
  if (!existsSync(EXAMPLES)) {
    throw new ConfigurationError(['The examples belong to the repository: run them from a clone'], { hint: 'millrace up starts the local stack, millrace run FILE a topology of yours' });
  }
  const file = join(EXAMPLES, name, 'demo.ts');
  if (!/^[a-z][a-z0-9-]*$/.test(name) || !existsSync(file)) throw new ConfigurationError([`There is no example ${name} with a demo`]);
  return ((await import(pathToFileURL(file).href)) as { readonly default: Demo }).default;
};
