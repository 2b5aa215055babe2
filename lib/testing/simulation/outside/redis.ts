import { Buffer } from 'node:buffer';
import type { RedisSink } from '../../../../topology/sinks.ts';
import type { Clock } from '../../../core/clock.ts';
import { StopError } from '../../../core/errors.ts';
import type { Network } from '../../../kafka/memory/index.ts';
import type { SinkContext, SinkDriver, SinkRecord } from '../../../sinks/contract.ts';
import { encodeCommand, type Argument } from '../../../sinks/redis/commands.ts';
import { fenceKey } from '../../../sinks/redis/driver.ts';
import { claimScript, writeScript } from '../../../sinks/redis/scripts.ts';
import { claim, type RedisCalls } from '../../../sinks/redis/writer.ts';

interface Fence {
  generation: number;
  producerId: number;
  epoch: number;
  offset: number;
}

/** How it was before a script: what a Redis that loses its last writes goes back to. */
interface Undo {
  readonly at: number;
  readonly key: string;
  readonly fence: Fence | undefined;
  readonly applied: number;
}

/** Arguments that each kind of command has behind its key. */
const argumentCount = (kind: string, args: readonly string[], at: number): number => {
  switch (kind) {
    case 'hash': return 2 + Number(args[at]) + Number(args[at + 1]);
    case 'sortedSet': return 3;
    case 'increment': return 1 + Number(args[at]);
    case 'stream': return 2 + Number(args[at + 1]);
    default: throw new StopError(`no Redis command is a '${kind}'`);
  }
};

/**
 * Redis as far as sinks see it: the two scripts of the real writer, by the same rules, over fences in memory. In place of
 * data it keeps what was applied for each fence, in order.
 */
export class SimulatedRedis {
  readonly #clock: Clock;
  readonly #rules: 'kept' | 'ignored';
  readonly #fences = new Map<string, Fence>();
  readonly #applied = new Map<string, string[]>();
  readonly #undo: Undo[] = [];

  /** `rules: 'ignored'` lets every writer write everything: for the tests of the simulation. */
  constructor(clock: Clock, rules: 'kept' | 'ignored') {
    this.#clock = clock;
    this.#rules = rules;
  }

  evaluate(sha: string, keys: readonly string[], args: readonly string[]): readonly unknown[] {
    if (sha === claimScript.sha) return this.#claim(keys, args);
    if (sha === writeScript.sha) return this.#write(keys, args);
    throw new StopError('Redis is asked for a script that the simulation does not know');
  }

  #isNewer(fence: Fence, producerId: number, epoch: number): boolean {
    return this.#rules === 'kept' && (fence.producerId > producerId || (fence.producerId === producerId && fence.epoch > epoch));
  }

  #claim(keys: readonly string[], args: readonly string[]): readonly unknown[] {
    const [producerId, epoch] = [Number(args[0]), Number(args[1])];
    const newer = keys.find((key) => this.#fences.has(key) && this.#isNewer(this.#fences.get(key)!, producerId, epoch));
    if (newer !== undefined) return ['FENCED', newer];
    const reply: unknown[] = ['OK'];
    keys.forEach((key, i) => {
      const known = this.#fences.get(key) ?? { generation: 1, offset: -1 };
      const isGone = known.offset >= Number(args[2 + i]);
      const fence = { generation: known.generation + (isGone ? 1 : 0), offset: isGone ? -1 : known.offset, producerId, epoch };
      this.#set(key, fence);
      reply.push(fence.generation, fence.offset);
    });
    return reply;
  }

  #write(keys: readonly string[], args: readonly string[]): readonly unknown[] {
    const [parts, producerId, epoch] = [Number(args[0]), Number(args[1]), Number(args[2])];
    const reached: number[] = [];
    for (let i = 0; i < parts; i += 1) {
      const fence = this.#fences.get(keys[i]!);
      const generation = Number(args[3 + 4 * i]);
      if (this.#rules === 'kept') {
        if (fence !== undefined && (fence.generation > generation || (fence.generation === generation && this.#isNewer(fence, producerId, epoch)))) return ['FENCED', keys[i]];
        if (fence === undefined || fence.generation < generation || fence.offset < Number(args[4 + 4 * i])) return ['LOST', keys[i]];
      }
      reached.push(this.#rules === 'kept' ? fence!.offset : -1);
    }
    for (let i = 0; i < parts; i += 1) {
      const fence = this.#fences.get(keys[i]!) ?? { generation: 1, offset: -1 };
      this.#set(keys[i]!, { ...fence, producerId, epoch });
    }
    let at = 3 + 4 * parts;
    for (let k = 2 * parts; at < args.length; k += 1) {
      const fence = Number(args[at]) - 1;
      const [offset, sequence, , kind] = args.slice(at + 1, at + 5) as [string, string, string, string];
      const count = argumentCount(kind, args, at + 5);
      if (Number(offset) > reached[fence]!) this.#appliedFor(keys[fence]!).push(commandText(offset, sequence, keys[k]!, args.slice(at + 3, at + 5 + count)));
      at += 5 + count;
    }
    for (let i = 0; i < parts; i += 1) {
      const advance = Number(args[5 + 4 * i]);
      if (advance > reached[i]!) this.#fences.get(keys[i]!)!.offset = advance;
    }
    return ['OK'];
  }

  #set(key: string, fence: Fence): void {
    const known = this.#fences.get(key);
    this.#undo.push({ at: this.#clock.monotonic(), key, fence: known === undefined ? undefined : { ...known }, applied: this.#appliedFor(key).length });
    this.#fences.set(key, fence);
  }

  #appliedFor(key: string): string[] {
    let applied = this.#applied.get(key);
    if (applied === undefined) this.#applied.set(key, (applied = []));
    return applied;
  }

  /** A crash that takes the last writes with it. Tells whether there were any. */
  loseSince(monotonicMs: number): boolean {
    const kept = this.#undo.length;
    for (let undo = this.#undo.at(-1); undo !== undefined && undo.at >= monotonicMs; undo = this.#undo.at(-1)) {
      this.#undo.pop();
      if (undo.fence === undefined) this.#fences.delete(undo.key);
      else this.#fences.set(undo.key, undo.fence);
      this.#appliedFor(undo.key).length = undo.applied;
    }
    return this.#undo.length < kept;
  }

  /** What was applied for a fence, in order. */
  applied(key: string): readonly string[] {
    return this.#applied.get(key) ?? [];
  }
}

const commandText = (offset: string, sequence: string, key: string, rest: readonly string[]): string => `${offset}/${sequence} ${key} ${rest.join(' ')}`;

const textOf = (argument: Argument): string => (typeof argument === 'string' ? argument : argument.toString('latin1'));

/** A record's command as `SimulatedRedis` keeps it. Throws what the sink's callbacks throw. */
export const redisText = (sink: RedisSink, record: SinkRecord, sequence: number): string => {
  const command = sink.command(record.value as never, record as never);
  const args: Argument[] = [];
  encodeCommand(command, args);
  return commandText(String(record.offset), String(sequence), command.key, args.map(textOf));
};

/** A driver over a simulated Redis and network: all but the connection is the real one. */
export const redisDriver = (sink: RedisSink, context: SinkContext, redis: SimulatedRedis, network: Network): SinkDriver => {
  const client = {
    call: (_command: string, [sha, count, ...rest]: readonly Argument[]) => {
      const texts = rest.map((argument) => (Buffer.isBuffer(argument) ? argument.toString('latin1') : argument));
      const keys = Number(count);
      return network.call('sink redis', () => redis.evaluate(textOf(sha!), texts.slice(0, keys), texts.slice(keys)), context.timeoutMs);
    },
  } as unknown as RedisCalls;
  return {
    keepsPositions: true,
    open: () => network.call('sink redis', () => undefined),
    writer: (task) => claim(client, sink, { task, script: writeScript, keyOf: (topic, partition) => fenceKey(context.app, context.sink, topic, partition) }),
    health: () => network.call('sink redis', () => undefined),
    close: () => Promise.resolve(),
  };
};
