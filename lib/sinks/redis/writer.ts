import type { Redis } from 'ioredis';
import { DeadLetterError, RejoinError, RetryError, StopError } from '../../core/errors.ts';
import type { RedisSink } from '../../../topology/sinks.ts';
import type { SinkRecord, SinkTask, SinkWriter, WriteResult } from '../contract.ts';
import { Outcome, refusalOf, stopped, untilAborted } from '../outcome.ts';
import { encodeCommand, type Argument } from './commands.ts';
import { redisError } from './errors.ts';
import { claimScript, type Script } from './scripts.ts';

/** One script call holds Redis up: it is cut at so many commands or so many characters. */
const CALL_COMMANDS = 1_000;
const CALL_CHARACTERS = 1_048_576;

interface Fence {
  readonly key: string;
  generation: number;
  /** Last offset that Redis has confirmed to this writer; -1: none. */
  confirmed: number;
  /** Offset below which nothing comes again; null once Redis knows it. */
  forgetBelow: number | null;
  written: boolean;
}

/** One script call: the commands of whole offsets. */
interface Call {
  readonly commandKeys: string[];
  readonly args: Argument[];
  /** Index in the batch of each command. */
  readonly indexes: number[];
  /** Where each fence stands after this call. */
  readonly advance: number[];
  characters: number;
}

/** What is used of a Redis client. */
export type RedisCalls = Pick<Redis, 'call'>;

export const runScript = async (client: RedisCalls, script: Script, keys: readonly string[], args: readonly Argument[]): Promise<unknown> => {
  const rest = [String(keys.length), ...keys, ...args];
  try {
    return await client.call('EVALSHA', [script.sha, ...rest]);
  } catch (thrown) {
    if (!(thrown instanceof Error) || !thrown.message.startsWith('NOSCRIPT')) throw thrown;
    return await client.call('EVAL', [script.lua, ...rest]);
  }
};

/** Of each fence, by the claim script. */
interface Claimed {
  readonly generation: number;
  readonly offset: number;
}

/** Takes fences over from any older owner; those that lie beyond their log's end begin a new generation. */
const take = async (client: RedisCalls, { owner }: SinkTask, keys: readonly string[], endOffsets: readonly number[]): Promise<readonly Claimed[]> => {
  const args = [String(owner.producerId), String(owner.epoch), ...endOffsets.map(String)];
  let reply: readonly unknown[];
  try {
    reply = await runScript(client, claimScript, keys, args) as unknown[];
  } catch (thrown) {
    throw redisError(thrown, 'the claim of a fence');
  }
  if (reply[0] === 'FENCED') {
    throw new RejoinError(`Redis knows a newer owner of this task, at ${String(reply[1])}`, {
      hint: 'If Kafka was rebuilt while Redis kept its data, delete that key',
    });
  }
  return keys.map((_, i) => ({ generation: Number(reply[1 + 2 * i]), offset: Number(reply[2 + 2 * i]) }));
};

export interface ClaimOptions {
  readonly task: SinkTask;
  /** How batches are written. */
  readonly script: Script;
  readonly keyOf: (topic: string, partition: number) => string;
}

/** Takes the task's fences over from any older owner. */
export const claim = async (client: RedisCalls, sink: RedisSink, { task, script, keyOf }: ClaimOptions): Promise<RedisWriter> => {
  const keys = task.partitions.map(({ topic, partition }) => keyOf(topic, partition));
  const claimed = await take(client, task, keys, keys.map(() => Number.MAX_SAFE_INTEGER));
  const fences = claimed.map(({ generation, offset }, i): Fence => ({ key: keys[i]!, generation, confirmed: offset, forgetBelow: null, written: false }));
  return new RedisWriter(client, sink, { task, script, fences });
};

export class RedisWriter implements SinkWriter {
  readonly #client: RedisCalls;
  readonly #sink: RedisSink;
  readonly #task: SinkTask;
  readonly #script: Script;
  readonly #fences: readonly Fence[];

  constructor(client: RedisCalls, sink: RedisSink, { task, script, fences }: { readonly task: SinkTask; readonly script: Script; readonly fences: readonly Fence[] }) {
    this.#client = client;
    this.#sink = sink;
    this.#task = task;
    this.#script = script;
    this.#fences = fences;
  }

  /** A partition of which Redis has nothing starts at 0: what a wiped Redis has lost comes back. */
  async positions(endOffsets: readonly number[]): Promise<readonly number[]> {
    if (this.#fences.some(({ confirmed }, i) => confirmed >= endOffsets[i]!)) {
      const claimed = await take(this.#client, this.#task, this.#fences.map(({ key }) => key), endOffsets);
      this.#fences.forEach((fence, i) => {
        fence.generation = claimed[i]!.generation;
        fence.confirmed = claimed[i]!.offset;
      });
    }
    return this.#fences.map((fence) => fence.confirmed + 1);
  }

  async write(batch: readonly SinkRecord[], signal: AbortSignal): Promise<WriteResult> {
    const outcome = new Outcome();
    let at = 0;
    while (at < batch.length) {
      const from = at;
      if (signal.aborted) {
        for (let i = at; i < batch.length; i += 1) outcome.retry(i, stopped());
        break;
      }
      const { call, next, refused } = this.#encode(batch, from);
      at = next;
      try {
        await this.#send(call, signal, outcome);
      } catch (thrown) {
        if (!signal.aborted || !(thrown instanceof RetryError)) throw thrown;
        for (let i = from; i < batch.length; i += 1) outcome.retry(i, stopped());
        break;
      }
      for (const [index, error] of refused) outcome.refuse(index, error, 'writer');
    }
    return outcome.result();
  }

  /** A call without commands: the script looks at the fences all the same. */
  async verify(signal: AbortSignal): Promise<void> {
    const call: Call = { commandKeys: [], args: [], indexes: [], advance: this.#fences.map((fence) => fence.confirmed), characters: 0 };
    await this.#send(call, signal, new Outcome());
  }

  async close(): Promise<void> {
    return Promise.resolve();
  }

  /** Takes whole offsets from the batch until a call is full. A record whose callback throws has no command, but the fence passes it. */
  #encode(batch: readonly SinkRecord[], from: number): { readonly call: Call; readonly next: number; readonly refused: readonly (readonly [number, DeadLetterError])[] } {
    const call: Call = { commandKeys: [], args: [], indexes: [], advance: this.#fences.map((fence) => fence.confirmed), characters: 0 };
    const refused: (readonly [number, DeadLetterError])[] = [];
    let last = { fence: -1, offset: -1, sequence: 0 };
    let i = from;
    for (; i < batch.length; i += 1) {
      const record = batch[i]!;
      const fence = this.#fenceOf(record);
      const sameOffset = last.fence === fence && last.offset === record.offset;
      if (!sameOffset && (call.indexes.length >= CALL_COMMANDS || call.characters >= CALL_CHARACTERS)) break;
      last = { fence, offset: record.offset, sequence: sameOffset ? last.sequence + 1 : 0 };
      const error = this.#append(call, record, i, last);
      if (error !== null) refused.push([i, error]);
      call.advance[fence] = Math.max(call.advance[fence]!, record.offset);
      const state = this.#fences[fence]!;
      if (!state.written && state.forgetBelow === null) state.forgetBelow = record.offset;
    }
    return { call, next: i, refused };
  }

  #append(call: Call, record: SinkRecord, index: number, at: { readonly fence: number; readonly offset: number; readonly sequence: number }): DeadLetterError | null {
    const before = call.args.length;
    try {
      const command = this.#sink.command(record.value as never, record as never);
      call.args.push(String(at.fence + 1), String(at.offset), String(at.sequence));
      encodeCommand(command, call.args);
      call.commandKeys.push(command.key);
      call.characters += command.key.length;
    } catch (thrown) {
      call.args.length = before;
      return refusalOf(thrown, 'key, member, score or fields');
    }
    call.indexes.push(index);
    for (let a = before; a < call.args.length; a += 1) call.characters += call.args[a]!.length;
    return null;
  }

  async #send(call: Call, signal: AbortSignal, outcome: Outcome): Promise<void> {
    const { producerId, epoch } = this.#task.owner;
    const keys = [...this.#fences.map((fence) => fence.key), ...this.#fences.map((fence) => `${fence.key}:refused`), ...call.commandKeys];
    const args: Argument[] = [String(this.#fences.length), String(producerId), String(epoch)];
    this.#fences.forEach((fence, i) => {
      args.push(String(fence.generation), String(fence.confirmed), String(call.advance[i]), fence.forgetBelow === null ? '' : String(fence.forgetBelow));
    });
    for (const arg of call.args) args.push(arg);
    let reply: readonly unknown[];
    try {
      reply = await untilAborted(runScript(this.#client, this.#script, keys, args), signal) as unknown[];
    } catch (thrown) {
      throw thrown instanceof RetryError ? thrown : redisError(thrown, 'a write');
    }
    if (reply[0] === 'UNMARKED') throw new StopError('Redis has no mark of this backfill any more: what live traffic has written since is not known', { hint: 'Discard the backfill, and start it anew' });
    if (reply[0] === 'FENCED') throw new RejoinError(`A newer owner writes for this task: ${String(reply[1])}`);
    if (reply[0] === 'LOST') {
      throw new RejoinError(`Redis has lost writes that it had confirmed, at ${String(reply[1])}`, { hint: 'The task opens again at the position that Redis has' });
    }
    this.#fences.forEach((fence, i) => {
      fence.confirmed = call.advance[i]!;
      if (fence.forgetBelow !== null) {
        fence.forgetBelow = null;
        fence.written = true;
      }
    });
    for (let r = 1; r < reply.length; r += 2) {
      outcome.refuse(call.indexes[Number(reply[r]) - 1]!, new DeadLetterError(`Redis refuses this record: ${String(reply[r + 1])}`), 'system');
    }
  }

  #fenceOf(record: SinkRecord): number {
    const index = this.#task.partitions.findIndex(({ topic, partition }) => topic === record.topic && partition === record.partition);
    if (index === -1) throw new StopError('A record of a partition that is not the task\'s', { where: { topic: record.topic, partition: record.partition, offset: record.offset } });
    return index;
  }
}
