import type { SinkNode } from '../../../../topology/node.ts';
import type { BigQuerySink, CassandraSink, HttpSink, OutsideSink } from '../../../../topology/sinks.ts';
import type { Clock } from '../../../core/clock.ts';
import type { Network } from '../../../kafka/memory/index.ts';
import type { TopicPartition } from '../../../kafka/port.ts';
import type { StagePlan } from '../../../plan/types.ts';
import type { RunOptions } from '../../../runtime/run.ts';
import { fenceKey } from '../../../sinks/redis/driver.ts';
import type { Random } from '../../random.ts';
import type { FaultPlan } from '../faults.ts';
import type { ExpectedWrite } from '../fold.ts';
import type { Trace } from '../trace.ts';
import { cassandraDriver, cassandraWrite, SimulatedCassandra } from './cassandra.ts';
import { httpDriver, httpRequest, SimulatedServer, type Trouble } from './http.ts';
import { redisDriver, redisText, SimulatedRedis } from './redis.ts';
import { SimulatedWarehouse, warehouseDriver, warehouseRow } from './warehouse.ts';

export interface OutsideOptions {
  readonly app: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly trace: Trace;
  readonly faults: FaultPlan;
  readonly fence: 'kept' | 'ignored';
}

/** Redis loses no more than its last second (`appendfsync everysec`). */
const MOST_LOST_MS = 1_000;
const LONGEST_DOWN_MS = 4_000;

/** The systems outside Kafka that sinks write to: one Redis, and a server and a warehouse for each sink that has one. */
export class OutsideWorld {
  readonly #options: OutsideOptions;
  readonly #redis: SimulatedRedis;
  readonly #servers = new Map<string, SimulatedServer>();
  readonly #warehouses = new Map<string, SimulatedWarehouse>();
  readonly #tables = new Map<string, SimulatedCassandra>();
  readonly #expected = new Map<string, Set<string>>();
  #downUntil = -1;

  constructor(options: OutsideOptions) {
    this.#options = options;
    this.#redis = new SimulatedRedis(options.clock, options.fence);
  }

  drivers(network: Network): NonNullable<RunOptions['drivers']> {
    return (sink, context) => {
      switch (sink.kind) {
        case 'redis': return redisDriver(sink, context, this.#redis, network);
        case 'http': return httpDriver(sink, context, this.#server(context.sink), network);
        case 'bigquery': return warehouseDriver(sink, this.#warehouse(context.sink), network);
        case 'cassandra': return cassandraDriver(sink, this.#table(context.sink), network);
      }
    };
  }

  #server(sink: string): SimulatedServer {
    const server = this.#servers.get(sink) ?? new SimulatedServer(() => this.#trouble());
    this.#servers.set(sink, server);
    return server;
  }

  #warehouse(sink: string): SimulatedWarehouse {
    const warehouse = this.#warehouses.get(sink) ?? new SimulatedWarehouse(() => this.#trouble() !== null);
    this.#warehouses.set(sink, warehouse);
    return warehouse;
  }

  #table(sink: string): SimulatedCassandra {
    const table = this.#tables.get(sink) ?? new SimulatedCassandra(() => this.#trouble() !== null);
    this.#tables.set(sink, table);
    return table;
  }

  #trouble(): Trouble | null {
    const { faults, random, clock } = this.#options;
    if (faults.isHealed || !faults.has('sink')) return null;
    if (clock.monotonic() < this.#downUntil) return { status: 503, retryAfterMs: undefined, effect: 'none' };
    if (!random.chance(0.05)) return null;
    faults.count('sink');
    return random.pick<Trouble>([
      { status: 429, retryAfterMs: 1_000, effect: 'none' },
      { status: 500, retryAfterMs: undefined, effect: 'none' },
      { status: 500, retryAfterMs: undefined, effect: 'applied' },
    ]);
  }

  /** Redis goes back by its last second; servers go down for a while. */
  async disturb(): Promise<void> {
    const { clock, random, faults, trace } = this.#options;
    while (!faults.isHealed) {
      await clock.sleep(500 + random.next() * 4_000);
      if (faults.isHealed) return;
      if (random.chance(0.5)) {
        if (!faults.has('sink-loss') || !this.#redis.loseSince(clock.monotonic() - random.next() * MOST_LOST_MS)) continue;
        faults.count('sink-loss');
        trace.add('redis has lost its last writes');
      } else if (faults.has('sink')) {
        faults.count('sink');
        trace.add('servers are down');
        this.#downUntil = clock.monotonic() + random.next() * LONGEST_DOWN_MS;
      }
    }
  }

  /** What a sink should make of a record, as text. Throws when it should refuse it. */
  render(node: SinkNode, write: Omit<ExpectedWrite, 'text'>): string {
    const sink = node.sink as OutsideSink;
    switch (sink.kind) {
      case 'redis': return redisText(sink, write, write.sequence);
      case 'http': return httpRequest(sink, write).body;
      case 'bigquery': return warehouseRow(sink, write).text;
      case 'cassandra': return cassandraWrite(sink, write).text;
    }
  }

  /** What a sink has of one task's writes against what it should have. */
  differences(stage: StagePlan, places: readonly TopicPartition[], writes: readonly ExpectedWrite[]): readonly string[] {
    const { name, sink } = stage.sink!;
    switch (sink.kind) {
      case 'redis': return places.flatMap((place) => this.#redisDifferences(name, place, writes));
      case 'http': return this.#httpDifferences(name, sink, writes);
      case 'bigquery': return this.#warehouseDifferences(name, sink, writes);
      case 'cassandra': return this.#tableDifferences(name, sink, writes);
      case 'kafka': return [];
    }
  }

  #redisDifferences(sink: string, { topic, partition }: TopicPartition, writes: readonly ExpectedWrite[]): readonly string[] {
    const wanted = writes.filter((write) => write.topic === topic && write.partition === partition).map(({ text }) => text);
    const there = this.#redis.applied(fenceKey(this.#options.app, sink, topic, partition));
    const at = Array.from({ length: Math.max(wanted.length, there.length) }).findIndex((_, i) => wanted[i] !== there[i]);
    if (at === -1) return [];
    return [`of ${topic}[${partition}] Redis has applied ${there.length} commands instead of ${wanted.length}; the first that differs is '${there[at] ?? 'none'}' instead of '${wanted[at] ?? 'none'}'`];
  }

  #httpDifferences(name: string, sink: HttpSink, writes: readonly ExpectedWrite[]): readonly string[] {
    const { accepted } = this.#server(name);
    const expected = this.#expected.get(name) ?? new Set<string>();
    this.#expected.set(name, expected);
    const last = new Map<string, number>();
    for (const write of writes) {
      const { idempotencyKey, order } = httpRequest(sink, write);
      const there = accepted.get(idempotencyKey);
      if (expected.has(idempotencyKey)) continue;
      expected.add(idempotencyKey);
      if (there?.body !== write.text) return [`the server has ${there?.body ?? 'nothing'} for ${idempotencyKey}, it should have ${write.text}`];
      if (order === null) continue;
      if ((last.get(order) ?? -1) > there.at) return [`the server took ${idempotencyKey} before one that comes before it (order ${order})`];
      last.set(order, there.at);
    }
    return [];
  }

  #warehouseDifferences(name: string, sink: BigQuerySink, writes: readonly ExpectedWrite[]): readonly string[] {
    const { rows } = this.#warehouse(name);
    const expected = this.#expected.get(name) ?? new Set<string>();
    this.#expected.set(name, expected);
    for (const write of writes) {
      const { id, text } = warehouseRow(sink, write);
      expected.add(id);
      if (rows.get(id) !== text) return [`the warehouse has ${rows.get(id) ?? 'nothing'} for ${id}, it should have ${text}`];
    }
    return [];
  }

  #tableDifferences(name: string, sink: CassandraSink, writes: readonly ExpectedWrite[]): readonly string[] {
    const table = this.#table(name);
    const expected = this.#expected.get(name) ?? new Set<string>();
    this.#expected.set(name, expected);
    const rows = writes.map((write) => cassandraWrite(sink, write));
    for (const { id } of rows) expected.add(id);
    return rows.map((row) => table.difference(row)).filter((difference) => difference !== null).slice(0, 1);
  }

  /** What sinks have that no task should have given them; after all tasks were looked at. */
  surplus(): readonly string[] {
    const stores = [...[...this.#servers].map(([name, { accepted }]) => [name, accepted.keys()] as const), ...[...this.#warehouses, ...this.#tables].map(([name, { rows }]) => [name, rows.keys()] as const)];
    return stores.flatMap(([name, ids]) => [...ids].filter((id) => !this.#expected.get(name)?.has(id)).slice(0, 1).map((id) => `sink ${name} has ${id}, which no input leads to`));
  }
}

