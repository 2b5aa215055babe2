import type { Topology } from '../../../topology/topology.ts';
import type { Clock } from '../../core/clock.ts';
import type { Config, Environment } from '../../core/config.ts';
import type { Logger } from '../../core/logger.ts';
import { createNetwork, memoryPort, type MemoryBroker, type Network } from '../../kafka/memory/index.ts';
import type { KafkaPort } from '../../kafka/port.ts';
import { run, type RunHandle, type RunOptions } from '../../runtime/run.ts';
import type { Random } from '../random.ts';
import type { FaultPlan, Victim } from './faults.ts';
import { SimulatedProcess } from './process.ts';
import type { Trace } from './trace.ts';

export interface WorkersOptions {
  readonly topology: Topology;
  readonly broker: MemoryBroker;
  readonly clock: Clock;
  readonly random: Random;
  readonly trace: Trace;
  readonly faults: FaultPlan;
  readonly environment: Environment;
  readonly settings: Partial<Config>;
  readonly requestTimeoutMs: number;
  readonly log: (worker: string) => Logger;
  /** What one process reaches outside systems by. */
  readonly drivers: (network: Network) => NonNullable<RunOptions['drivers']>;
  readonly schemas: NonNullable<RunOptions['schemas']>;
  /** For mutations: what stands between the runtime and its port. */
  readonly wrapPort: (port: KafkaPort) => KafkaPort;
  /** Where a process keeps its state. */
  readonly home: ((place: string) => NonNullable<RunOptions['home']>) | null;
  /** A worker ended by itself. */
  readonly failed: (error: unknown) => void;
}

const RESTART_MS = 4_000;

/** One place for a worker: processes follow each other in it. */
class Place implements Victim {
  readonly name: string;
  readonly #options: WorkersOptions;
  #process: SimulatedProcess | null = null;
  #handle: RunHandle | null = null;
  #wanted = false;
  #starts = 0;

  constructor(name: string, options: WorkersOptions) {
    this.name = name;
    this.#options = options;
  }

  get isRunning(): boolean {
    return this.#process?.state === 'running';
  }

  get process(): SimulatedProcess | null {
    return this.#process;
  }

  start(): void {
    const { topology, broker, clock, random, trace, settings, requestTimeoutMs, faults } = this.#options;
    this.#wanted = true;
    this.#starts += 1;
    const process = new SimulatedProcess(clock, random.fork());
    const name = `${this.name}.${this.#starts}`;
    const victim: Victim = {
      name,
      get isRunning() { return process.state === 'running'; },
      crash: () => this.#crash(process),
      freeze: (forMs) => this.#freeze(process, forMs),
    };
    trace.add(`start ${name}`);
    this.#process = process;
    const network = traced(createNetwork({ wire: clock, client: process, requestTimeoutMs, fate: (call) => faults.fate(victim, call) }), name, trace);
    const handle = run(topology, {
      environment: this.#options.environment, settings, clock: process, log: this.#options.log(name), schemas: this.#options.schemas,
      port: this.#options.wrapPort(memoryPort({ broker, clock: process, requestTimeoutMs, network })),
      drivers: this.#options.drivers(network),
      crash: (point) => faults.at(victim, point),
      ...(this.#options.home === null ? {} : { home: this.#options.home(this.name) }),
    });
    // It may have been killed in its first call.
    if (this.#process === process) this.#handle = handle;
    handle.done.catch((error: unknown) => {
      if (process.state !== 'dead') this.#options.failed(error);
    });
  }

  crash(): void {
    if (this.#process !== null) this.#crash(this.#process);
  }

  #crash(process: SimulatedProcess): void {
    if (process.state === 'dead') return;
    process.kill();
    const { clock, random, trace } = this.#options;
    trace.add(`crash ${this.name}.${this.#starts}`);
    if (process !== this.#process) return;
    this.#process = null;
    this.#handle = null;
    clock.after(random.chance(0.3) ? random.next() * 50 : random.next() * RESTART_MS, () => {
      if (this.#wanted && this.#process === null) this.start();
    });
  }

  freeze(forMs: number): void {
    if (this.#process !== null) this.#freeze(this.#process, forMs);
  }

  #freeze(process: SimulatedProcess, forMs: number): void {
    const { clock, trace } = this.#options;
    process.freeze();
    clock.after(forMs, () => {
      trace.add(`thaw ${this.name}`);
      process.thaw();
    });
  }

  thaw(): void {
    this.#process?.thaw();
  }

  /** Resolves when it has stopped; also when it dies meanwhile. */
  async stop(): Promise<void> {
    this.#wanted = false;
    const handle = this.#handle;
    const process = this.#process;
    if (handle === null || process === null) return;
    this.#options.trace.add(`stop ${this.name}`);
    await Promise.race([handle.stop(), process.death]);
    if (this.#process !== process) return;
    process.kill();
    this.#process = null;
    this.#handle = null;
  }

  get isWanted(): boolean {
    return this.#wanted;
  }
}

const traced = (network: Network, name: string, trace: Trace): Network => ({
  call: (call, apply, timeoutMs) => network.call(call, () => {
    trace.add(`${name} ${call}`);
    return apply();
  }, timeoutMs),
});

/** The workers of a run, and what happens to them over time. */
export class Workers {
  readonly #options: WorkersOptions;
  readonly #places: readonly Place[];

  constructor(count: number, options: WorkersOptions) {
    this.#options = options;
    // The last one takes part for a while only.
    this.#places = Array.from({ length: count + 1 }, (_, i) => new Place(`w${i + 1}`, options));
  }

  start(): void {
    for (const place of this.#places.slice(0, -1)) this.#options.clock.after(this.#options.random.next() * 500, () => place.start());
  }

  /** Lets happen what is not bound to a call, until the run is healed. */
  async disturb(): Promise<void> {
    const { clock, random, faults, trace } = this.#options;
    while (!faults.isHealed) {
      await clock.sleep(200 + random.next() * 3_000);
      if (faults.isHealed) return;
      const place = random.pick(this.#places.slice(0, -1));
      switch (random.below(5)) {
        case 0:
          if (faults.has('rolling')) this.#roll(place);
          break;
        case 1:
          if (faults.has('scale')) this.#scale();
          break;
        case 2:
          if (faults.has('clock-jump') && place.process !== null) {
            trace.add(`jump ${place.name}`);
            faults.count('clock-jump');
            place.process.jump(Math.floor(random.between(-1, 1) * 600_000));
          }
          break;
        case 3:
          if (faults.has('outage') && random.chance(0.4)) faults.outage(random.chance(0.5) ? random.next() * 500 : random.next() * 8_000);
          break;
        default:
          if (faults.has('crash') && random.chance(0.3)) {
            faults.count('crash');
            place.crash();
          }
      }
    }
  }

  #roll(place: Place): void {
    if (!place.isRunning || !place.isWanted) return;
    this.#options.faults.count('rolling');
    void place.stop().then(() => this.#options.clock.after(this.#options.random.next() * 1_000, () => {
      if (place.process === null) place.start();
    }));
  }

  #scale(): void {
    const extra = this.#places.at(-1)!;
    this.#options.faults.count('scale');
    if (extra.process === null && !extra.isWanted) extra.start();
    else if (extra.isRunning) void extra.stop();
  }

  /** Everything runs again: what is frozen goes on, what is down is started. */
  heal(): void {
    for (const place of this.#places) place.thaw();
    for (const place of this.#places.slice(0, -1)) if (place.process === null) place.start();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#places.map((place) => place.stop()));
  }
}
