/** Keys that live in a table's topic and that no row of the table has any more: their deletes were lost with a slot, or were a TRUNCATE. */
import type pg from 'pg';
import { debezium, schema, type Change } from '../../topology/codecs.ts';
import { backoffMs, type Clock } from '../core/clock.ts';
import { ConfigurationError, DeadLetterError, RetryError } from '../core/errors.ts';
import { murmur2 } from '../kafka/partitioner.ts';
import type { BatchReader, FetchedBatch, KafkaPort, Position, TopicPartition } from '../kafka/port.ts';
import { NO_VALUE, type KeyDecoder, type Serde, type ValueDecoder } from '../serde/index.ts';
import type { Capture } from './capture.ts';
import { absentKeys, type KeyColumn } from './source-table.ts';

/** A key whose newest record in the topic is a row that PostgreSQL does not have. */
export interface Ghost {
  /** Each column of the key as text. */
  readonly key: readonly string[];
  readonly partition: number;
  /** Of the newest record. */
  readonly offset: number;
  /** The key as it stands in the topic: only the same bytes take it away. */
  readonly bytes: Buffer;
}

export interface GhostOptions {
  readonly port: KafkaPort;
  readonly serde: Serde;
  readonly clock: Clock;
  readonly postgres: pg.Client;
  readonly capture: Capture;
  readonly columns: readonly KeyColumn[];
  /** Keys that are compared with PostgreSQL at once. Default 5,000. */
  readonly batchKeys?: number;
  /** Keys that are held in memory at most; with more the topic is read again, a part of the keys at a time. Default 100,000. */
  readonly mostKeys?: number;
  readonly signal?: AbortSignal;
}

export interface GhostCounts {
  /** Records read, over all passes. */
  records: number;
  /** Of them: without a key, or with one that cannot be read. They are left alone. */
  unreadable: number;
  passes: number;
}

const BATCH_KEYS = 5_000;
const MOST_KEYS = 100_000;
const MOST_PASSES = 1_024;
const LIMITS = { maxWaitMs: 200, maxBytes: 16_777_216, maxBytesPerPartition: 4_194_304 };
const ATTEMPTS = 10;
const RETRY_BASE_MS = 100;
const RETRY_MAX_MS = 2_000;

/** The keys whose hash falls on `index` of `of` parts. */
interface Share {
  readonly index: number;
  readonly of: number;
}

const WHOLE: Share = { index: 0, of: 1 };

/** There are more keys than may be held: a smaller share has to do. */
class TooMany extends Error {}

/** Debezium's envelope without a column of the row: whether it is a delete is all that is asked of it. */
const envelopeOf = (topic: string) => debezium(schema<object>({ type: 'record', name: 'Value', namespace: topic.replaceAll(/[^A-Za-z0-9_.]/g, '_'), fields: [] }));

export class GhostScan {
  readonly counts: GhostCounts = { records: 0, unreadable: 0, passes: 0 };
  readonly #options: GhostOptions;
  readonly #reader: BatchReader;
  readonly #keys: KeyDecoder;
  readonly #values: ValueDecoder<unknown>;

  constructor(options: GhostOptions) {
    this.#options = options;
    const codec = envelopeOf(options.capture.topic);
    this.#reader = options.port.reader();
    this.#keys = options.serde.keyDecoder(codec);
    this.#values = options.serde.valueDecoder(codec, 'keep');
  }

  /** What passes is tried again, for a bounded time. */
  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const { clock, signal } = this.#options;
    for (let tried = 0; ; tried += 1) {
      signal?.throwIfAborted();
      try {
        return await attempt();
      } catch (error) {
        if (!(error instanceof RetryError) || tried >= ATTEMPTS) throw error;
        await clock.sleep(backoffMs(clock, tried, RETRY_BASE_MS, RETRY_MAX_MS), signal);
      }
    }
  }

  /** The committed records of the topic between two positions of each partition. */
  async *#read(from: readonly Position[], to: readonly Position[]): AsyncGenerator<FetchedBatch> {
    let at = from;
    const behind = (): Position[] => at.filter((position, i) => position.offset < to[i]!.offset);
    for (let wanted = behind(); wanted.length > 0; wanted = behind()) {
      for (const batch of await this.#patiently(() => this.#reader.fetch(wanted, LIMITS))) {
        await this.#patiently(async () => void (await Promise.all([this.#keys.prepare(batch), this.#values.prepare(batch)])));
        yield batch;
        at = at.map((position) => (position.partition === batch.partition ? { ...position, offset: batch.nextOffset } : position));
      }
    }
  }

  #keyOf(batch: FetchedBatch, i: number): readonly string[] | null {
    const { columns } = this.#options;
    try {
      const key = this.#keys.decode(batch.key(i));
      const parts = Array.isArray(key) ? (key as unknown[]) : [key];
      return key === null || parts.length !== columns.length ? null : parts.map(String);
    } catch (error) {
      if (error instanceof DeadLetterError) return null;
      throw error;
    }
  }

  /** Whether a record is a row: neither a tombstone nor a delete. What is no envelope, such as a flattened row, is one. */
  #isRow(batch: FetchedBatch, i: number): boolean {
    const bytes = batch.value(i);
    if (bytes === null) return false;
    try {
      const value = this.#values.decode(bytes);
      return value !== NO_VALUE && (value as Change<object>).op !== 'd';
    } catch (error) {
      if (error instanceof DeadLetterError) return true;
      throw error;
    }
  }

  /** Calls `row` and `gone` for each record of the share that has a key, in the order of its partition. */
  async #each(from: readonly Position[], to: readonly Position[], share: Share, on: { row(id: string, ghost: Ghost): void; gone(id: string): void; between(): Promise<void> }): Promise<void> {
    for await (const batch of this.#read(from, to)) {
      for (let i = 0; i < batch.count; i += 1) {
        const bytes = batch.key(i);
        if (bytes !== null && (murmur2(bytes) >>> 0) % share.of !== share.index) continue;
        this.counts.records += 1;
        const key = this.#keyOf(batch, i);
        if (key === null || bytes === null) {
          this.counts.unreadable += 1;
          continue;
        }
        const id = `${batch.partition} ${bytes.toString('latin1')}`;
        // The bytes are a view into the whole fetch, which must not stay in memory for them.
        if (this.#isRow(batch, i)) on.row(id, { key, partition: batch.partition, offset: batch.offset(i), bytes: Buffer.from(bytes) });
        else on.gone(id);
      }
      await on.between();
    }
  }

  /** Moves those that PostgreSQL does not have from `seen` to `absent`, and empties `seen`. */
  async #sort(seen: Map<string, Ghost>, absent: Map<string, Ghost>): Promise<void> {
    const { postgres, capture, columns } = this.#options;
    const entries = [...seen];
    seen.clear();
    if (entries.length === 0) return;
    const missing = await absentKeys(postgres, capture, columns, entries.map(([, { key }]) => key));
    for (const [i, [id, ghost]] of entries.entries()) {
      if (missing.has(i)) absent.set(id, ghost);
      else absent.delete(id);
    }
  }

  async #pass(places: readonly TopicPartition[], share: Share): Promise<readonly Ghost[]> {
    const { batchKeys = BATCH_KEYS, mostKeys = MOST_KEYS } = this.#options;
    this.counts.passes += 1;
    const seen = new Map<string, Ghost>();
    const absent = new Map<string, Ghost>();
    const ends = (): Promise<readonly Position[]> => this.#patiently(() => this.#reader.endOffsets(places, 'read_committed'));
    const on = {
      row: (id: string, ghost: Ghost): void => void seen.set(id, ghost),
      gone: (id: string): void => {
        seen.delete(id);
        absent.delete(id);
      },
      between: async (): Promise<void> => {
        if (seen.size >= batchKeys) await this.#sort(seen, absent);
        if (absent.size > mostKeys) throw new TooMany();
      },
    };
    const end = await ends();
    await this.#each(await this.#patiently(() => this.#reader.startOffsets(places)), end, share, on);
    await this.#sort(seen, absent);
    // What was deleted while the topic was read has its tombstone behind that end.
    await this.#each(end, await ends(), share, on);
    await this.#sort(seen, absent);
    if (absent.size > mostKeys) throw new TooMany();
    return [...absent.values()];
  }

  async *#share(places: readonly TopicPartition[], share: Share): AsyncGenerator<readonly Ghost[]> {
    let found: readonly Ghost[];
    try {
      found = await this.#pass(places, share);
    } catch (error) {
      if (!(error instanceof TooMany) || share.of >= MOST_PASSES) throw error;
      yield* this.#share(places, { index: share.index, of: share.of * 2 });
      yield* this.#share(places, { index: share.index + share.of, of: share.of * 2 });
      return;
    }
    yield found;
  }

  /** All ghosts, in groups of `mostKeys` at most. Throws `ConfigurationError` when there is no such topic. */
  async *ghosts(): AsyncGenerator<readonly Ghost[]> {
    const { port, capture } = this.#options;
    const admin = port.admin();
    const [description] = await this.#patiently(() => admin.describeTopics([capture.topic])).finally(() => admin.close());
    if (description === undefined) throw new ConfigurationError([`Kafka has no topic ${capture.topic}`], { hint: `Connector ${capture.connector} makes it with its first record of the table` });
    yield* this.#share(Array.from({ length: description.partitions }, (_, partition) => ({ topic: capture.topic, partition })), WHOLE);
  }

  close(): Promise<void> {
    return this.#reader.close();
  }
}
