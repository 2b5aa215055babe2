import { MillraceError, StopError, messageOf } from '../../core/errors.ts';
import { RateLimitedLog } from '../../core/logger.ts';
import { OffsetOutOfRangeError } from '../errors.ts';
import type { BatchReader, FetchedBatch, FetchLimits, Isolation, Position, TopicPartition } from '../port.ts';
import { RecordColumns } from './batch-decoder.ts';
import type { Connections } from './connections.ts';
import { fetchRecords, type FetchAnswer, type FetchedPartition } from './fetch.ts';
import { offsetsAt } from './offsets.ts';
import { leadershipMoved, NONE, OFFSET_OUT_OF_RANGE, protocolError } from './protocol-errors.ts';
import { EARLIEST, LATEST } from './requests.ts';

/** How long a partition that answered with an error is left out while others deliver. */
const FAULT_PAUSE_MS = 200;

/** One leader's part of a round. */
interface LeaderRound {
  readonly batches: readonly FetchedBatch[];
  /** The offset each batch was asked from: the caller may have moved on since. */
  readonly asked: ReadonlyMap<string, number>;
  readonly outOfRange: readonly Position[];
  readonly failures: readonly Failure[];
}

interface Failure {
  readonly error: MillraceError;
  readonly partitions: readonly TopicPartition[];
}

interface LeaderRequest {
  readonly nodeId: number;
  readonly round: Promise<LeaderRound>;
}

const keyOf = ({ topic, partition }: TopicPartition): string => `${topic}/${partition}`;

/**
 * Fetches from all leaders at once and answers as soon as one of them has something; what the slower ones bring is given out by a later
 * call, if the position is still the same. So one idle broker's long poll holds nothing back.
 */
export class FetchReader implements BatchReader {
  readonly #connections: Connections;
  readonly #log: RateLimitedLog;
  readonly #underWay = new Map<number, LeaderRequest>();
  /** Partitions for which nothing fitted last time: they come first next time, as only the first is sure to get a batch. */
  #starved = new Set<string>();
  readonly #pausedUntil = new Map<string, number>();
  #turn = 0;
  #busy = false;
  #closed = false;

  constructor(connections: Connections) {
    this.#connections = connections;
    this.#log = new RateLimitedLog(connections.settings.log, connections.settings.clock);
  }

  async fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedBatch[]> {
    if (this.#busy) throw new StopError('fetch was called while another is under way on the same reader');
    if (this.#closed) throw new StopError('fetch was called on a closed reader');
    if (positions.length === 0) return [];
    this.#busy = true;
    try {
      return await this.#fetch(positions, limits);
    } finally {
      this.#busy = false;
    }
  }

  async endOffsets(partitions: readonly TopicPartition[], isolation: Isolation): Promise<readonly Position[]> {
    return offsetsAt(this.#connections, partitions, LATEST, isolation);
  }

  async startOffsets(partitions: readonly TopicPartition[]): Promise<readonly Position[]> {
    return offsetsAt(this.#connections, partitions, EARLIEST, 'read_committed');
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#connections.close();
  }

  async #fetch(positions: readonly Position[], limits: FetchLimits): Promise<readonly FetchedBatch[]> {
    const { clock } = this.#connections.settings;
    const asked = this.#inTurn(positions);
    if (asked.length === 0 && this.#underWay.size === 0) {
      await clock.sleep(Math.min(FAULT_PAUSE_MS, limits.maxWaitMs));
      return [];
    }
    for (const [nodeId, group] of await this.#connections.byLeader(asked)) {
      if (!this.#underWay.has(nodeId)) this.#underWay.set(nodeId, { nodeId, round: this.#ask(nodeId, group, limits) });
    }
    const wanted = new Map(positions.map((position) => [keyOf(position), position.offset]));
    const failures: Failure[] = [];
    const waiting = new Set(this.#underWay.values());
    while (waiting.size > 0) {
      const settled = await this.#settled(waiting);
      const batches: FetchedBatch[] = [];
      for (const round of settled) {
        const gone = round.outOfRange.filter((position) => wanted.get(keyOf(position)) === position.offset);
        if (gone.length > 0) throw new OffsetOutOfRangeError(gone);
        const fatal = round.failures.find(({ error }) => error instanceof StopError);
        if (fatal !== undefined) throw fatal.error;
        failures.push(...round.failures);
        batches.push(...round.batches.filter((batch) => wanted.get(keyOf(batch)) === round.asked.get(keyOf(batch))));
      }
      if (batches.length > 0) {
        for (const failure of failures) this.#pause(failure);
        return batches;
      }
    }
    if (failures.length > 0) throw failures[0]!.error;
    return [];
  }

  /** Waits for the first request to settle and takes all that have. */
  async #settled(waiting: Set<LeaderRequest>): Promise<LeaderRound[]> {
    const rounds: LeaderRound[] = [];
    await Promise.race([...waiting].map((request) => request.round));
    for (const request of waiting) {
      const done = await Promise.race([request.round, undefined]);
      if (done === undefined) continue;
      waiting.delete(request);
      this.#underWay.delete(request.nodeId);
      rounds.push(done);
    }
    return rounds;
  }

  /** Every partition gets its turn at the front, starved ones first; those that failed while others delivered wait a little. */
  #inTurn(positions: readonly Position[]): Position[] {
    const now = this.#connections.settings.clock.monotonic();
    const ready = positions.filter((position) => (this.#pausedUntil.get(keyOf(position)) ?? 0) <= now);
    if (ready.length === 0) return [];
    this.#turn = (this.#turn + 1) % ready.length;
    const rotated = [...ready.slice(this.#turn), ...ready.slice(0, this.#turn)];
    if (this.#starved.size === 0) return rotated;
    const starved = this.#starved;
    return [...rotated.filter((p) => starved.has(keyOf(p))), ...rotated.filter((p) => !starved.has(keyOf(p)))];
  }

  /** Never rejects: what went wrong is part of the result, so that one leader's fault does not lose another's records. */
  async #ask(nodeId: number, group: readonly Position[], limits: FetchLimits): Promise<LeaderRound> {
    try {
      const broker = await this.#connections.broker(nodeId);
      const answer = await broker.send(fetchRecords(group, limits));
      const step = this.#confirmsGap(answer, group) ? await broker.send(fetchRecords(this.#gapped(answer, group), { ...limits, maxWaitMs: 0 })) : undefined;
      return this.#read(answer, group, step);
    } catch (thrown) {
      const error = thrown instanceof MillraceError ? thrown : new StopError(messageOf(thrown), { cause: thrown });
      return { batches: [], asked: new Map(), outOfRange: [], failures: [{ error, partitions: group }] };
    }
  }

  #read(answer: FetchAnswer, group: readonly Position[], alone: FetchAnswer | undefined): LeaderRound {
    if (answer.error !== NONE) throw protocolError(answer.error, 'Fetch');
    const asked = new Map(group.map((position) => [keyOf(position), position.offset]));
    const batches: FetchedBatch[] = [];
    const outOfRange: Position[] = [];
    const failures: Failure[] = [];
    const second = alone?.partitions[0];
    for (const first of answer.partitions) {
      const part = second !== undefined && keyOf(second) === keyOf(first) ? second : first;
      const key = keyOf(part);
      const askedOffset = asked.get(key)!;
      if (part.error === OFFSET_OUT_OF_RANGE) outOfRange.push({ topic: part.topic, partition: part.partition, offset: askedOffset });
      else if (part.error !== NONE) {
        failures.push(this.#partitionFailure(part));
      } else if (part.records.length > 0) {
        this.#starved.delete(key);
        batches.push(new RecordColumns({ ...part, askedOffset }));
      } else if (askedOffset < part.lastStableOffset) {
        const gap = part === second && alone!.throttleMs === 0;
        if (gap) batches.push(new RecordColumns({ ...part, askedOffset: part.lastStableOffset }));
        else this.#starved.add(key);
      }
    }
    return { batches, asked, outOfRange, failures };
  }

  /** Nothing at all came, though the log goes on: only then it is worth asking whether the rest was compacted away. */
  #confirmsGap(answer: FetchAnswer, group: readonly Position[]): boolean {
    return answer.throttleMs === 0 && answer.partitions.every((part) => part.records.length === 0) && this.#gapped(answer, group).length > 0;
  }

  /**
   * The first partition that came empty below its end, to be asked alone. A broker looks from the asked offset to the last stable one and returns
   * the first batch it finds, whole, whatever its size, to a request for one partition. So an empty answer to that means that
   * compaction left nothing up to the last stable offset.
   */
  #gapped(answer: FetchAnswer, group: readonly Position[]): Position[] {
    const offsets = new Map(group.map((position) => [keyOf(position), position]));
    for (const part of answer.partitions) {
      const position = offsets.get(keyOf(part));
      if (position !== undefined && part.error === NONE && part.records.length === 0 && position.offset < part.lastStableOffset) return [position];
    }
    return [];
  }

  #partitionFailure(part: FetchedPartition): Failure {
    if (leadershipMoved(part.error)) this.#connections.forgetLeaders([part.topic]);
    return { error: protocolError(part.error, 'Fetch', { topic: part.topic, partition: part.partition }), partitions: [part] };
  }

  /** Others delivered, so the caller will ask again at once. */
  #pause({ error, partitions }: Failure): void {
    this.#log.warn(error.message, 'Partitions cannot be fetched for now', { error });
    const until = this.#connections.settings.clock.monotonic() + FAULT_PAUSE_MS;
    for (const partition of partitions) this.#pausedUntil.set(keyOf(partition), until);
  }
}
