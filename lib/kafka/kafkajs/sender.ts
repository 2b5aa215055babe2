import { StopError } from '../../core/errors.ts';
import { protocolError, leadershipMoved, MESSAGE_TOO_LARGE, NONE } from './protocol-errors.ts';
import { EncodedOutput, type BatchOwner, type Capacities, type EncodedBatch, type PartitionOutput } from './batch-encoder.ts';
import type { OutputBatch, Sent } from '../port.ts';
import type { Connections } from './connections.ts';
import { produce, type ProducedBatch, type ProduceResult } from './produce.ts';

export interface SenderSettings {
  /** Names the producer in errors. */
  readonly name: string;
  /** As requests carry it: null where records are in no transaction. */
  readonly transactionalId: string | null;
  /** Attributes of every record batch. */
  readonly attributes: number;
  /** No record batch passes it, except one that holds a single larger record. */
  readonly maxBatchBytes: number;
  readonly maxMessageBytes: ReadonlyMap<string, number> | undefined;
}

/** Produce requests that one leader may have unanswered; within one connection they stay in order. */
const REQUESTS_IN_FLIGHT = 3;
/** A request holds at most this many batches' worth of bytes. */
const BATCHES_PER_REQUEST = 8;
const SEQUENCE_MODULUS = 2 ** 31;

export const keyOf = ({ topic, partition }: { readonly topic: string; readonly partition: number }): string => `${topic}/${partition}`;

/** Sends encoded records to their leaders, numbered so that brokers drop what they have and refuse what leaves a gap. */
export class RecordSender {
  readonly #connections: Connections;
  readonly #settings: SenderSettings;
  /** The next sequence number by partition; they start at 0 with every owner. */
  readonly #sequences = new Map<string, number>();
  readonly #capacities: Capacities = new Map();

  constructor(connections: Connections, settings: SenderSettings) {
    this.#connections = connections;
    this.#settings = settings;
  }

  batch(): EncodedOutput {
    return new EncodedOutput(this.#settings.maxBatchBytes, this.#capacities, this.#settings.maxMessageBytes);
  }

  /** Closes a batch: what of it is to be sent. Throws `StopError` for a batch of somebody else's. */
  sealed(batch: OutputBatch): readonly PartitionOutput[] {
    if (!(batch instanceof EncodedOutput)) throw new StopError('send takes a batch that this producer made');
    batch.seal();
    return [...batch.partitions()];
  }

  /** A new owner begins. */
  begin(): void {
    this.#sequences.clear();
  }

  /** Resolves when the in-sync replicas of every partition have everything, with where it went. */
  async send(outputs: readonly PartitionOutput[], owner: BatchOwner): Promise<readonly Sent[]> {
    const byLeader = await this.#connections.byLeader(outputs);
    const sent = new Map<string, Sent>();
    await Promise.all([...byLeader].map(([nodeId, group]) => this.#produce(nodeId, group, owner, sent)));
    return [...sent.values()];
  }

  /** Requests in order, a few of them unanswered at a time; each holds one batch per partition at most. */
  async #produce(nodeId: number, outputs: readonly PartitionOutput[], owner: BatchOwner, places: Map<string, Sent>): Promise<void> {
    const broker = await this.#connections.broker(nodeId);
    const inFlight: Promise<void>[] = [];
    for (const batches of this.#requests(outputs, owner)) {
      if (inFlight.length >= REQUESTS_IN_FLIGHT) await inFlight.shift();
      const sent = broker
        .send(produce(this.#settings.transactionalId, batches, this.#connections.settings.requestTimeoutMs))
        .then((results) => {
          this.#check(results, batches);
          for (const result of results) note(places, result, batches, this.#settings.transactionalId !== null);
        });
      sent.catch(() => undefined);
      inFlight.push(sent);
    }
    await Promise.all(inFlight);
  }

  *#requests(outputs: readonly PartitionOutput[], owner: BatchOwner): Generator<readonly ProducedBatch[]> {
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
        request.push(this.#stamped(entry.output, batch, owner));
      }
      const rest = waiting.filter((entry) => entry.next < entry.batches.length);
      const [first] = rest;
      waiting = first === undefined ? [] : rest.toSorted((a, b) => a.next - b.next);
      yield request;
    }
  }

  #stamped(output: PartitionOutput, batch: EncodedBatch, owner: BatchOwner): ProducedBatch {
    const key = keyOf(output);
    const sequence = this.#sequences.get(key) ?? 0;
    this.#sequences.set(key, (sequence + batch.count) % SEQUENCE_MODULUS);
    return { topic: output.topic, partition: output.partition, bytes: output.stamp(batch, owner, sequence, this.#settings.attributes), count: batch.count };
  }

  #check(results: readonly ProduceResult[], batches: readonly ProducedBatch[]): void {
    const failed = results.find((result) => result.error !== NONE);
    if (failed === undefined) return;
    const { topic, partition, error, message } = failed;
    if (leadershipMoved(error)) this.#connections.forgetLeaders([topic]);
    const batch = batches.find((sent) => sent.topic === topic && sent.partition === partition);
    const detail =
      error === MESSAGE_TOO_LARGE && batch !== undefined ? `${batch.bytes.length} bytes in a batch of ${batch.count === 1 ? 'one record' : `${batch.count} records`}` : message;
    throw protocolError(error, `Producing as ${this.#settings.name}`, { topic, partition }, detail);
  }
}

const note = (places: Map<string, Sent>, { topic, partition, baseOffset }: ProduceResult, batches: readonly ProducedBatch[], marked: boolean): void => {
  const key = keyOf({ topic, partition });
  const { count } = batches.find((batch) => batch.topic === topic && batch.partition === partition)!;
  const before = places.get(key);
  places.set(key, { topic, partition, firstOffset: before?.firstOffset ?? baseOffset, offset: baseOffset + count, marked });
};
