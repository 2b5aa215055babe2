import { MillraceError, RetryError, StopError, messageOf, type Where } from '../../core/errors.ts';
import type { Membership, OutputBatch, Position, ProducerOwner, TransactionalProducer } from '../port.ts';
import { EncodedOutput, type Capacities, type EncodedBatch, type PartitionOutput } from './batch-encoder.ts';
import type { Connections } from './connections.ts';
import { askCoordinator } from './patience.ts';
import { produce, type ProducedBatch } from './produce.ts';
import { leadershipMoved, MESSAGE_TOO_LARGE, NONE, OPERATION_NOT_ATTEMPTED, protocolError } from './protocol-errors.ts';
import {
  addOffsetsToTxn,
  addPartitionsToTxn,
  endTxn,
  firstError,
  initProducerId,
  txnOffsetCommit,
  type PartitionError,
  type TransactionOwner,
} from './requests.ts';

export interface ProducerSettings {
  readonly transactionalId: string;
  readonly transactionTimeoutMs: number;
  /** No record batch passes it, except one that holds a single larger record. */
  readonly maxBatchBytes: number;
  /** How long a busy, loading or moving coordinator is asked again. */
  readonly coordinatorWaitMs: number;
}

/** Produce requests that one leader may have unanswered; within one connection they stay in order. */
const REQUESTS_IN_FLIGHT = 3;
/** A request holds at most this many batches' worth of bytes. */
const BATCHES_PER_REQUEST = 8;
const SEQUENCE_MODULUS = 2 ** 31;

const NO_MEMBER: Membership = { memberId: '', generation: -1 };

const whereOf = (entry: PartitionError | undefined): Where => (entry === undefined ? {} : { topic: entry.topic, partition: entry.partition });

/** One transactional id's owner. Any rejected call leaves it dead, since what the broker did is then unknown. */
export class Transactions implements TransactionalProducer {
  readonly transactionalId: string;
  readonly #connections: Connections;
  readonly #settings: ProducerSettings;
  #owner: TransactionOwner | undefined;
  #under: string | undefined;
  #death: MillraceError | undefined;
  #closed = false;
  /** Partitions and groups of the open transaction. */
  readonly #partitions = new Set<string>();
  readonly #groups = new Set<string>();
  /** The next sequence number by partition; they start at 0 with every `init`. */
  readonly #sequences = new Map<string, number>();
  readonly #capacities: Capacities = new Map();

  constructor(connections: Connections, settings: ProducerSettings) {
    this.#connections = connections;
    this.#settings = settings;
    this.transactionalId = settings.transactionalId;
  }

  init(): Promise<ProducerOwner> {
    return this.#alone('init', async () => {
      const { transactionalId, transactionTimeoutMs } = this.#settings;
      const { producerId, epoch } = await this.#ask(initProducerId(transactionalId, transactionTimeoutMs), (answer) => answer.error);
      this.#owner = { transactionalId, producerId, epoch };
      this.#sequences.clear();
      this.#forget();
      return { producerId, epoch };
    });
  }

  batch(): OutputBatch {
    return new EncodedOutput(this.#settings.maxBatchBytes, this.#capacities);
  }

  send(batch: OutputBatch): Promise<void> {
    return this.#alone('send', async () => {
      if (!(batch instanceof EncodedOutput)) throw new StopError('send takes a batch that this producer made');
      batch.seal();
      const outputs = [...batch.partitions()];
      if (outputs.length === 0) return;
      await this.#add(outputs);
      const byLeader = await this.#connections.byLeader(outputs);
      await Promise.all([...byLeader].map(([nodeId, group]) => this.#produce(nodeId, group)));
    });
  }

  sendOffsets(groupId: string, positions: readonly Position[], member: Membership = NO_MEMBER): Promise<void> {
    return this.#alone('sendOffsets', async () => {
      if (positions.length === 0) return;
      const owner = this.#ready();
      if (!this.#groups.has(groupId)) {
        await this.#ask(addOffsetsToTxn(owner, groupId), (error) => error);
        this.#groups.add(groupId);
      }
      const call = txnOffsetCommit(owner, groupId, member, positions);
      await askCoordinator(this.#connections, this.#connections.settings.clock, this.#settings.coordinatorWaitMs, {
        kind: 'group',
        key: groupId,
        call,
        errorOf: (answer) => firstError(answer, OPERATION_NOT_ATTEMPTED)?.error ?? NONE,
        failure: (error, answer) => protocolError(error, `${call.name} of ${this.transactionalId}`, whereOf(firstError(answer, OPERATION_NOT_ATTEMPTED))),
      });
    });
  }

  commit(): Promise<void> {
    return this.#end('commit');
  }

  abort(): Promise<void> {
    return this.#end('abort');
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  #end(outcome: 'commit' | 'abort'): Promise<void> {
    return this.#alone(outcome, async () => {
      const owner = this.#ready();
      if (this.#partitions.size === 0 && this.#groups.size === 0) return;
      await this.#ask(endTxn(owner, outcome), (error) => error);
      this.#forget();
    });
  }

  #forget(): void {
    this.#partitions.clear();
    this.#groups.clear();
  }

  async #add(outputs: readonly PartitionOutput[]): Promise<void> {
    const missing = outputs.filter((output) => !this.#partitions.has(keyOf(output)));
    if (missing.length === 0) return;
    const failed = (answer: readonly PartitionError[]) => firstError(answer, OPERATION_NOT_ATTEMPTED);
    await this.#ask(addPartitionsToTxn(this.#ready(), missing), (answer) => failed(answer)?.error ?? NONE, failed);
    for (const output of missing) this.#partitions.add(keyOf(output));
  }

  /** Requests in order, a few of them unanswered at a time; each holds one batch per partition at most. */
  async #produce(nodeId: number, outputs: readonly PartitionOutput[]): Promise<void> {
    const broker = await this.#connections.broker(nodeId);
    const inFlight: Promise<void>[] = [];
    for (const batches of this.#requests(outputs)) {
      if (inFlight.length >= REQUESTS_IN_FLIGHT) await inFlight.shift();
      const sent = broker
        .send(produce(this.transactionalId, batches, this.#connections.settings.requestTimeoutMs))
        .then((results) => this.#check(results, batches));
      sent.catch(() => undefined);
      inFlight.push(sent);
    }
    await Promise.all(inFlight);
  }

  *#requests(outputs: readonly PartitionOutput[]): Generator<readonly ProducedBatch[]> {
    const limit = this.#settings.maxBatchBytes * BATCHES_PER_REQUEST;
    const left = outputs.map((output) => ({ output, batches: output.batches(), next: 0 }));
    let waiting = left;
    while (waiting.length > 0) {
      const request: ProducedBatch[] = [];
      let size = 0;
      for (const entry of waiting) {
        const batch = entry.batches[entry.next]!;
        if (size > 0 && size + batch.end - batch.start > limit) break;
        size += batch.end - batch.start;
        entry.next += 1;
        request.push(this.#stamped(entry.output, batch));
      }
      const rest = waiting.filter((entry) => entry.next < entry.batches.length);
      const [first] = rest;
      waiting = first === undefined ? [] : rest.toSorted((a, b) => a.next - b.next);
      yield request;
    }
  }

  #stamped(output: PartitionOutput, batch: EncodedBatch): ProducedBatch {
    const key = keyOf(output);
    const sequence = this.#sequences.get(key) ?? 0;
    this.#sequences.set(key, (sequence + batch.count) % SEQUENCE_MODULUS);
    return { topic: output.topic, partition: output.partition, bytes: output.stamp(batch, this.#ready(), sequence), count: batch.count };
  }

  #check(results: readonly { topic: string; partition: number; error: number; message: string | null }[], batches: readonly ProducedBatch[]): void {
    const failed = results.find((result) => result.error !== NONE);
    if (failed === undefined) return;
    const { topic, partition, error, message } = failed;
    if (leadershipMoved(error)) this.#connections.forgetLeaders([topic]);
    const batch = batches.find((sent) => sent.topic === topic && sent.partition === partition);
    const detail =
      error === MESSAGE_TOO_LARGE && batch !== undefined ? `${batch.bytes.length} bytes in a batch of ${batch.count === 1 ? 'one record' : `${batch.count} records`}` : message;
    throw protocolError(error, `Producing as ${this.transactionalId}`, { topic, partition }, detail);
  }

  #ask<T>(call: Parameters<typeof askCoordinator<T>>[3]['call'], errorOf: (answer: T) => number, failed?: (answer: T) => PartitionError | undefined): Promise<T> {
    return askCoordinator(this.#connections, this.#connections.settings.clock, this.#settings.coordinatorWaitMs, {
      kind: 'transaction',
      key: this.transactionalId,
      call,
      errorOf,
      failure: (error, answer) => protocolError(error, `${call.name} of ${this.transactionalId}`, whereOf(failed?.(answer))),
    });
  }

  #ready(): TransactionOwner {
    if (this.#owner === undefined) throw new StopError(`Producer ${this.transactionalId} was used before init`);
    return this.#owner;
  }

  /** One call at a time, none after a failed one. */
  async #alone<T>(name: string, act: () => Promise<T>): Promise<T> {
    if (this.#death !== undefined) throw this.#death;
    if (this.#closed) throw new StopError(`${name} was called on the closed producer ${this.transactionalId}`);
    if (this.#under !== undefined) throw new StopError(`${name} was called while ${this.#under} of producer ${this.transactionalId} is under way`);
    if (name !== 'init') this.#ready();
    this.#under = name;
    try {
      return await act();
    } catch (thrown) {
      this.#death = thrown instanceof MillraceError ? thrown : new RetryError(`${name} of producer ${this.transactionalId}: ${messageOf(thrown)}`, { cause: thrown });
      throw this.#death;
    } finally {
      this.#under = undefined;
    }
  }
}

const keyOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic}/${partition}`;
